package bita.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import bita.kernels.Attention;
import bita.kernels.AttentionShape;
import bita.kernels.CacheFormat;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.KvLayer;
import bita.kernels.MaskAttention;
import bita.kernels.PromptLayer;
import bita.kernels.ThreadTeam;
import bita.kernels.TrainingKernels;
import bita.kernels.Visibility;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Runs mask groups through the frozen model, forward and backward (BiTA, arXiv 2401.12522, section 3.1). The real tokens
 * see neither prompts nor masks, so their keys and values come from an ordinary pass, without gradients; what flows back
 * flows through the mask rows only.
 *
 * <p>Weights are decoded to f32, activations are f32. Results do not depend on the number of threads. Holds the activations
 * of one window of groups; not thread-safe.
 */
public final class MaskTraining implements AutoCloseable {
    /** Runs of groups whose gradients for the prompt tokens are summed up apart, and then in order. */
    private static final int RUNS = 8;

    private final Engine engine;
    private final ModelConfig config;
    private final BlockStyle style;
    private final Kernels kernels;
    private final TrainingKernels training;
    private final TrainingProducts products;
    private final LowRankTraining lowRank;
    private final List<Sight> sights; // of the layers that see everything, then of those with windows, if there are any
    private final int prompts;
    private final int masks;
    private final int rank;
    private final int maxRows;
    private final int queryWidth;
    private final int keyWidth;
    private final Arena arena = Arena.ofShared();
    private final List<LayerActivations> layers = new ArrayList<>();

    private final MemorySegment output; // f32 (rows, hidden): the residual stream behind the last block
    private final MemorySegment normed; // f32 (rows, hidden); backward: its gradient
    private final MemorySegment
            sideInput; // f32 (rows, hidden): of a feed-forward network beside attention, if normed apart
    private final MemorySegment dAttended; // f32 (rows, queryWidth)
    private final MemorySegment gated; // f32 (rows, feedForward); backward: its gradient
    private final MemorySegment gradient; // f32 (rows, hidden): of the residual stream
    private final MemorySegment sideGradient; // f32 (rows, hidden): a block's input's, by a network beside attention
    private final MemorySegment branchGradient; // f32 (rows, hidden): of what a norm stands behind
    private final MemorySegment dQuery; // f32 (rows, queryWidth)
    private final MemorySegment dKey; // f32 (rows, keyWidth)
    private final MemorySegment dValue; // f32 (rows, keyWidth)
    private final MemorySegment dRawQuery; // f32 (rows, queryWidth): before its norm, if it has one
    private final MemorySegment dRawKey; // f32 (rows, keyWidth)
    private final MemorySegment dPromptKeys; // f32 (RUNS, prompts, queryWidth)
    private final MemorySegment dPromptValues; // f32 (RUNS, prompts, queryWidth)
    private final MemorySegment logits; // f32 (rows, vocabulary)
    private final MemorySegment
            cappedLogits; // f32 (rows, vocabulary): once more, for the backward pass, if they are capped
    private final MemorySegment prefix; // i32 (rows)
    private final MemorySegment groupPrefix; // i32 (groups)
    private final MemorySegment pathStart; // i32 (rows + 1)
    private final MemorySegment path; // i32
    private final MemorySegment prompted; // i32 (rows)
    private final List<PromptLayer> promptLayers = new ArrayList<>(); // as the forward pass reads them
    private final MemorySegment once; // f32 (rows, widest): an input once more, to find the gradient of an A
    private final float[] embedding;

    private Arena cacheArena = Arena.ofShared();
    private int cacheSlots;
    private MemorySegment keyRows = MemorySegment.NULL; // f32 (kvHeads, slots, headDim)
    private MemorySegment valuePanels = MemorySegment.NULL; // f32 (kvHeads, slots / 16, headDim, 16)
    private MemorySegment[] attentionScratch = new MemorySegment[0];

    private Optional<Window> window = Optional.empty();

    /**
     * What a kind of layers sees of positions.
     *
     * @param angles f32 (rows, headDim / 2, 2): cosines and sines
     * @param back   f32 (rows, headDim / 2, 2): of the same angles, negative
     */
    private record Sight(AttentionShape shape, RotaryTable table, MemorySegment angles, MemorySegment back) {}

    /** What the last forward pass ran. */
    private record Window(KvCache cache, LearnedTokens learned, int groups, int rows) {}

