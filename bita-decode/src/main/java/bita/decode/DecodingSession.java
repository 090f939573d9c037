package bita.decode;

import bita.model.Engine;
import bita.model.ForwardPass;
import bita.model.KvCache;
import bita.model.MaskTokens;
import bita.model.ModelConfig;
import bita.model.ProgressListener;
import bita.model.Rows;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.IntPredicate;

/**
 * Decodes one sequence. {@link #begin} reads the prompt, then every {@link #step} runs one pass that verifies a draft
 * and makes the next one (BiTA, arXiv 2401.12522, section 3.2). Which tokens come out is decided by the model's logits
 * and the sampling settings alone; the method only decides how many a pass yields.
 *
 * <p>A session may begin again: what the new prompt shares with the sequence so far is not computed anew. Not
 * thread-safe.
 */
public final class DecodingSession implements AutoCloseable {
    /**
     * Up to this many mask rows get logits in the pass through the output head that verifies the tree, although only
     * one group's will be read: reading the head's weights once more costs as much as about twenty rows (measured with
     * the default model).
     */
    private static final int MASK_ROWS_WITH_TREE = 16;

    private final VerifiedLogits observer;
    private final TokenDecider decider;
    private final int prefillChunk;
    private final int vocabulary;
    private final Optional<Drafter> drafter;
    private final Optional<PromptLookup> lookup;
    private final CandidateReader reader;
    private final KvCache cache;
    private final ForwardPass pass;

    private final Rows rows = new Rows();
    private final TokenSequence known = new TokenSequence(); // what the cache holds, then the root
    private final int[] rowIndices;
    private final int[] chain = new int[PromptLookup.Settings.standard().length()];
    private MaskCandidates candidates = MaskCandidates.none();
    private SamplingSettings sampling = SamplingSettings.greedy();
    private int choice;
    private boolean begun;

    /** As {@link #DecodingSession(Engine, Calibration, DecodingSettings, VerifiedLogits)}, with masks that are believed. */
    public DecodingSession(Engine engine, DecodingSettings settings, VerifiedLogits observer) {
        this(engine, Calibration.none(), settings, observer);
    }

    /**
     * A session with an empty cache.
     *
     * @param calibration of the engine's adapter
     * @param observer sees the logits behind every decided token
     * @throws IllegalArgumentException if the method needs masks and the engine has no adapter
     */
    public DecodingSession(Engine engine, Calibration calibration, DecodingSettings settings, VerifiedLogits observer) {
        this.observer = observer;
        decider = new TokenDecider(engine);
        prefillChunk = settings.prefillChunk();
        vocabulary = engine.model().config().vocabulary();
        int masks = 0;
        if (settings.method() instanceof Method.Drafting drafting) {
            masks = drafting.masks()
                    .map(source -> Math.min(source.perGroup(), masks(engine, drafting)))
                    .orElse(0);
            drafter = Optional.of(new Drafter(drafting, masks, settings.rows()));
            lookup = drafting.lookup()
                    ? Optional.of(new PromptLookup(PromptLookup.Settings.standard()))
                    : Optional.empty();
        } else {
            drafter = Optional.empty();
            lookup = Optional.empty();
        }
        reader = new CandidateReader(engine, calibration);
        int maxRows =
                Math.max(prefillChunk + masks, drafter.map(Drafter::mostRows).orElse(1));
        rowIndices = new int[maxRows];
        ModelConfig config = engine.model().config();
        cache = new KvCache(config, settings.cacheFormat(), config.checkedContext(settings.context()));
        pass = new ForwardPass(engine, maxRows);
    }

    private static int masks(Engine engine, Method.Drafting method) {
        return engine.maskTokens()
                .map(MaskTokens::masks)
                .orElseThrow(() -> new IllegalArgumentException("the method " + method.name()
                        + " needs an adapter, and none is loaded: give one with --adapter, or use lookup or plain"));
    }

    /** Tokens of the sequence so far: the prompt and what was decided. */
    public int length() {
        return known.size();
    }

    /**
     * Reads a prompt and decides the first token.
     *
     * @param prompt    at least one token
     * @param choice    index among several answers to the prompt, part of what sampled tokens depend on
     * @param progress  tokens read of tokens to read
     * @param cancelled asked before every pass
     * @return the first token; empty if cancelled
     * @throws NotANumberException if the model's logits are not numbers
     */
    public Optional<Step> begin(
            int[] prompt, SamplingSettings sampling, int choice, ProgressListener progress, BooleanSupplier cancelled) {
        if (prompt.length == 0) {
            throw new IllegalArgumentException("the prompt has no tokens");
        }
        this.sampling = sampling;
        this.choice = choice;
        begun = false;
        // The last token is always computed: its logits decide the first new token.
        int shared = Math.min(Math.min(known.commonPrefix(prompt), cache.length()), prompt.length - 1);
        rewind(shared);
        for (int from = shared; from < prompt.length; from += prefillChunk) {
            if (cancelled.getAsBoolean()) {
                return Optional.empty();
            }
            int to = Math.min(from + prefillChunk, prompt.length);
            progress.progress(from - shared, prompt.length - shared);
            read(prompt, from, to);
            if (to == prompt.length) {
                progress.progress(to - shared, to - shared);
                return Optional.of(first(to - from));
            }
            keepChain(to - from);
        }
        throw new IllegalStateException("the last chunk returns");
    }

