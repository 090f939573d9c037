package bita.decode;

import java.lang.foreign.MemorySegment;

/**
 * Changes the logits of one sequence before its tokens are decided: penalties, biases, grammars. What it does follows from
 * the tokens of the sequence alone, so the text is the same whoever drafts and however many tokens a pass yields; a draft
 * that it does not allow is never accepted.
 *
 * <p>It belongs to one sequence and may have state. Its methods are called in the order of the sequence, by one thread at a
 * time, though not always the same.
 */
public interface LogitsProcessor {
    /** Changes nothing, and costs nothing. */
    LogitsProcessor NONE = new LogitsProcessor() {
        @Override
        public void process(MemorySegment logits) {}

        @Override
        public void accept(int token) {}
    };

    /**
     * Changes the logits of the next token. May be called again before a token is accepted, with the same logits.
     *
     * @param logits f32 (vocabulary), a copy, valid during the call; negative infinity for what must not come, but not
     *     for all tokens
     */
    void process(MemorySegment logits);

    /** A token was decided, the first one behind the prompt or the one behind that accepted last. */
    void accept(int token);

    /** This and then another one, which sees the logits that this one leaves. */
    default LogitsProcessor then(LogitsProcessor next) {
        if (equals(NONE)) {
            return next;
        }
        LogitsProcessor first = this;
        return new LogitsProcessor() {
            @Override
            public void process(MemorySegment logits) {
                first.process(logits);
                next.process(logits);
            }

            @Override
            public void accept(int token) {
                first.accept(token);
                next.accept(token);
            }
        };
    }
}