    /** What the backward pass of a layer needs. */
    private record LayerActivations(
            MemorySegment input, // f32 (rows, hidden)
            MemorySegment query, // f32 (rows, queryWidth), rotated
            MemorySegment key, // f32 (rows, keyWidth), rotated
            MemorySegment rawQuery, // f32 (rows, queryWidth): before its norm, if it has one
            MemorySegment rawKey, // f32 (rows, keyWidth)
            MemorySegment value, // f32 (rows, keyWidth)
            MemorySegment attended, // f32 (rows, queryWidth)
            MemorySegment attentionBranch, // f32 (rows, hidden): what attention adds, before its norm, if it has one
            MemorySegment middle, // f32 (rows, hidden): behind attention
            MemorySegment gate, // f32 (rows, feedForward)
            MemorySegment up, // f32 (rows, feedForward)
            MemorySegment feedForwardBranch) {} // f32 (rows, hidden)

    /**
     * Memory for windows of up to {@code maxGroups} groups.
     *
     * @param rank of what is added to linear layers, 0 for nothing
     * @throws UnsupportedOperationException if the engine's kernels have none for tuning
     */
    public MaskTraining(Engine engine, int prompts, int masks, int rank, int maxGroups) {
        this.engine = engine;
        this.prompts = prompts;
        this.masks = masks;
        this.rank = rank;
        config = engine.model().config();
        style = config.style();
        kernels = engine.kernels();
        training = KernelsProvider.training(kernels);
        products = new TrainingProducts(training, engine.team().threads(), arena);
        maxRows = maxGroups * masks;
        lowRank = new LowRankTraining(rank, maxRows, engine, training, products, arena);
        queryWidth = config.queryWidth();
        keyWidth = config.keyWidth();
        sights = engine.model().rotaries().stream().map(this::sight).toList();
        for (int i = 0; i < config.layers(); i++) {
            layers.add(new LayerActivations(
                    rowsOf(config.hidden()),
                    rowsOf(queryWidth),
                    rowsOf(keyWidth),
                    rowsIf(style.queryKeyNorms(), queryWidth),
                    rowsIf(style.queryKeyNorms(), keyWidth),
                    rowsOf(keyWidth),
                    rowsOf(queryWidth),
                    rowsIf(style.normsBehind(), config.hidden()),
                    rowsOf(config.hidden()),
                    rowsIf(style.gated(), config.feedForward()),
                    rowsOf(config.feedForward()),
                    rowsIf(style.normsBehind(), config.hidden())));
        }
        output = rowsOf(config.hidden());
        normed = rowsOf(config.hidden());
        sideInput = rowsIf(style.parallel(), config.hidden());
        dAttended = rowsOf(queryWidth);
        gated = rowsOf(config.feedForward());
        gradient = rowsOf(config.hidden());
        sideGradient = rowsIf(style.parallel(), config.hidden());
        branchGradient = rowsIf(style.normsBehind(), config.hidden());
        dQuery = rowsOf(queryWidth);
        dKey = rowsOf(keyWidth);
        dValue = rowsOf(keyWidth);
        dRawQuery = rowsIf(style.queryKeyNorms(), queryWidth);
        dRawKey = rowsIf(style.queryKeyNorms(), keyWidth);
        dPromptKeys = floats((long) RUNS * prompts * queryWidth);
        dPromptValues = floats((long) RUNS * prompts * queryWidth);
        logits = rowsOf(config.vocabulary());
        cappedLogits = rowsIf(config.logitCap() > 0, config.vocabulary());
        prefix = arena.allocate(JAVA_INT, maxRows);
        groupPrefix = arena.allocate(JAVA_INT, maxGroups);
        pathStart = arena.allocate(JAVA_INT, maxRows + 1L);
        path = arena.allocate(JAVA_INT, (long) maxRows * (masks + 1) / 2 + 1);
        prompted = arena.allocate(JAVA_INT, maxRows);
        once = rowsIf(rank > 0, widest(config));
        embedding = new float[config.hidden()];
        for (int i = 0; i < config.layers(); i++) {
            promptLayers.add(MaskTokens.allocate(arena, config, prompts));
        }
    }

    private Sight sight(RotaryTable table) {
        AttentionShape shape =
                config.attention(table != engine.model().rotaries().getFirst());
        return new Sight(shape, table, rowsOf(config.headDim()), rowsOf(config.headDim()));
    }

    private Sight sight(int layer) {
        return config.hasWindow(layer) ? sights.getLast() : sights.getFirst();
    }

    private static int widest(ModelConfig config) {
        return Math.max(config.hidden(), config.feedForward());
    }

    private MemorySegment rowsOf(int width) {
        return floats((long) maxRows * width);
    }

    private MemorySegment rowsIf(boolean needed, int width) {
        return needed ? rowsOf(width) : MemorySegment.NULL;
    }

    private MemorySegment floats(long count) {
        return arena.allocate(Math.max(count, 1) * Float.BYTES, 64);
    }

