package bita.api.json;

import bita.decode.LogitsProcessor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;

/** Sets the logits of tokens that cannot come to negative infinity; those that are NaN stay, so that it is noticed. */
final class FormatProcessor implements LogitsProcessor {
    private static final int MOST_KEPT = 32;

    private final TokenIndex tokens;
    private final Steps scratch = new Steps();
    /** What may come in states that were last asked for; within a string the state is often the same. */
    private final Map<State, BitSet> kept = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<State, BitSet> eldest) {
            return size() > MOST_KEPT;
        }
    };

    private State state;

    FormatProcessor(State start, TokenIndex tokens) {
        this.state = start;
        this.tokens = tokens;
    }

    @Override
    public void process(MemorySegment logits) {
        BitSet allowed = kept.computeIfAbsent(state, tokens::allowed);
        int vocabulary = (int) (logits.byteSize() / Float.BYTES);
        int from = allowed.nextClearBit(0);
        while (from < vocabulary) {
            int next = allowed.nextSetBit(from);
            int to = next < 0 ? vocabulary : next;
            for (int token = from; token < to; token++) {
                if (!Float.isNaN(logits.getAtIndex(ValueLayout.JAVA_FLOAT, token))) {
                    logits.setAtIndex(ValueLayout.JAVA_FLOAT, token, Float.NEGATIVE_INFINITY);
                }
            }
            from = allowed.nextClearBit(to);
        }
    }

    @Override
    public void accept(int token) {
        for (byte b : tokens.bytes(token)) {
            state = state.step(b & 0xff, scratch);
        }
    }
}
