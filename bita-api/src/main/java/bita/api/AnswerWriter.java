package bita.api;

import bita.api.json.TokenIndex;
import bita.decode.DraftOrigin;
import bita.decode.LogitsProcessor;
import bita.decode.LogprobRecorder;
import bita.decode.Step;
import bita.decode.TokenLogprobs;
import bita.model.tokenizer.StreamingDecoder;
import bita.model.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** Turns the tokens of one answer to text, piece by piece, and watches for the end. */
final class AnswerWriter {
    private final Set<Integer> ends;
    private final AnswerListener listener;
    private final StopText stop;
    private final StreamingDecoder decoder;
    private final LogitsProcessor processor;
    private final List<TokenLogprobs> logprobs = new ArrayList<>(); // may be ahead of the tokens
    private final List<Integer> tokens = new ArrayList<>();
    private final StringBuilder answer = new StringBuilder();

    /**
     * @param index of the model's tokens, asked for if the answer has a format
     */
    AnswerWriter(
            Tokenizer tokenizer,
            Supplier<TokenIndex> index,
            int[] prompt,
            GenerationOptions options,
            AnswerListener listener) {
        this.ends = tokenizer.endOfGeneration();
        this.listener = listener;
        this.stop = new StopText(options.stop());
        this.decoder = new StreamingDecoder(tokenizer, prompt);
        LogitsProcessor changing = options.adjustments().processor(prompt, tokenizer.size());
        if (options.format().isPresent()) {
            changing = changing.then(options.format().get().processor(index.get()));
        }
        processor = options.logprobs().isPresent()
                ? new LogprobRecorder(options.logprobs().getAsInt(), changing, logprobs::add)
                : changing;
    }

    /** What the answer's logits go through. */
    LogitsProcessor processor() {
        return processor;
    }

    /** Takes what a pass has decided; whether the answer goes on. */
    boolean write(Step step) {
        for (Step.Token token : step.tokens()) {
            tokens.add(token.id());
            if (tokens.size() <= logprobs.size()) {
                listener.logprobs(logprobs.get(tokens.size() - 1));
            }
            if (ends.contains(token.id())) {
                return false;
            }
            emit(stop.append(decoder.append(token.id())), token.origin(), token.depth());
            if (stop.found()) {
                return false;
            }
        }
        return true;
    }

    void finish() {
        if (!stop.found()) {
            emit(stop.append(decoder.finish()) + stop.finish(), DraftOrigin.ROOT, 0);
        }
    }

    /** Whether a stop text has come. */
    boolean stopped() {
        return stop.found();
    }

    /** All decided tokens so far. */
    List<Integer> tokens() {
        return tokens;
    }

    /** How likely they were, if that was asked for; otherwise empty. */
    List<TokenLogprobs> logprobs() {
        return logprobs.subList(0, Math.min(logprobs.size(), tokens.size()));
    }

    /** The text so far. */
    String text() {
        return answer.toString();
    }

    private void emit(String text, DraftOrigin origin, int depth) {
        if (!text.isEmpty()) {
            answer.append(text);
            listener.text(new AnswerListener.Piece(text, origin, depth));
        }
    }
}