    private void rewind(int length) {
        cache.truncate(length);
        known.truncate(length);
        lookup.ifPresent(index -> index.truncate(length));
        candidates = MaskCandidates.none();
    }

    private void read(int[] prompt, int from, int to) {
        rows.clear();
        for (int i = from; i < to; i++) {
            rows.addToken(prompt[i], i - from - 1);
            append(prompt[i]);
        }
        int last = to - from - 1;
        if (to == prompt.length) {
            drafter.ifPresent(d -> d.addFirstGroup(last, rows));
        }
        pass.run(cache, rows);
    }

    private Step first(int promptRows) {
        rowIndices[0] = promptRows - 1;
        MemorySegment logits = pass.logits(rowIndices, 1);
        int position = cache.length() + promptRows - 1;
        int token = decide(logits, position);
        candidates = drafter.map(d -> candidates(d, promptRows, new StepTime.Clock()))
                .orElse(MaskCandidates.none());
        keepChain(promptRows);
        append(token);
        begun = true;
        return new Step(List.of(new Step.Token(token, DraftOrigin.ROOT, 0)), 0, rows.size(), StepTime.UNKNOWN);
    }

    private void keepChain(int count) {
        for (int i = 0; i < count; i++) {
            rowIndices[i] = i;
        }
        cache.accept(rowIndices, count);
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
        if (drafter.isEmpty()) {
            return plainStep();
        }
        return draftStep(drafter.get(), most, isEnd);
    }

    private Step plainStep() {
        StepTime.Clock clock = new StepTime.Clock();
        rows.clear();
        rows.addToken(known.last(), Rows.CACHE_END);
        clock.drafted();
        pass.run(cache, rows);
        rowIndices[0] = 0;
        MemorySegment logits = pass.logits(rowIndices, 1);
        clock.forwarded();
        int token = decide(logits, cache.length());
        cache.accept(rowIndices, 1);
        append(token);
        clock.verified();
        return new Step(List.of(new Step.Token(token, DraftOrigin.ROOT, 0)), 0, 1, clock.time());
    }

    private Step draftStep(Drafter drafter, int most, IntPredicate isEnd) {
        long start = System.nanoTime();
        StepTime.Clock clock = new StepTime.Clock();
        int found = lookup.map(index -> index.draft(chain)).orElse(0);
        drafter.draft(known.last(), candidates, chain, found, rows);
        DraftTree tree = drafter.tree();
        clock.drafted();
        pass.run(cache, rows);
        boolean together = rows.size() - tree.size() <= MASK_ROWS_WITH_TREE;
        int logitRows = together ? rows.size() : tree.size();
        for (int row = 0; row < logitRows; row++) {
            rowIndices[row] = row;
        }
        MemorySegment logits = pass.logits(rowIndices, logitRows);
        clock.forwarded();

        List<Step.Token> decided = new ArrayList<>();
        int length = cache.length();
        int node = 0;
        int verified = 0; // rows on the path that stay in the cache
        while (true) {
            rowIndices[verified++] = node;
            int token = decide(rowsOf(logits, node, 1), length + tree.depth(node));
            int child = tree.child(node, token);
            boolean drafted = child != DraftTree.NONE;
            decided.add(new Step.Token(
                    token, drafted ? tree.origin(child) : DraftOrigin.ROOT, drafted ? tree.depth(child) : 0));
            if (!drafted || decided.size() >= most || isEnd.test(token)) {
                break;
            }
            node = child;
        }
        int group = drafter.group(node);
        cache.accept(rowIndices, verified);
        candidates = MaskCandidates.none();
        if (group >= 0) {
            candidates = together
                    ? reader.read(rowsOf(logits, group, drafter.masks()), drafter.masks())
                    : candidates(drafter, group, clock);
        }
        for (Step.Token token : decided) {
            append(token.id());
        }
        clock.verified();
        drafter.learn(decided, rows.size(), System.nanoTime() - start);
        return new Step(decided, tree.size() - 1, rows.size(), clock.time());
    }

    private int decide(MemorySegment logits, int position) {
        observer.accept(position, logits);
        return decider.decide(logits, position, sampling, choice);
    }

    private MemorySegment rowsOf(MemorySegment logits, int first, int count) {
        long rowBytes = (long) vocabulary * Float.BYTES;
        return logits.asSlice(first * rowBytes, count * rowBytes);
    }

    /** What the mask group whose rows begin at {@code first} predicts to follow the token after its anchor. */
    private MaskCandidates candidates(Drafter drafter, int first, StepTime.Clock clock) {
        int masks = drafter.masks();
        if (masks == 0) {
            return MaskCandidates.none();
        }
        int[] maskRows = new int[masks];
        for (int mask = 0; mask < masks; mask++) {
            maskRows[mask] = first + mask;
        }
        clock.verified();
        MemorySegment logits = pass.logits(maskRows, masks);
        clock.forwarded();
        return reader.read(logits, masks);
    }

    private void append(int token) {
        known.add(token);
        lookup.ifPresent(index -> index.append(token));
    }

    @Override
    public void close() {
        pass.close();
        cache.close();
    }
}
