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
    private final Supplier<Drafting> newDrafting;
    private Drafting drafting;
    private final CandidateReader reader;
    private final KvCache cache;
    private final ForwardPass pass;

    private final Rows rows = new Rows();
    private final TokenSequence known = new TokenSequence(); // what the cache holds, then the root
    private final int[] rowIndices;
    private MaskCandidates candidates = MaskCandidates.none();
    private SamplingSettings sampling = SamplingSettings.greedy();
    private int choice;
    private boolean begun;

    /**
     * A session with an empty cache.
     *
     * @param calibration of the engine's adapter
     * @param costs       of steps, asked for if the method's steps are planned
     * @param observer    sees the logits behind every decided token
     * @throws IllegalArgumentException if the method needs masks and the engine has no adapter
     */
    public DecodingSession(
            Engine engine,
            Calibration calibration,
            Supplier<StepCosts> costs,
            DecodingSettings settings,
            VerifiedLogits observer) {
        this.observer = observer;
        decider = new TokenDecider(engine);
        prefillChunk = settings.prefillChunk();
        vocabulary = engine.model().config().vocabulary();
        newDrafting = () -> Drafting.of(engine, settings, costs);
        drafting = newDrafting.get();
        int maxRows = drafting.mostRows(prefillChunk);
        reader = new CandidateReader(engine, calibration);
        rowIndices = new int[maxRows];
        ModelConfig config = engine.model().config();
        cache = new KvCache(config, settings.cacheFormat(), config.checkedContext(settings.context()));
        pass = new ForwardPass(engine, maxRows);
    }

    /**
     * What drafts, and what has been learned about it.
     *
     * @param drafter empty for plain decoding
     * @param all     the same, as a planner takes it
     * @param planner empty for methods that come as they are
     */
    private record Drafting(Optional<Drafter> drafter, List<Drafter> all, Optional<Planner> planner) {
        static Drafting of(Engine engine, DecodingSettings settings, Supplier<StepCosts> costs) {
            if (!(settings.method() instanceof Method.Drafting method)) {
                return new Drafting(Optional.empty(), List.of(), Optional.empty());
            }
            int masks = method.masks()
                    .map(source -> Math.min(source.perGroup(), masks(engine, method)))
                    .orElse(0);
            Optional<Planner> planner = Planner.of(method, masks, settings.rows(), costs);
            int most = planner.map(Planner::mostRows).orElse(Drafter.MAX_ROWS);
            Drafter drafter = new Drafter(engine, method, masks, most);
            return new Drafting(Optional.of(drafter), List.of(drafter), planner);
        }

        private static int masks(Engine engine, Method.Drafting method) {
            return engine.maskTokens()
                    .map(MaskTokens::masks)
                    .orElseThrow(
                            () -> new IllegalArgumentException(
                                    "the method " + method.name()
                                            + " needs an adapter, and none is loaded: give one with --adapter, or use lookup or plain"));
        }

        int mostRows(int prefillChunk) {
            int firstMasks = drafter.map(Drafter::masks).orElse(0);
            int most = planner.map(Planner::mostRows).orElse(drafter.isPresent() ? Drafter.MAX_ROWS : 1);
            return Math.max(prefillChunk + firstMasks, most);
        }
    }

    /** Forgets the sequence and all that was learned about its drafts, as if the session were new. */
    public void forget() {
        rewind(0);
        begun = false;
        drafting = newDrafting.get();
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
        drafting.drafter().ifPresent(d -> d.truncate(length));
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
            drafting.drafter().ifPresent(d -> d.addFirstGroup(last, rows));
        }
        pass.run(cache, rows);
    }

    private Step first(int promptRows) {
        rowIndices[0] = promptRows - 1;
        MemorySegment logits = pass.logits(rowIndices, 1);
        int position = cache.length() + promptRows - 1;
        int token = decide(logits, position);
        drafting.drafter().ifPresent(d -> d.observeFirst(known.last(), logits));
        candidates = drafting.drafter()
                .map(d -> candidates(promptRows, d.masks(), new StepTime.Clock()))
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
        if (drafting.drafter().isEmpty()) {
            return plainStep();
        }
        return draftStep(drafting.drafter().get(), most, isEnd);
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
        StepTime.Clock clock = new StepTime.Clock();
        drafter.propose(known.last(), candidates);
        drafting.planner().ifPresentOrElse(p -> p.plan(drafting.all()), drafter::keepAll);
        drafter.layOut(rows);
        DraftTree tree = drafter.tree();
        clock.drafted();
        pass.run(cache, rows);
        int readRows = drafter.readRows(rowIndices);
        int firstMaskRow = drafter.firstMaskRow();
        boolean together = rows.size() - firstMaskRow <= MASK_ROWS_WITH_TREE;
        int logitRows = readRows;
        for (int row = firstMaskRow; together && row < rows.size(); row++) {
            rowIndices[logitRows++] = row;
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
        cache.accept(rowIndices, verified);
        drafter.observe(logits);
        drafter.learn(decided);
        int masks = drafter.masks(node);
        int group = drafter.group(node);
        candidates = together && masks > 0
                ? reader.read(rowsOf(logits, readRows + group - firstMaskRow, masks), masks)
                : candidates(group, masks, clock);
        for (Step.Token token : decided) {
            append(token.id());
        }
        clock.verified();
        int stepRows = rows.size();
        drafting.planner()
                .ifPresent(p -> p.learn(
                        drafting.all(), decided.size(), stepRows, clock.time().total()));
        return new Step(decided, tree.size() - 1, stepRows, clock.time());
    }

    private int decide(MemorySegment logits, int position) {
        observer.accept(position, logits);
        return decider.decide(logits, position, sampling, choice);
    }

    private MemorySegment rowsOf(MemorySegment logits, int first, int count) {
        long rowBytes = (long) vocabulary * Float.BYTES;
        return logits.asSlice(first * rowBytes, count * rowBytes);
    }

    /** What the masks whose rows begin at {@code first} predict to follow the token after their anchor. */
    private MaskCandidates candidates(int first, int masks, StepTime.Clock clock) {
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
        drafting.drafter().ifPresent(d -> d.append(token));
    }

    @Override
    public void close() {
        pass.close();
        cache.close();
    }
}