    /**
     * Bytes of memory for windows of up to {@code maxGroups} groups, apart from the cache of the real tokens.
     *
     * @param slots   of that cache, with the window's rows behind the real tokens
     * @param threads of the engine's team
     */
    public static long bytes(
            ModelConfig config, int prompts, int masks, int rank, int maxGroups, int slots, int threads) {
        BlockStyle style = config.style();
        long rows = (long) maxGroups * masks;
        long hidden = config.hidden();
        long heads = (long) config.queryWidth() + config.keyWidth();
        long perLayer = 2 * hidden
                + config.queryWidth()
                + config.keyWidth()
                + heads
                + (style.queryKeyNorms() ? heads : 0)
                + (style.normsBehind() ? 2 * hidden : 0)
                + (style.gated() ? 2L : 1L) * config.feedForward();
        long shared = 3 * hidden
                + (style.parallel() ? 2 * hidden : 0)
                + (style.normsBehind() ? hidden : 0)
                + config.queryWidth()
                + config.keyWidth()
                + heads
                + (style.queryKeyNorms() ? heads : 0)
                + config.feedForward()
                + (config.logitCap() > 0 ? 2L : 1L) * config.vocabulary()
                + (config.positions().windows().isPresent() ? 4L : 2L) * config.headDim()
                + (rank == 0 ? 0 : widest(config));
        long promptGradients = 2L * RUNS * prompts * config.queryWidth();
        long turnedCache = 2L * slots * config.keyWidth();
        AttentionShape attention = config.attention(false);
        long perThread = TrainingKernels.PRODUCT_SCRATCH_FLOATS + 2 * attention.scratchFloats(slots, prompts);
        long floats =
                rows * (config.layers() * perLayer + shared) + promptGradients + turnedCache + threads * perThread;
        long ints = 3 * rows + maxGroups + 1 + rows * (masks + 1) / 2 + 1;
        return floats * Float.BYTES
                + ints * Integer.BYTES
                + config.layers() * MaskTokens.layerBytes(config, prompts)
                + LowRankTraining.bytes(config, rank, rows);
    }

    /**
     * Runs mask groups behind anchors.
     *
     * @param realTokens keys and values of all real tokens, in f32; its memory behind them is used
     * @param anchors    positions of the cache, each with a group of all masks behind it
     * @return f32 (anchors, masks, vocabulary): the logits; valid until the next call, and to be replaced by their
     *         gradients before {@link #backward}
     */
    public MemorySegment forward(KvCache realTokens, int[] anchors, LearnedTokens tokens) {
        if (anchors.length < 1 || anchors.length * masks > maxRows) {
            throw new IllegalArgumentException(
                    "a window of " + anchors.length + " groups, where 1 to " + maxRows / masks + " fit");
        }
        if (tokens.prompts() != prompts || tokens.masks() != masks || tokens.rank() != rank) {
            throw new IllegalArgumentException("the learned tokens have another form");
        }
        if (realTokens.format() != CacheFormat.F32) {
            throw new IllegalArgumentException("tuning reads keys and values in f32, not " + realTokens.format());
        }
        int rows = anchors.length * masks;
        realTokens.reserve(realTokens.length() + rows);
        reserveForCache(realTokens.layer(0).slots());
        describe(anchors, realTokens.length());
        Window w = new Window(realTokens, tokens, anchors.length, rows);
        window = Optional.of(w);
        for (int row = 0; row < rows; row++) {
            MemorySegment.copy(
                    tokens.maskEmbeddings(),
                    (long) row % masks * config.hidden() * Float.BYTES,
                    layers.getFirst().input(),
                    (long) row * config.hidden() * Float.BYTES,
                    (long) config.hidden() * Float.BYTES);
            engine.model()
                    .addPosition(
                            anchors[row / masks] + 1 + row % masks,
                            embedding,
                            layers.getFirst().input(),
                            (long) row * config.hidden());
        }
        Visibility visibility = new Visibility(prefix, pathStart, path, prompted);
        engine.team().run(member -> {
            lowRank.pack(member, tokens);
            for (int i = member.from(config.layers()); i < member.to(config.layers()); i++) {
                MaskTokens.arrange(tokens.promptKeys(i), tokens.promptValues(i), config, promptLayers.get(i));
            }
            // Barriers of the first block lie between this and the attention that reads it.
            for (int i = 0; i < config.layers(); i++) {
                MemorySegment next = i + 1 < config.layers() ? layers.get(i + 1).input() : output;
                forward(member, w, i, visibility, next);
            }
            Weights weights = engine.model().weights();
            normalize(member, w.rows(), weights.outputNorm(), output, normed);
            member.barrier();
            TrainingProducts.Share mine = products.multiply(member, w.rows(), weights.output(), normed, logits, false);
            capLogits(w.rows(), mine);
        });
        return logits.asSlice(0, (long) rows * config.vocabulary() * Float.BYTES);
    }

