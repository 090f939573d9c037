package bita.decode;

import bita.model.Engine;
import bita.model.KvCache;
import bita.model.ModelConfig;
import bita.model.ProgressListener;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.IntPredicate;
import java.util.function.Supplier;

/**
 * Decodes one sequence. {@link #begin} reads the prompt, then every {@link #step} runs one pass that verifies a draft
 * and makes the next one (BiTA, arXiv 2401.12522, section 3.2). Which tokens come out is decided by the model's logits
 * and the sampling settings alone; the method only decides how many a pass yields.
 *
 * <p>A session may begin again: what the new prompt shares with the sequence so far is not computed anew. Not
 * thread-safe.
 */
public final class DecodingSession implements AutoCloseable {
    private final Engine engine;
    private final int prefillChunk;
    private final Supplier<Optional<Drafting>> newDrafting;
    private Optional<Planner> planner;
    private final SequencePasses passes;
    private final Sequence sequence;
    private final List<Sequence> all; // the same
    private boolean begun;

    /**
     * A session with an empty cache.
     *
     * @param adapter  of the engine, for what is known of its drafts
     * @param costs    of steps, asked for if the method's steps are planned
     * @param observer sees the logits behind every decided token
     * @throws IllegalArgumentException if the method needs masks and the engine has no adapter
     */
    public DecodingSession(
            Engine engine,
            Optional<Adapter> adapter,
            Supplier<StepCosts> costs,
            DecodingSettings settings,
            VerifiedLogits observer) {
        this.engine = engine;
        prefillChunk = settings.prefillChunk();
        newDrafting = () -> Drafting.of(engine, adapter, settings.method(), settings.rows(), costs);
        Optional<Drafting> drafting = newDrafting.get();
        planner = drafting.flatMap(Drafting::planner);
        int firstMasks = drafting.map(Drafting::masks).orElse(0);
        int mostRows = drafting.map(Drafting::mostRows).orElse(1);
        ModelConfig config = engine.model().config();
        KvCache cache = new KvCache(config, settings.cacheFormat(), config.checkedContext(settings.context()));
        sequence = new Sequence(cache, drafting.map(d -> d.drafter(engine, 1)), observer);
        all = List.of(sequence);
        passes = new SequencePasses(engine, adapter, Math.max(prefillChunk + firstMasks, mostRows));
    }

    /** Forgets the sequence and all that was learned about its drafts, as if the session were new. */
    public void forget() {
        begun = false;
        Optional<Drafting> drafting = newDrafting.get();
        planner = drafting.flatMap(Drafting::planner);
        sequence.renew(drafting.map(d -> d.drafter(engine, 1)));
    }

    /** Tokens of the sequence so far: the prompt and what was decided. */
    public int length() {
        return sequence.length();
    }

    /**
     * Reads a prompt and decides the first token.
     *
     * @param prompt    at least one token
     * @param choice    index among several answers to the prompt, part of what sampled tokens depend on
     * @param processor that has accepted nothing
     * @param drafting  whether the session's method drafts for the answer; the tokens are the same
     * @param progress  tokens read of tokens to read
     * @param cancelled asked before every pass
     * @return the first token; empty if cancelled
     * @throws NotANumberException if the model's logits are not numbers
     */
    public Optional<Step> begin(
            int[] prompt,
            SamplingSettings sampling,
            int choice,
            LogitsProcessor processor,
            boolean drafting,
            ProgressListener progress,
            BooleanSupplier cancelled) {
        if (prompt.length == 0) {
            throw new IllegalArgumentException("the prompt has no tokens");
        }
        begun = false;
        sequence.begin(prompt, sampling, choice, processor, drafting);
        int unread = sequence.unread();
        while (sequence.unread() > 0) {
            if (cancelled.getAsBoolean()) {
                return Optional.empty();
            }
            progress.progress(unread - sequence.unread(), unread);
            sequence.read(Math.min(prefillChunk, sequence.unread()));
            run();
        }
        progress.progress(unread, unread);
        begun = true;
        return Optional.of(sequence.step(StepTime.UNKNOWN));
    }

    /**
     * Runs one pass.
     *
     * @param most  most tokens to decide, at least 1
     * @param isEnd tokens behind which nothing is decided
     * @throws NotANumberException if the model's logits are not numbers
     */
    public Step step(int most, IntPredicate isEnd) {
        if (!begun) {
            throw new IllegalStateException("step() comes after begin()");
        }
        sequence.decode(most, isEnd);
        return sequence.step(run());
    }

    private StepTime run() {
        StepTime time = passes.run(all, planner);
        if (sequence.problem().isPresent()) {
            throw sequence.problem().get();
        }
        return time;
    }

    @Override
    public void close() {
        passes.close();
        sequence.close();
    }
}
