package bita.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import bita.kernels.Activation;
import bita.kernels.Attention;
import bita.kernels.AttentionShape;
import bita.kernels.CacheFormat;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.KvLayer;
import bita.kernels.Layout;
import bita.kernels.MaskAttention;
import bita.kernels.NumberFormat;
import bita.kernels.PackedMatrix;
import bita.kernels.PromptLayer;
import bita.kernels.ThreadTeam;
import bita.kernels.TrainingKernels;
import bita.kernels.Visibility;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
    private final Kernels kernels;
    private final TrainingKernels training;
    private final AttentionShape shape;
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
    private final MemorySegment dAttended; // f32 (rows, queryWidth)
    private final MemorySegment gated; // f32 (rows, feedForward); backward: its gradient
    private final MemorySegment gradient; // f32 (rows, hidden): of the residual stream
    private final MemorySegment dQuery; // f32 (rows, queryWidth)
    private final MemorySegment dKey; // f32 (rows, keyWidth)
    private final MemorySegment dValue; // f32 (rows, keyWidth)
    private final MemorySegment dPromptKeys; // f32 (RUNS, prompts, queryWidth)
    private final MemorySegment dPromptValues; // f32 (RUNS, prompts, queryWidth)
    private final MemorySegment logits; // f32 (rows, vocabulary)
    private final MemorySegment rotary; // f32 (rows, headDim / 2, 2)
    private final MemorySegment rotaryBack; // f32 (rows, headDim / 2, 2): the same angles, negative
    private final MemorySegment prefix; // i32 (rows)
    private final MemorySegment groupPrefix; // i32 (groups)
    private final MemorySegment pathStart; // i32 (rows + 1)
    private final MemorySegment path; // i32
    private final MemorySegment prompted; // i32 (rows)
    private final MemorySegment[] productScratch;
    private final List<PromptLayer> promptLayers = new ArrayList<>(); // as the forward pass reads them

    private final MemorySegment reducedGradient; // f32 (rows, rank)
    private final MemorySegment lowRankInput; // f32 (rows, widest): an input once more, to find the gradient of A
    private final List<Map<Linear.Input, PackedMatrix>> a = new ArrayList<>(); // of each layer (rank, columns)
    private final List<Map<Linear, PackedMatrix>> b = new ArrayList<>(); // of each layer (rows, rank)

    private Arena cacheArena = Arena.ofShared();
    private int cacheSlots;
    private MemorySegment keyRows = MemorySegment.NULL; // f32 (kvHeads, slots, headDim)
    private MemorySegment valuePanels = MemorySegment.NULL; // f32 (kvHeads, slots / 16, headDim, 16)
    private MemorySegment[] attentionScratch = new MemorySegment[0];

    private Optional<Window> window = Optional.empty();

    /** What the last forward pass ran. */
    private record Window(KvCache cache, LearnedTokens learned, int groups, int rows) {}

    /** What the backward pass of a layer needs. */
    private record LayerActivations(
            MemorySegment input, // f32 (rows, hidden)
            MemorySegment query, // f32 (rows, queryWidth), rotated
            MemorySegment key, // f32 (rows, keyWidth), rotated
            MemorySegment value, // f32 (rows, keyWidth)
            MemorySegment attended, // f32 (rows, queryWidth)
            MemorySegment middle, // f32 (rows, hidden): behind attention
            MemorySegment gate, // f32 (rows, feedForward)
            MemorySegment up, // f32 (rows, feedForward)
            Map<Linear.Input, MemorySegment> reduced) {} // f32 (rows, rank): products with A

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
        kernels = engine.kernels();
        training = KernelsProvider.training(kernels);
        maxRows = maxGroups * masks;
        shape = new AttentionShape(
                config.heads(), config.kvHeads(), config.headDim(), (float) (1 / Math.sqrt(config.headDim())));
        queryWidth = config.heads() * config.headDim();
        keyWidth = config.kvHeads() * config.headDim();
        for (int i = 0; i < config.layers(); i++) {
            layers.add(new LayerActivations(
                    rowsOf(config.hidden()),
                    rowsOf(queryWidth),
                    rowsOf(keyWidth),
                    rowsOf(keyWidth),
                    rowsOf(queryWidth),
                    rowsOf(config.hidden()),
                    rowsOf(config.feedForward()),
                    rowsOf(config.feedForward()),
                    reducedInputs()));
            allocateLowRank();
        }
        output = rowsOf(config.hidden());
        normed = rowsOf(config.hidden());
        dAttended = rowsOf(queryWidth);
        gated = rowsOf(config.feedForward());
        gradient = rowsOf(config.hidden());
        dQuery = rowsOf(queryWidth);
        dKey = rowsOf(keyWidth);
        dValue = rowsOf(keyWidth);
        dPromptKeys = floats((long) RUNS * prompts * queryWidth);
        dPromptValues = floats((long) RUNS * prompts * queryWidth);
        logits = rowsOf(config.vocabulary());
        rotary = rowsOf(config.headDim());
        rotaryBack = rowsOf(config.headDim());
        prefix = arena.allocate(JAVA_INT, maxRows);
        groupPrefix = arena.allocate(JAVA_INT, maxGroups);
        pathStart = arena.allocate(JAVA_INT, maxRows + 1L);
        path = arena.allocate(JAVA_INT, (long) maxRows * (masks + 1) / 2 + 1);
        prompted = arena.allocate(JAVA_INT, maxRows);
        reducedGradient = rank == 0 ? MemorySegment.NULL : rowsOf(rank);
        lowRankInput = rank == 0 ? MemorySegment.NULL : rowsOf(Math.max(queryWidth, config.feedForward()));
        productScratch = new MemorySegment[engine.team().threads()];
        for (int i = 0; i < productScratch.length; i++) {
            productScratch[i] = floats(TrainingKernels.PRODUCT_SCRATCH_FLOATS);
        }
        for (int i = 0; i < config.layers(); i++) {
            promptLayers.add(MaskTokens.allocate(arena, config, prompts));
        }
    }

    private Map<Linear.Input, MemorySegment> reducedInputs() {
        Map<Linear.Input, MemorySegment> reduced = new EnumMap<>(Linear.Input.class);
        if (rank > 0) {
            for (Linear.Input input : Linear.Input.values()) {
                reduced.put(input, rowsOf(rank));
            }
        }
        return reduced;
    }

    private void allocateLowRank() {
        if (rank == 0) {
            return;
        }
        Map<Linear.Input, PackedMatrix> ofInputs = new EnumMap<>(Linear.Input.class);
        for (Linear.Input input : Linear.Input.values()) {
            ofInputs.put(input, PackedMatrix.allocate(arena, NumberFormat.F32, rank, input.columns(config)));
        }
        a.add(ofInputs);
        Map<Linear, PackedMatrix> ofLayers = new EnumMap<>(Linear.class);
        for (Linear linear : Linear.values()) {
            ofLayers.put(linear, PackedMatrix.allocate(arena, NumberFormat.F32, linear.rows(config), rank));
        }
        b.add(ofLayers);
    }

    private MemorySegment rowsOf(int width) {
        return floats((long) maxRows * width);
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
        long rows = (long) maxGroups * masks;
        long queryWidth = (long) config.heads() * config.headDim();
        long keyWidth = (long) config.kvHeads() * config.headDim();
        long perLayer = 2L * config.hidden()
                + 2 * queryWidth
                + 2 * keyWidth
                + 2L * config.feedForward()
                + (long) Linear.Input.values().length * rank;
        long shared = 3L * config.hidden()
                + 2 * queryWidth
                + 2 * keyWidth
                + config.feedForward()
                + config.vocabulary()
                + 2L * config.headDim()
                + rank
                + (rank == 0 ? 0 : Math.max(queryWidth, config.feedForward()));
        long promptGradients = 2L * RUNS * prompts * queryWidth;
        long turnedCache = 2L * slots * keyWidth;
        AttentionShape attention = new AttentionShape(config.heads(), config.kvHeads(), config.headDim(), 1);
        long perThread = TrainingKernels.PRODUCT_SCRATCH_FLOATS + 2 * attention.scratchFloats(slots, prompts);
        long floats =
                rows * (config.layers() * perLayer + shared) + promptGradients + turnedCache + threads * perThread;
        long ints = 3 * rows + maxGroups + 1 + rows * (masks + 1) / 2 + 1;
        return floats * Float.BYTES
                + ints * Integer.BYTES
                + config.layers() * (MaskTokens.layerBytes(config, prompts) + packedBytes(config, rank));
    }

    private static long packedBytes(ModelConfig config, int rank) {
        if (rank == 0) {
            return 0;
        }
        long bytes = 0;
        for (Linear.Input input : Linear.Input.values()) {
            bytes += PackedMatrix.bytes(NumberFormat.F32, rank, input.columns(config));
        }
        for (Linear linear : Linear.values()) {
            bytes += PackedMatrix.bytes(NumberFormat.F32, linear.rows(config), rank);
        }
        return bytes;
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
        }
        Visibility visibility = new Visibility(prefix, pathStart, path, prompted);
        engine.team().run(member -> {
            packLowRank(member, tokens);
            for (int i = member.from(config.layers()); i < member.to(config.layers()); i++) {
                MaskTokens.arrange(tokens.promptKeys(i), tokens.promptValues(i), config, promptLayers.get(i));
            }
            // Barriers of the first block lie between this and the attention that reads it.
            for (int i = 0; i < config.layers(); i++) {
                MemorySegment next = i + 1 < config.layers() ? layers.get(i + 1).input() : output;
                forward(member, w, i, visibility, next);
            }
            Weights weights = engine.model().weights();
            norm(member, w.rows(), output, weights.outputNorm());
            member.barrier();
            multiply(member, w.rows(), weights.output(), normed, logits, false);
        });
        return logits.asSlice(0, (long) rows * config.vocabulary() * Float.BYTES);
    }

    /** Packs each thread's share of the layers. */
    private void packLowRank(ThreadTeam.Member member, LearnedTokens tokens) {
        for (int layer = member.from(a.size()); layer < member.to(a.size()); layer++) {
            for (Linear.Input input : Linear.Input.values()) {
                PackedMatrix matrix = a(layer, input);
                kernels.pack(NumberFormat.F32, tokens.lowRankA(layer, input), matrix, 0, matrix.panels());
            }
            for (Linear linear : Linear.values()) {
                PackedMatrix matrix = b(layer, linear);
                kernels.pack(NumberFormat.F32, tokens.lowRankB(layer, linear), matrix, 0, matrix.panels());
            }
        }
        // The first norm's barrier comes before the first use.
    }

    private PackedMatrix a(int layer, Linear.Input input) {
        return Objects.requireNonNull(a.get(layer).get(input));
    }

    private PackedMatrix b(int layer, Linear linear) {
        return Objects.requireNonNull(b.get(layer).get(linear));
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
                engine.model().rotary().copy(anchor + 1 + mask, rotary, row);
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
        for (long i = 0; i < (long) rows * config.headDim(); i += 2) {
            rotaryBack.setAtIndex(JAVA_FLOAT, i, rotary.getAtIndex(JAVA_FLOAT, i));
            rotaryBack.setAtIndex(JAVA_FLOAT, i + 1, -rotary.getAtIndex(JAVA_FLOAT, i + 1));
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
            attentionScratch[i] = cacheArena.allocate(2 * shape.scratchFloats(slots, prompts) * Float.BYTES, 64);
        }
    }

    /** One transformer block on the mask rows; {@code next} gets its output. */
    private void forward(ThreadTeam.Member member, Window w, int index, Visibility visibility, MemorySegment next) {
        Weights.Layer weights = engine.model().weights().layers().get(index);
        LayerActivations a = layers.get(index);
        KvLayer cacheLayer = w.cache().layer(index);
        int rows = w.rows();
        int firstSlot = w.cache().length();

        norm(member, w.rows(), a.input(), weights.attentionNorm());
        copyRows(member, w.rows(), a.input(), a.middle());
        member.barrier();
        reduce(member, w.rows(), index, Linear.Input.ATTENTION, normed);

        Share mine = multiply(member, w.rows(), weights.query(), normed, a.query(), false);
        addLowRank(member, w.rows(), index, Linear.QUERY, a.query());
        kernels.rotate(a.query(), queryWidth, config.headDim(), rotary, rows, mine.from(), mine.to());
        mine = multiply(member, w.rows(), weights.key(), normed, a.key(), false);
        addLowRank(member, w.rows(), index, Linear.KEY, a.key());
        kernels.rotate(a.key(), keyWidth, config.headDim(), rotary, rows, mine.from(), mine.to());
        kernels.storeKeys(a.key(), shape, cacheLayer, firstSlot, rows, mine.from(), mine.to());
        mine = multiply(member, w.rows(), weights.value(), normed, a.value(), false);
        addLowRank(member, w.rows(), index, Linear.VALUE, a.value());
        kernels.storeValues(a.value(), shape, cacheLayer, firstSlot, rows, mine.from(), mine.to());
        member.barrier();

        Attention attention = new Attention(a.query(), rows, shape, cacheLayer, promptLayers.get(index), visibility);
        int tile = AttentionShape.QUERIES_PER_TILE;
        int tiles = Math.ceilDiv(attention.items(), tile);
        for (int i = member.index(); i < tiles; i += engine.team().threads()) {
            int to = Math.min((i + 1) * tile, attention.items());
            kernels.attend(attention, a.attended(), attentionScratch[member.index()], i * tile, to);
        }
        member.barrier();
        reduce(member, w.rows(), index, Linear.Input.ATTENDED, a.attended());

        multiply(member, w.rows(), weights.projected(), a.attended(), a.middle(), true);
        addLowRank(member, w.rows(), index, Linear.PROJECTED, a.middle());
        member.barrier();

        norm(member, w.rows(), a.middle(), weights.feedForwardNorm());
        copyRows(member, w.rows(), a.middle(), next);
        member.barrier();

        reduce(member, w.rows(), index, Linear.Input.FEED_FORWARD, normed);
        multiply(member, w.rows(), weights.gate(), normed, a.gate(), false);
        addLowRank(member, w.rows(), index, Linear.GATE, a.gate());
        mine = multiply(member, w.rows(), weights.up(), normed, a.up(), false);
        addLowRank(member, w.rows(), index, Linear.UP, a.up());
        for (long row = 0; row < rows; row++) {
            long from = row * config.feedForward() + mine.from();
            long to = row * config.feedForward() + mine.to();
            MemorySegment.copy(a.gate(), from * Float.BYTES, gated, from * Float.BYTES, (to - from) * Float.BYTES);
            kernels.activateGated(Activation.SILU, gated, a.up(), from, to);
        }
        member.barrier();

        reduce(member, w.rows(), index, Linear.Input.GATED, gated);
        multiply(member, w.rows(), weights.down(), gated, next, true);
        addLowRank(member, w.rows(), index, Linear.DOWN, next);
        member.barrier();
    }

    /** An input's product with A, which stays for the backward pass. */
    private void reduce(ThreadTeam.Member member, int rows, int layer, Linear.Input input, MemorySegment x) {
        if (rank == 0) {
            return;
        }
        PackedMatrix matrix = a(layer, input);
        int from = member.from(rows);
        int count = member.to(rows) - from;
        training.multiply(
                matrix,
                slice(x, (long) from * matrix.columns(), (long) count * matrix.columns()),
                count,
                slice(reduced(layer, input), (long) from * rank, (long) count * rank),
                false,
                productScratch[member.index()],
                0,
                matrix.panels());
        member.barrier();
    }

    /** f32 (rows, rank). */
    private MemorySegment reduced(int layer, Linear.Input input) {
        return Objects.requireNonNull(layers.get(layer).reduced().get(input));
    }

    /** Adds B times what A made of the input, to the same outputs as the layer's own product. */
    private void addLowRank(ThreadTeam.Member member, int rows, int layer, Linear linear, MemorySegment out) {
        if (rank > 0) {
            Share _ = multiply(member, rows, b(layer, linear), reduced(layer, linear.input()), out, true);
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
            multiplyBackward(member, w.rows(), weights.output(), logits, normed, false);
            zeroRows(member, w.rows(), gradient, config.hidden());
            member.barrier();
            normBackward(member, w.rows(), output, weights.outputNorm());
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
        KvLayer cacheLayer = w.cache().layer(index);
        int rows = w.rows();

        if (rank > 0) {
            gateOnceMore(member, rows, a);
            reduceGradient(member, rows, index, Linear.DOWN, gradient, false);
            member.barrier();
        }
        Share mine = multiplyBackward(member, w.rows(), weights.down(), gradient, gated, false);
        expandGradient(member, rows, index, Linear.Input.GATED, gated);
        addLowRankGradients(member, rows, index, gradients, Linear.DOWN, gradient);
        addLowRankGradients(member, rows, index, gradients, Linear.Input.GATED, lowRankInput);
        for (long row = 0; row < rows; row++) {
            long at = row * config.feedForward();
            training.activateGatedBackward(Activation.SILU, a.gate(), a.up(), gated, at + mine.from(), at + mine.to());
        }
        training.turnCache(
                cacheLayer,
                config.headDim(),
                w.cache().length(),
                keyRows,
                valuePanels,
                member.from(config.kvHeads()),
                member.to(config.kvHeads()));
        member.barrier();

        if (rank > 0) {
            normOnceMore(member, rows, a.middle(), weights.feedForwardNorm());
            reduceGradient(member, rows, index, Linear.GATE, a.gate(), false);
            reduceGradient(member, rows, index, Linear.UP, a.up(), true);
            member.barrier();
        }
        multiplyBackward(member, w.rows(), weights.gate(), a.gate(), normed, false);
        multiplyBackward(member, w.rows(), weights.up(), a.up(), normed, true);
        expandGradient(member, rows, index, Linear.Input.FEED_FORWARD, normed);
        addLowRankGradients(member, rows, index, gradients, Linear.GATE, a.gate());
        addLowRankGradients(member, rows, index, gradients, Linear.UP, a.up());
        addLowRankGradients(member, rows, index, gradients, Linear.Input.FEED_FORWARD, lowRankInput);
        member.barrier();

        normBackward(member, w.rows(), a.middle(), weights.feedForwardNorm());
        reduceGradient(member, rows, index, Linear.PROJECTED, gradient, false);
        zeroRows(member, w.rows(), dKey, keyWidth);
        zeroRows(member, w.rows(), dValue, keyWidth);
        member.barrier();

        multiplyBackward(member, w.rows(), weights.projected(), gradient, dAttended, false);
        expandGradient(member, rows, index, Linear.Input.ATTENDED, dAttended);
        addLowRankGradients(member, rows, index, gradients, Linear.PROJECTED, gradient);
        addLowRankGradients(member, rows, index, gradients, Linear.Input.ATTENDED, a.attended());
        member.barrier();

        attendBackward(member, w, index, a);
        member.barrier();

        addPromptGradients(member, dPromptKeys, gradients.promptKeys(index));
        addPromptGradients(member, dPromptValues, gradients.promptValues(index));
        rotateBack(member, w.rows(), dQuery, queryWidth);
        rotateBack(member, w.rows(), dKey, keyWidth);
        member.barrier();

        if (rank > 0) {
            normOnceMore(member, rows, a.input(), weights.attentionNorm());
            reduceGradient(member, rows, index, Linear.QUERY, dQuery, false);
            reduceGradient(member, rows, index, Linear.KEY, dKey, true);
            reduceGradient(member, rows, index, Linear.VALUE, dValue, true);
            member.barrier();
        }
        multiplyBackward(member, w.rows(), weights.query(), dQuery, normed, false);
        multiplyBackward(member, w.rows(), weights.key(), dKey, normed, true);
        multiplyBackward(member, w.rows(), weights.value(), dValue, normed, true);
        expandGradient(member, rows, index, Linear.Input.ATTENTION, normed);
        addLowRankGradients(member, rows, index, gradients, Linear.QUERY, dQuery);
        addLowRankGradients(member, rows, index, gradients, Linear.KEY, dKey);
        addLowRankGradients(member, rows, index, gradients, Linear.VALUE, dValue);
        addLowRankGradients(member, rows, index, gradients, Linear.Input.ATTENTION, lowRankInput);
        member.barrier();

        normBackward(member, w.rows(), a.input(), weights.attentionNorm());
        member.barrier();
    }

    /** The input of the last linear layer, which the forward pass did not keep; each thread makes its columns. */
    private void gateOnceMore(ThreadTeam.Member member, int rows, LayerActivations a) {
        int from = member.from(config.feedForward());
        int to = member.to(config.feedForward());
        for (long row = 0; row < rows; row++) {
            long first = row * config.feedForward() + from;
            long last = row * config.feedForward() + to;
            MemorySegment.copy(
                    a.gate(), first * Float.BYTES, lowRankInput, first * Float.BYTES, (last - first) * Float.BYTES);
            kernels.activateGated(Activation.SILU, lowRankInput, a.up(), first, last);
        }
    }

    private void normOnceMore(ThreadTeam.Member member, int rows, MemorySegment x, MemorySegment weight) {
        kernels.rmsNorm(x, weight, config.epsilon(), lowRankInput, config.hidden(), member.from(rows), member.to(rows));
    }

    /** The gradient of an input's product with A, or a linear layer's part of it; each thread makes its rows. */
    private void reduceGradient(
            ThreadTeam.Member member, int rows, int layer, Linear linear, MemorySegment dOut, boolean add) {
        if (rank == 0) {
            return;
        }
        PackedMatrix matrix = b(layer, linear);
        int from = member.from(rows);
        int count = member.to(rows) - from;
        training.multiplyBackward(
                matrix,
                slice(dOut, (long) from * matrix.rows(), (long) count * matrix.rows()),
                count,
                slice(reducedGradient, (long) from * rank, (long) count * rank),
                add,
                productScratch[member.index()],
                0,
                Math.ceilDiv(rank, Layout.BLOCK));
    }

    /** Adds the low-rank part of an input's gradient, to the same columns as the layer's own products. */
    private void expandGradient(
            ThreadTeam.Member member, int rows, int layer, Linear.Input input, MemorySegment dInput) {
        if (rank > 0) {
            Share _ = multiplyBackward(member, rows, a(layer, input), reducedGradient, dInput, true);
        }
    }

    private void addLowRankGradients(
            ThreadTeam.Member member, int rows, int layer, LearnedTokens gradients, Linear linear, MemorySegment dOut) {
        if (rank == 0) {
            return;
        }
        int outputs = linear.rows(config);
        training.addOuterProducts(
                dOut,
                outputs,
                reduced(layer, linear.input()),
                rank,
                rows,
                gradients.lowRankB(layer, linear),
                member.from(outputs),
                member.to(outputs));
    }

    private void addLowRankGradients(
            ThreadTeam.Member member,
            int rows,
            int layer,
            LearnedTokens gradients,
            Linear.Input input,
            MemorySegment x) {
        if (rank == 0) {
            return;
        }
        training.addOuterProducts(
                reducedGradient,
                rank,
                x,
                input.columns(config),
                rows,
                gradients.lowRankA(layer, input),
                member.from(rank),
                member.to(rank));
    }

    private void attendBackward(ThreadTeam.Member member, Window w, int index, LayerActivations a) {
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

    private void rotateBack(ThreadTeam.Member member, int rows, MemorySegment x, int width) {
        int pairs = width / 2;
        kernels.rotate(x, width, config.headDim(), rotaryBack, rows, 2 * member.from(pairs), 2 * member.to(pairs));
    }

    private void norm(ThreadTeam.Member member, int rows, MemorySegment x, MemorySegment weight) {
        kernels.rmsNorm(x, weight, config.epsilon(), normed, config.hidden(), member.from(rows), member.to(rows));
    }

    /** Adds the gradient of a norm's input, from that of its output in {@code normed}. */
    private void normBackward(ThreadTeam.Member member, int rows, MemorySegment x, MemorySegment weight) {
        training.rmsNormBackward(
                x, weight, config.epsilon(), normed, gradient, config.hidden(), member.from(rows), member.to(rows));
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

    /** A range of columns. */
    private record Share(int from, int to) {}

    private Share multiply(
            ThreadTeam.Member member, int rows, PackedMatrix weights, MemorySegment x, MemorySegment out, boolean add) {
        int from = member.from(weights.panels());
        int to = member.to(weights.panels());
        training.multiply(weights, x, rows, out, add, productScratch[member.index()], from, to);
        return new Share(from * Layout.LANES, Math.min(to * Layout.LANES, weights.rows()));
    }

    private Share multiplyBackward(
            ThreadTeam.Member member, int rows, PackedMatrix weights, MemorySegment dy, MemorySegment dx, boolean add) {
        int blocks = Math.ceilDiv(weights.columns(), Layout.BLOCK);
        int from = member.from(blocks);
        int to = member.to(blocks);
        training.multiplyBackward(weights, dy, rows, dx, add, productScratch[member.index()], from, to);
        return new Share(from * Layout.BLOCK, Math.min(to * Layout.BLOCK, weights.columns()));
    }

    @Override
    public void close() {
        cacheArena.close();
        arena.close();
    }
}