    private void capLogits(int rows, TrainingProducts.Share share) {
        if (config.logitCap() > 0) {
            for (long row = 0; row < rows; row++) {
                long from = row * config.vocabulary() + share.from();
                long to = row * config.vocabulary() + share.to();
                kernels.cap(logits, config.logitCap(), from, to);
                copy(logits, cappedLogits, from, to);
            }
        }
    }

    /** Positions, and what each row sees: the real tokens up to the anchor, and the masks of its group up to itself. */
    private void describe(int[] anchors, int length) {
        int pathEnd = 0;
        for (int group = 0; group < anchors.length; group++) {
            int anchor = anchors[group];
            if (anchor < 0 || anchor >= length) {
                throw new IllegalArgumentException("anchor " + anchor + " is not among the " + length + " real tokens");
            }
            groupPrefix.setAtIndex(JAVA_INT, group, anchor + 1);
            for (int mask = 0; mask < masks; mask++) {
                int row = group * masks + mask;
                for (Sight sight : sights) {
                    sight.table().copy(anchor + 1 + mask, sight.angles(), row);
                }
                prefix.setAtIndex(JAVA_INT, row, anchor + 1);
                prompted.setAtIndex(JAVA_INT, row, 1);
                pathStart.setAtIndex(JAVA_INT, row, pathEnd);
                for (int i = 0; i <= mask; i++) {
                    path.setAtIndex(JAVA_INT, pathEnd++, length + group * masks + i);
                }
            }
        }
        int rows = anchors.length * masks;
        pathStart.setAtIndex(JAVA_INT, rows, pathEnd);
        for (Sight sight : sights) {
            for (long i = 0; i < (long) rows * config.headDim(); i += 2) {
                sight.back().setAtIndex(JAVA_FLOAT, i, sight.angles().getAtIndex(JAVA_FLOAT, i));
                sight.back().setAtIndex(JAVA_FLOAT, i + 1, -sight.angles().getAtIndex(JAVA_FLOAT, i + 1));
            }
        }
    }

    private void reserveForCache(int slots) {
        if (slots <= cacheSlots) {
            return;
        }
        cacheArena.close();
        cacheArena = Arena.ofShared();
        cacheSlots = slots;
        keyRows = cacheArena.allocate((long) slots * keyWidth * Float.BYTES, 64);
        valuePanels = cacheArena.allocate((long) slots * keyWidth * Float.BYTES, 64);
        attentionScratch = new MemorySegment[engine.team().threads()];
        for (int i = 0; i < attentionScratch.length; i++) {
            attentionScratch[i] =
                    cacheArena.allocate(2 * sights.getFirst().shape().scratchFloats(slots, prompts) * Float.BYTES, 64);
        }
    }

    /** One transformer block on the mask rows; {@code next} gets its output. */
    private void forward(ThreadTeam.Member member, Window w, int index, Visibility visibility, MemorySegment next) {
        Weights.Layer weights = engine.model().weights().layers().get(index);
        LayerActivations a = layers.get(index);
        int rows = w.rows();

        normalize(member, rows, weights.attentionNorm(), a.input(), normed);
        copyRows(member, rows, a.input(), a.middle());
        if (style.parallel() && weights.feedForwardNorm().isPresent()) {
            normalize(member, rows, weights.feedForwardNorm().get(), a.input(), sideInput);
        }
        member.barrier();
        lowRank.reduce(member, rows, index, Linear.Input.ATTENTION, normed);
        queriesKeysAndValues(member, w, index, weights);
        member.barrier();

        attend(member, w, index, visibility);
        member.barrier();
        lowRank.reduce(member, rows, index, Linear.Input.ATTENDED, a.attended());

        addProduct(
                member,
                rows,
                index,
                Linear.PROJECTED,
                weights.projected(),
                a.attended(),
                a.middle(),
                a.attentionBranch());
        member.barrier();
        addBranch(member, rows, weights.attentionEndNorm(), a.attentionBranch(), a.middle());
        if (!style.parallel()) {
            normalize(member, rows, weights.feedForwardNorm().orElseThrow(), a.middle(), normed);
        }
        copyRows(member, rows, a.middle(), next);
        member.barrier();

        MemorySegment x = feedForwardInput(weights);
        lowRank.reduce(member, rows, index, Linear.Input.FEED_FORWARD, x);
        if (style.gated()) {
            multiply(member, rows, index, Linear.GATE, weights.gate().orElseThrow(), x, a.gate());
        }
        activate(multiply(member, rows, index, Linear.UP, weights.up(), x, a.up()), rows, a, gated);
        member.barrier();

        lowRank.reduce(member, rows, index, Linear.Input.GATED, gated);
        addProduct(member, rows, index, Linear.DOWN, weights.down(), gated, next, a.feedForwardBranch());
        member.barrier();
        addBranch(member, rows, weights.feedForwardEndNorm(), a.feedForwardBranch(), next);
    }

