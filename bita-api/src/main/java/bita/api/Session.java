package bita.api;

import bita.api.json.TokenIndex;
import bita.decode.DecodingSession;
import bita.decode.Method;
import bita.decode.Step;
import bita.model.tokenizer.Tokenizer;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Generates answers one after the other; what a prompt shares with the text so far is not computed again. For one
 * thread at a time, except {@link #cancel}.
 */
public final class Session implements AutoCloseable {
    private final Tokenizer tokenizer;
    private final Supplier<TokenIndex> index;
    private final Set<Integer> ends;
    private final Method method;
    private final int context;
    private final DecodingSession decoding;
    private volatile boolean cancelled;

    Session(Tokenizer tokenizer, Supplier<TokenIndex> index, Method method, int context, DecodingSession decoding) {
        this.tokenizer = tokenizer;
        this.index = index;
        this.ends = tokenizer.endOfGeneration();
        this.method = method;
        this.context = context;
        this.decoding = decoding;
    }

    /** The method in use. */
    public Method method() {
        return method;
    }

    /** Most tokens of prompt and answer together. */
    public int context() {
        return context;
    }

    /**
     * Forgets the text so far and what was learned from it about drafts, so that the next answer takes what it takes in a
     * new session.
     */
    public void forget() {
        decoding.forget();
    }

    /** Ends the answer in the making, from any thread, before its next pass. */
    public void cancel() {
        cancelled = true;
    }

    /**
     * Generates an answer.
     *
     * @param prompt token ids, at least one; see {@link LanguageModel#prompt}
     * @throws ContextOverflowException if the prompt leaves no room for an answer
     * @throws IllegalArgumentException if the model does not have a token of a bias, or none that ends an answer
     *     that has a format
     * @throws bita.decode.NotANumberException if the model's logits are not numbers
     */
    public Answer generate(int[] prompt, GenerationOptions options, AnswerListener listener) {
        if (prompt.length >= context) {
            throw new ContextOverflowException(prompt.length, context);
        }
        cancelled = false;
        int most = Math.min(options.maxTokens().orElse(Integer.MAX_VALUE), context - prompt.length);
        AnswerWriter writer = new AnswerWriter(tokenizer, index, prompt, options, listener);
        int[] reused = {prompt.length};
        long start = System.nanoTime();
        Optional<Step> first = decoding.begin(
                prompt,
                options.sampling(),
                0,
                writer.processor(),
                options.drafting(),
                (done, all) -> {
                    reused[0] = prompt.length - (int) all;
                    listener.prompt((int) done, (int) all);
                },
                () -> cancelled);
        long firstToken = System.nanoTime();
        int steps = 0;
        long rows = 0;
        long drafted = 0;
        Answer.Finish finish = Answer.Finish.CANCELLED;
        if (first.isPresent()) {
            boolean open = writer.write(first.get());
            while (open && writer.tokens().size() < most && !cancelled) {
                Step step = decoding.step(most - writer.tokens().size(), ends::contains);
                steps++;
                rows += step.rows();
                drafted += step.drafted();
                listener.step(step);
                open = writer.write(step);
            }
            if (!open) {
                finish = Answer.Finish.STOP;
            } else if (writer.tokens().size() >= most) {
                finish = Answer.Finish.LENGTH;
            }
        }
        long end = System.nanoTime();
        writer.finish();
        Answer.Statistics statistics = new Answer.Statistics(
                prompt.length,
                reused[0],
                writer.tokens().size(),
                steps,
                rows,
                drafted,
                firstToken - start,
                end - firstToken);
        return new Answer(writer.text(), writer.tokens(), writer.logprobs(), finish, statistics);
    }

    @Override
    public void close() {
        decoding.close();
    }
}
