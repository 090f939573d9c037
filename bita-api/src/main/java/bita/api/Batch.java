package bita.api;

import bita.api.json.TokenIndex;
import bita.decode.BatchDecoder;
import bita.decode.BatchRequest;
import bita.decode.NotANumberException;
import bita.decode.SequenceListener;
import bita.decode.Step;
import bita.model.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.function.Supplier;

/**
 * Generates many answers at once: the model is read once per step for all of them. Drafts of all share the rows that pay;
 * where there are many answers, that is none. An answer is the one that a {@link Session} gives alone. Any thread may
 * submit and cancel; one thread steps.
 */
public final class Batch implements AutoCloseable {
    private final Tokenizer tokenizer;
    private final Supplier<TokenIndex> index;
    private final int context;
    private final BatchDecoder decoder;
    private long tokens;

    Batch(Tokenizer tokenizer, Supplier<TokenIndex> index, int context, BatchDecoder decoder) {
        this.tokenizer = tokenizer;
        this.index = index;
        this.context = context;
        this.decoder = decoder;
    }

    /** Most tokens of prompt and answer together. */
    public int context() {
        return context;
    }

    /**
     * Asks for an answer, which begins at the next step that has room.
     *
     * @param prompt token ids, at least one; see {@link LanguageModel#prompt}
     * @param choice index, from 0, among several answers to the prompt: sampled answers differ by it
     * @throws ContextOverflowException if the prompt leaves no room for an answer
     * @throws IllegalArgumentException if the model does not have a token of the prompt or of a bias, or none that ends
     *     an answer that has a format
     */
    public BatchDecoder.Ticket submit(int[] prompt, GenerationOptions options, int choice, BatchListener listener) {
        if (prompt.length >= context) {
            throw new ContextOverflowException(prompt.length, context);
        }
        BatchRequest request = new BatchRequest(
                Arrays.stream(prompt).boxed().toList(),
                options.sampling(),
                choice,
                options.maxTokens().orElse(context),
                context,
                tokenizer.endOfGeneration(),
                options.drafting());
        Follower follower = new Follower(prompt, options, listener);
        return decoder.submit(request, follower.writer.processor(), follower);
    }

    /**
     * Runs one pass for all answers that have begun.
     *
     * @return false if no answer is left to be made
     */
    public boolean step() {
        return decoder.step();
    }

    /** Tokens decided so far, of all answers. */
    public long tokens() {
        return tokens;
    }

    /** Cancels all answers and frees their memory. */
    @Override
    public void close() {
        decoder.close();
    }

    /** Makes an answer of one sequence. */
    private final class Follower implements SequenceListener {
        private final int promptTokens;
        private final BatchListener listener;
        private final AnswerWriter writer;
        private final long start = System.nanoTime();
        private long firstToken;
        private int reused;
        private int passes; // that have decided tokens
        private long rows; // of the passes after the first one
        private long drafted;

        Follower(int[] prompt, GenerationOptions options, BatchListener listener) {
            promptTokens = prompt.length;
            this.listener = listener;
            writer = new AnswerWriter(tokenizer, index, prompt, options, listener);
        }

        @Override
        public void joined(int tokens) {
            reused = tokens;
            listener.began(tokens);
        }

        @Override
        public void prompt(int tokensRead, int tokens) {
            listener.prompt(tokensRead, tokens);
        }

        @Override
        public boolean step(Step step) {
            if (passes == 0) {
                firstToken = System.nanoTime();
            } else {
                rows += step.rows();
                drafted += step.drafted();
                listener.step(step);
            }
            passes++;
            int before = writer.tokens().size();
            boolean goOn = writer.write(step);
            tokens += writer.tokens().size() - before;
            return goOn;
        }

        @Override
        public void ended(Ending ending) {
            writer.finish();
            Answer.Finish finish = switch (ending) {
                case END_TOKEN, STOPPED -> Answer.Finish.STOP;
                case LENGTH -> writer.stopped() ? Answer.Finish.STOP : Answer.Finish.LENGTH;
                case CANCELLED -> Answer.Finish.CANCELLED;
            };
            long end = System.nanoTime();
            if (passes == 0) {
                firstToken = end;
            }
            Answer.Statistics statistics = new Answer.Statistics(
                    promptTokens,
                    reused,
                    writer.tokens().size(),
                    Math.max(0, passes - 1),
                    rows,
                    drafted,
                    firstToken - start,
                    end - firstToken);
            listener.finished(new Answer(writer.text(), writer.tokens(), writer.logprobs(), finish, statistics));
        }

        @Override
        public void failed(NotANumberException problem) {
            listener.failed(problem);
        }
    }
}