    /** The feed-forward network's input in a forward pass. */
    private MemorySegment feedForwardInput(Weights.Layer weights) {
        return style.parallel() && weights.feedForwardNorm().isPresent() ? sideInput : normed;
    }

    private void queriesKeysAndValues(ThreadTeam.Member member, Window w, int index, Weights.Layer weights) {
        LayerActivations a = layers.get(index);
        KvLayer cache = w.cache().layer(index);
        AttentionShape shape = sight(index).shape();
        int rows = w.rows();
        int slot = w.cache().length();
        boolean norms = style.queryKeyNorms();
        TrainingProducts.Share queries =
                multiply(member, rows, index, Linear.QUERY, weights.query(), normed, norms ? a.rawQuery() : a.query());
        TrainingProducts.Share keys =
                multiply(member, rows, index, Linear.KEY, weights.key(), normed, norms ? a.rawKey() : a.key());
        TrainingProducts.Share values = multiply(member, rows, index, Linear.VALUE, weights.value(), normed, a.value());
        if (norms) {
            member.barrier();
            queries = normalizeHeads(
                    member, rows, weights.queryNorm().orElseThrow(), a.rawQuery(), a.query(), config.heads());
            keys = normalizeHeads(member, rows, weights.keyNorm().orElseThrow(), a.rawKey(), a.key(), config.kvHeads());
        }
        rotate(index, a.query(), queryWidth, rows, queries, false);
        rotate(index, a.key(), keyWidth, rows, keys, false);
        kernels.storeKeys(a.key(), shape, cache, slot, rows, keys.from(), keys.to());
        kernels.storeValues(a.value(), shape, cache, slot, rows, values.from(), values.to());
    }

    /** Normalizes this member's heads of all rows. */
    private TrainingProducts.Share normalizeHeads(
            ThreadTeam.Member member, int rows, Weights.Norm norm, MemorySegment x, MemorySegment out, int heads) {
        int from = member.from(heads);
        int to = member.to(heads);
        for (int row = 0; row < rows; row++) {
            kernels.rmsNorm(
                    x, norm.weight(), style.epsilon(), out, config.headDim(), row * heads + from, row * heads + to);
        }
        return new TrainingProducts.Share(from * config.headDim(), to * config.headDim());
    }

    private void rotate(int layer, MemorySegment x, int width, int rows, TrainingProducts.Share columns, boolean back) {
        if (!config.positions().learned()) {
            MemorySegment angles = back ? sight(layer).back() : sight(layer).angles();
            kernels.rotate(x, width, config.headDim(), angles, rows, columns.from(), columns.to());
        }
    }

    private void attend(ThreadTeam.Member member, Window w, int index, Visibility visibility) {
        LayerActivations a = layers.get(index);
        Attention attention = new Attention(
                a.query(), w.rows(), sight(index).shape(), w.cache().layer(index), promptLayers.get(index), visibility);
        int tile = AttentionShape.QUERIES_PER_TILE;
        int tiles = Math.ceilDiv(attention.items(), tile);
        for (int i = member.index(); i < tiles; i += engine.team().threads()) {
            int to = Math.min((i + 1) * tile, attention.items());
            kernels.attend(attention, a.attended(), attentionScratch[member.index()], i * tile, to);
        }
    }

    /** out = hidden activations, in a member's columns. */
    private void activate(TrainingProducts.Share mine, int rows, LayerActivations a, MemorySegment out) {
        for (long row = 0; row < rows; row++) {
            long from = row * config.feedForward() + mine.from();
            long to = row * config.feedForward() + mine.to();
            if (style.gated()) {
                copy(a.gate(), out, from, to);
                kernels.activateGated(style.activation(), out, a.up(), from, to);
            } else {
                copy(a.up(), out, from, to);
                kernels.activate(style.activation(), out, from, to);
            }
        }
    }

    /** A linear layer with what is added to it. */
    private TrainingProducts.Share multiply(
            ThreadTeam.Member member,
            int rows,
            int layer,
            Linear linear,
            Weights.Affine weights,
            MemorySegment x,
            MemorySegment out) {
        TrainingProducts.Share mine = products.multiply(member, rows, weights.matrix(), x, out, false);
        weights.addBias(kernels, out, rows, mine.from(), mine.to());
        lowRank.add(member, rows, layer, linear, out);
        return mine;
    }

    /** Adds a linear layer's product to the residual stream, or puts it into {@code branch} where a norm stands behind. */
    private void addProduct(
            ThreadTeam.Member member,
            int rows,
            int layer,
            Linear linear,
            Weights.Affine weights,
            MemorySegment x,
            MemorySegment stream,
            MemorySegment branch) {
        MemorySegment out = style.normsBehind() ? branch : stream;
        TrainingProducts.Share mine = products.multiply(member, rows, weights.matrix(), x, out, !style.normsBehind());
        weights.addBias(kernels, out, rows, mine.from(), mine.to());
        lowRank.add(member, rows, layer, linear, out);
    }

    /** Adds this member's rows of what a norm stands behind, normalized, to the residual stream. */
    private void addBranch(
            ThreadTeam.Member member,
            int rows,
            Optional<Weights.Norm> norm,
            MemorySegment branch,
            MemorySegment stream) {
        if (norm.isPresent()) {
            long from = (long) member.from(rows) * config.hidden();
            long to = (long) member.to(rows) * config.hidden();
            normalize(member, rows, norm.get(), branch, normed);
            kernels.add(stream, normed, from, to);
        }
    }

    /**
     * Adds the gradients of the last window, whose logits have been replaced by their gradients.
     *
     * @param gradients added to; of the same form as the learned tokens
     */
    public void backward(LearnedTokens gradients) {
        if (gradients.prompts() != prompts || gradients.masks() != masks || gradients.rank() != rank) {
            throw new IllegalArgumentException("the gradients have another form");
        }
        Window w = window.orElseThrow(() -> new IllegalStateException("backward() comes after forward()"));
        engine.team().run(member -> {
            Weights weights = engine.model().weights();
            if (config.logitCap() > 0) {
                long from = (long) member.from(w.rows()) * config.vocabulary();
                long to = (long) member.to(w.rows()) * config.vocabulary();
                training.capBackward(cappedLogits, config.logitCap(), logits, from, to);
                member.barrier();
            }
            products.multiplyBackward(member, w.rows(), weights.output(), logits, normed, false);
            zeroRows(member, w.rows(), gradient, config.hidden());
            member.barrier();
            normalizeBackward(member, w.rows(), weights.outputNorm(), output, normed, gradient);
            member.barrier();
            for (int i = config.layers() - 1; i >= 0; i--) {
                backward(member, w, i, gradients);
            }
            addMaskGradients(member, w.rows(), gradients.maskEmbeddings());
        });
    }

    private void backward(ThreadTeam.Member member, Window w, int index, LearnedTokens gradients) {
        Weights.Layer weights = engine.model().weights().layers().get(index);
        LayerActivations a = layers.get(index);
        int rows = w.rows();
        feedForwardBackward(member, w, index, weights, gradients);
        attentionBackward(member, w, index, weights, gradients);
        if (style.parallel()) {
            long from = (long) member.from(rows) * config.hidden();
            long to = (long) member.to(rows) * config.hidden();
            kernels.add(gradient, sideGradient, from, to);
        }
        normalizeBackward(member, rows, weights.attentionNorm(), a.input(), normed, gradient);
        member.barrier();
    }

    /**
     * From the gradient of a block's output to that of the stream behind attention, or, where the network stands beside
     * attention, to the network's part of that of the block's input.
     */
    private void feedForwardBackward(
            ThreadTeam.Member member, Window w, int index, Weights.Layer weights, LearnedTokens gradients) {
        LayerActivations a = layers.get(index);
        int rows = w.rows();
        MemorySegment dOut = branchBackward(member, rows, weights.feedForwardEndNorm(), a.feedForwardBranch());
        if (lowRank.isActive()) {
            int width = config.feedForward();
            activate(new TrainingProducts.Share(member.from(width), member.to(width)), rows, a, once);
            lowRank.reduceGradient(member, rows, index, Linear.DOWN, dOut, false);
            member.barrier();
        }
        TrainingProducts.Share mine =
                products.multiplyBackward(member, rows, weights.down().matrix(), dOut, gated, false);
        lowRank.expandGradient(member, rows, index, Linear.Input.GATED, gated);
        lowRank.addGradient(member, rows, index, gradients, Linear.DOWN, dOut);
        lowRank.addGradient(member, rows, index, gradients, Linear.Input.GATED, once);
        for (long row = 0; row < rows; row++) {
            long from = row * config.feedForward() + mine.from();
            long to = row * config.feedForward() + mine.to();
            if (style.gated()) {
                training.activateGatedBackward(style.activation(), a.gate(), a.up(), gated, from, to);
            } else {
                training.activateBackward(style.activation(), a.up(), gated, from, to);
            }
        }
        training.turnCache(
                w.cache().layer(index),
                config.headDim(),
                w.cache().length(),
                keyRows,
                valuePanels,
                member.from(config.kvHeads()),
                member.to(config.kvHeads()));
        member.barrier();

        Weights.Norm norm = weights.feedForwardNorm().orElse(weights.attentionNorm());
        MemorySegment read = style.parallel() ? a.input() : a.middle();
        MemorySegment dRead = style.parallel() ? sideGradient : gradient;
        if (lowRank.isActive()) {
            normalize(member, rows, norm, read, once);
            if (style.gated()) {
                lowRank.reduceGradient(member, rows, index, Linear.GATE, a.gate(), false);
            }
            lowRank.reduceGradient(member, rows, index, Linear.UP, a.up(), style.gated());
            member.barrier();
        }
        if (style.gated()) {
            products.multiplyBackward(member, rows, weights.gate().orElseThrow().matrix(), a.gate(), normed, false);
        }
        products.multiplyBackward(member, rows, weights.up().matrix(), a.up(), normed, style.gated());
        lowRank.expandGradient(member, rows, index, Linear.Input.FEED_FORWARD, normed);
        if (style.gated()) {
            lowRank.addGradient(member, rows, index, gradients, Linear.GATE, a.gate());
        }
        lowRank.addGradient(member, rows, index, gradients, Linear.UP, a.up());
        lowRank.addGradient(member, rows, index, gradients, Linear.Input.FEED_FORWARD, once);
        if (style.parallel()) {
            zeroRows(member, rows, sideGradient, config.hidden());
        }
        member.barrier();
        normalizeBackward(member, rows, norm, read, normed, dRead);
    }

    /** From the gradient of the stream behind attention to that of what the block's first norm made. */
    private void attentionBackward(
            ThreadTeam.Member member, Window w, int index, Weights.Layer weights, LearnedTokens gradients) {
        LayerActivations a = layers.get(index);
        int rows = w.rows();
        MemorySegment dOut = branchBackward(member, rows, weights.attentionEndNorm(), a.attentionBranch());
        lowRank.reduceGradient(member, rows, index, Linear.PROJECTED, dOut, false);
        zeroRows(member, rows, dKey, keyWidth);
        zeroRows(member, rows, dValue, keyWidth);
        member.barrier();

        products.multiplyBackward(member, rows, weights.projected().matrix(), dOut, dAttended, false);
        lowRank.expandGradient(member, rows, index, Linear.Input.ATTENDED, dAttended);
        lowRank.addGradient(member, rows, index, gradients, Linear.PROJECTED, dOut);
        lowRank.addGradient(member, rows, index, gradients, Linear.Input.ATTENDED, a.attended());
        member.barrier();

        attendBackward(member, w, index, a);
        member.barrier();

        addPromptGradients(member, dPromptKeys, gradients.promptKeys(index));
        addPromptGradients(member, dPromptValues, gradients.promptValues(index));
        MemorySegment dQueries = headsBackward(
                member, rows, index, weights.queryNorm(), a.rawQuery(), dQuery, dRawQuery, config.heads());
        MemorySegment dKeys =
                headsBackward(member, rows, index, weights.keyNorm(), a.rawKey(), dKey, dRawKey, config.kvHeads());
        member.barrier();

        if (lowRank.isActive()) {
            normalize(member, rows, weights.attentionNorm(), a.input(), once);
            lowRank.reduceGradient(member, rows, index, Linear.QUERY, dQueries, false);
            lowRank.reduceGradient(member, rows, index, Linear.KEY, dKeys, true);
            lowRank.reduceGradient(member, rows, index, Linear.VALUE, dValue, true);
            member.barrier();
        }
        products.multiplyBackward(member, rows, weights.query().matrix(), dQueries, normed, false);
        products.multiplyBackward(member, rows, weights.key().matrix(), dKeys, normed, true);
        products.multiplyBackward(member, rows, weights.value().matrix(), dValue, normed, true);
        lowRank.expandGradient(member, rows, index, Linear.Input.ATTENTION, normed);
        lowRank.addGradient(member, rows, index, gradients, Linear.QUERY, dQueries);
        lowRank.addGradient(member, rows, index, gradients, Linear.KEY, dKeys);
        lowRank.addGradient(member, rows, index, gradients, Linear.VALUE, dValue);
        lowRank.addGradient(member, rows, index, gradients, Linear.Input.ATTENTION, once);
        member.barrier();
    }

    /** The gradient of what is added to the residual stream, from that of the stream; ends with a barrier if a norm is there. */
    private MemorySegment branchBackward(
            ThreadTeam.Member member, int rows, Optional<Weights.Norm> norm, MemorySegment branch) {
        if (norm.isEmpty()) {
            return gradient;
        }
        zeroRows(member, rows, branchGradient, config.hidden());
        normalizeBackward(member, rows, norm.get(), branch, gradient, branchGradient);
        member.barrier();
        return branchGradient;
    }

    /** The gradient of queries or keys as products make them, in this member's heads of all rows. */
    private MemorySegment headsBackward(
            ThreadTeam.Member member,
            int rows,
            int layer,
            Optional<Weights.Norm> norm,
            MemorySegment raw,
            MemorySegment gradient,
            MemorySegment rawGradient,
            int heads) {
        int headDim = config.headDim();
        int from = member.from(heads);
        int to = member.to(heads);
        TrainingProducts.Share columns = new TrainingProducts.Share(from * headDim, to * headDim);
        rotate(layer, gradient, heads * headDim, rows, columns, true);
        if (norm.isEmpty()) {
            return gradient;
        }
        for (int row = 0; row < rows; row++) {
            int first = row * heads + from;
            int end = row * heads + to;
            slice(rawGradient, (long) first * headDim, (long) (end - first) * headDim)
                    .fill((byte) 0);
            training.rmsNormBackward(
                    raw, norm.get().weight(), style.epsilon(), gradient, rawGradient, headDim, first, end);
        }
        return rawGradient;
    }

    private void attendBackward(ThreadTeam.Member member, Window w, int index, LayerActivations a) {
        AttentionShape shape = sight(index).shape();
        long runFloats = (long) prompts * queryWidth;
        for (int task = member.index();
                task < RUNS * config.kvHeads();
                task += engine.team().threads()) {
            int run = task / config.kvHeads();
            int kvHead = task % config.kvHeads();
            MemorySegment runKeys = slice(dPromptKeys, run * runFloats, runFloats);
            MemorySegment runValues = slice(dPromptValues, run * runFloats, runFloats);
            int headsWidth = shape.group() * config.headDim(); // of the query heads that this task writes
            for (int p = 0; p < prompts; p++) {
                long at = (long) p * queryWidth + (long) kvHead * headsWidth;
                slice(runKeys, at, headsWidth).fill((byte) 0);
                slice(runValues, at, headsWidth).fill((byte) 0);
            }
            MaskAttention attention = new MaskAttention(
                    masks,
                    shape,
                    a.query(),
                    dAttended,
                    w.cache().layer(index),
                    keyRows,
                    valuePanels,
                    groupPrefix,
                    a.key(),
                    a.value(),
                    w.learned().promptKeys(index),
                    w.learned().promptValues(index),
                    prompts,
                    dQuery,
                    dKey,
                    dValue,
                    runKeys,
                    runValues);
            training.attendBackward(
                    attention,
                    attentionScratch[member.index()],
                    kvHead,
                    w.groups() * run / RUNS,
                    w.groups() * (run + 1) / RUNS);
        }
    }

    private void addPromptGradients(ThreadTeam.Member member, MemorySegment runs, MemorySegment to) {
        int count = prompts * queryWidth;
        int from = member.from(count);
        int length = member.to(count) - from;
        for (int run = 0; run < RUNS; run++) {
            training.combine(slice(to, from, length), 1, slice(runs, (long) run * count + from, length), 1, length);
        }
    }

    private void addMaskGradients(ThreadTeam.Member member, int rows, MemorySegment to) {
        int hidden = config.hidden();
        int from = member.from(hidden);
        int length = member.to(hidden) - from;
        for (int row = 0; row < rows; row++) {
            training.combine(
                    slice(to, (long) row % masks * hidden + from, length),
                    1,
                    slice(gradient, (long) row * hidden + from, length),
                    1,
                    length);
        }
    }

    private static MemorySegment slice(MemorySegment segment, long from, long count) {
        return segment.asSlice(from * Float.BYTES, count * Float.BYTES);
    }

    private void normalize(ThreadTeam.Member member, int rows, Weights.Norm norm, MemorySegment x, MemorySegment out) {
        norm.apply(kernels, x, style.epsilon(), out, config.hidden(), member.from(rows), member.to(rows));
    }

    /** Adds the gradient of a norm's input in this member's rows. */
    private void normalizeBackward(
            ThreadTeam.Member member,
            int rows,
            Weights.Norm norm,
            MemorySegment x,
            MemorySegment dOut,
            MemorySegment dx) {
        int from = member.from(rows);
        int to = member.to(rows);
        if (norm.bias().isPresent()) {
            training.layerNormBackward(x, norm.weight(), style.epsilon(), dOut, dx, config.hidden(), from, to);
        } else {
            training.rmsNormBackward(x, norm.weight(), style.epsilon(), dOut, dx, config.hidden(), from, to);
        }
    }

    private static void copy(MemorySegment from, MemorySegment to, long first, long end) {
        MemorySegment.copy(from, first * Float.BYTES, to, first * Float.BYTES, (end - first) * Float.BYTES);
    }

    private void copyRows(ThreadTeam.Member member, int rows, MemorySegment from, MemorySegment to) {
        long rowBytes = (long) config.hidden() * Float.BYTES;
        long first = member.from(rows) * rowBytes;
        MemorySegment.copy(from, first, to, first, member.to(rows) * rowBytes - first);
    }

    private void zeroRows(ThreadTeam.Member member, int rows, MemorySegment x, int width) {
        slice(x, (long) member.from(rows) * width, (long) (member.to(rows) - member.from(rows)) * width)
                .fill((byte) 0);
    }

    @Override
    public void close() {
        cacheArena.close();
        arena.close();
    }
}
