package bita.model;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import bita.kernels.Activations;
import bita.kernels.Attention;
import bita.kernels.AttentionShape;
import bita.kernels.Kernels;
import bita.kernels.KvLayer;
import bita.kernels.Layout;
import bita.kernels.PackedMatrix;
import bita.kernels.PositionSplit;
import bita.kernels.PromptLayer;
import bita.kernels.ThreadTeam;
import bita.kernels.Visibility;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Runs rows through the model. Holds the scratch memory for it, so it belongs to one user at a time; not thread-safe.
 *
 * <p>A pass is one program of the thread team: every thread does its share of each phase, with a barrier in between.
 * The logits of a row depend on nothing but the tokens it sees: not on the other rows, nor on how the sequence was cut
 * into passes.
 */
public final class ForwardPass implements AutoCloseable {
    private static final int PANELS_PER_BLOCK = Layout.BLOCK / Layout.LANES;

    /** With fewer blocks of positions, two barriers more cost more than unequal shares. */
    private static final int FEWEST_BLOCKS_TO_SPLIT = 4;

    /** The time of an attention that is split by positions, in relation to one that is not. */
    private static final double COST_OF_SPLITTING = 1.1;

    private final Engine engine;
    private final ModelConfig config;
    private final BlockStyle style;
    private final List<Sight> sights; // of the layers that see everything, then of those with windows, if there are any
    private final Sight[] sightOfLayer;
    private final int maxRows;
    private final Arena arena = Arena.ofShared();

    private final MemorySegment state; // f32 (rows, hidden): the residual stream
    private final Activations normed; // (rows, hidden)
    private final MemorySegment query; // f32 (rows, heads, headDim)
    private final MemorySegment key; // f32 (rows, kvHeads, headDim)
    private final MemorySegment value; // f32 (rows, kvHeads, headDim)
    private final Activations attended; // (rows, heads * headDim)
    private final Activations gated; // (rows, feedForward)
    private final MemorySegment up; // f32 (rows, feedForward)
    private final Activations sideInput; // (rows, hidden): of a feed-forward network beside attention, if normed apart
    private final MemorySegment branch; // f32 (rows, hidden): what a norm stands behind
    private final MemorySegment prefix; // i32 (rows)
    private final MemorySegment pathStart; // i32 (rows + 1)
    private final MemorySegment prompted; // i32 (rows)
    private final float[] embedding;

    private MemorySegment path; // i32
    private MemorySegment[] attentionScratch; // f32, one per thread
    private int scratchSlots;
    private final SplitMemory splitMemory = new SplitMemory();
    private final LowRankRows lowRank;
    private Activations headInput; // (logit rows, hidden)
    private MemorySegment logits; // f32 (logit rows, vocabulary)
    private int logitRows;
    private int rowCount;

    /**
     * Scratch memory for passes of up to {@code maxRows} rows.
     */
    public ForwardPass(Engine engine, int maxRows) {
        if (maxRows < 1) {
            throw new IllegalArgumentException("a pass needs at least one row, not " + maxRows);
        }
        this.engine = engine;
        this.config = engine.model().config();
        this.maxRows = maxRows;
        style = config.style();
        sights = engine.model().rotaries().stream().map(this::sight).toList();
        sightOfLayer = new Sight[config.layers()];
        for (int layer = 0; layer < sightOfLayer.length; layer++) {
            sightOfLayer[layer] = config.hasWindow(layer) ? sights.getLast() : sights.getFirst();
        }
        state = floats((long) maxRows * config.hidden());
        normed = new Activations(arena, maxRows, config.hidden());
        query = floats((long) maxRows * config.heads() * config.headDim());
        key = floats((long) maxRows * config.kvHeads() * config.headDim());
        value = floats((long) maxRows * config.kvHeads() * config.headDim());
        attended = new Activations(arena, maxRows, config.heads() * config.headDim());
        gated = new Activations(arena, maxRows, config.feedForward());
        up = floats((long) maxRows * config.feedForward());
        sideInput = new Activations(arena, config.style().parallel() ? maxRows : 0, config.hidden());
        branch = floats(config.style().normsBehind() ? (long) maxRows * config.hidden() : 0);
        prefix = ints(maxRows);
        pathStart = ints(maxRows + 1);
        prompted = ints(maxRows);
        path = ints(maxRows);
        attentionScratch = new MemorySegment[0];
        embedding = new float[config.hidden()];
        lowRank = new LowRankRows(engine, arena);
        headInput = new Activations(arena, 1, config.hidden());
        logits = floats(config.vocabulary());
        logitRows = 1;
    }

    /**
     * What a kind of layers sees of positions.
     *
     * @param angles f32 (rows, headDim / 2, 2): cosines and sines
     */
    private record Sight(AttentionShape shape, RotaryTable table, MemorySegment angles) {}

    private Sight sight(RotaryTable table) {
        return new Sight(
                config.attention(table != engine.model().rotaries().getFirst()),
                table,
                floats((long) maxRows * config.headDim()));
    }

    private Sight sight(int layer) {
        return sightOfLayer[layer];
    }

    private MemorySegment floats(long count) {
        return arena.allocate(count * Float.BYTES, 64);
    }

    private MemorySegment ints(long count) {
        return arena.allocate(count * Integer.BYTES, 64);
    }

    /**
     * Bytes of scratch memory for passes of one sequence, a chain of tokens, without an adapter; memory that few rows
     * behind many positions take to be split among threads is not counted.
     *
     * @param maxRows   most rows of a pass
     * @param logitRows most rows whose logits are asked for, if room for them has been made at once
     * @param slots     of the cache
     * @param threads   of the engine's team
     */
    public static long bytes(ModelConfig config, int maxRows, int logitRows, int slots, int threads) {
        long perRow = (long) config.hidden()
                + config.queryWidth()
                + 2L * config.keyWidth()
                + config.feedForward()
                + (config.style().normsBehind() ? config.hidden() : 0)
                + (config.positions().windows().isPresent() ? 2L : 1L) * config.headDim();
        long activations = (config.style().parallel() ? 2 : 1) * Activations.bytes(maxRows, config.hidden())
                + Activations.bytes(maxRows, config.queryWidth())
                + Activations.bytes(maxRows, config.feedForward());
        AttentionShape attention = config.attention(false);
        long floats = maxRows * perRow + threads * attention.scratchFloats(slots, 0);
        long ints = 4L * maxRows + 1;
        // Memory for one row's logits is there from the beginning, and kept.
        long withLogits = logitRows > 1 ? logitRows + 1L : 1;
        long logits = withLogits * config.vocabulary() * Float.BYTES + Activations.bytes(withLogits, config.hidden());
        return floats * Float.BYTES + ints * Integer.BYTES + activations + logits;
    }

    /** Most rows of one pass. */
    public int maxRows() {
        return maxRows;
    }

    /** The rows of one sequence among those of a pass. */
    public record Part(KvCache cache, Rows rows) {}

    /**
     * A part with what each of its rows sees, and its rows of the scratch memory.
     *
     * @param query f32 (rows, heads, headDim)
     * @param key   f32 (rows, kvHeads, headDim)
     * @param value f32 (rows, kvHeads, headDim)
     * @param out   f32 (rows, heads, headDim): of attention
     */
    private record Sequence(
            KvCache cache,
            int rows,
            Visibility visibility,
            MemorySegment query,
            MemorySegment key,
            MemorySegment value,
            MemorySegment out) {
        int firstSlot() {
            return cache.length();
        }
    }

    /**
     * Computes the rows' hidden states and puts their keys and values behind the cache's end. Follow with
     * {@link #logits} and {@link KvCache#accept}.
     *
     * @throws IllegalArgumentException if there are too many rows, a token or mask the model does not have, or an
     *     ordinary row behind a mask row where the adapter changes linear layers
     */
    public void run(KvCache cache, Rows rows) {
        run(List.of(new Part(cache, rows)));
    }

    /**
     * The same for several sequences in one pass, which reads the weights once for all of them. The rows of the pass are
     * those of the first part, then those of the second, and so on; a sequence's results do not depend on the others.
     *
     * @param parts each with a cache of its own
     */
    public void run(List<Part> parts) {
        int count = 0;
        for (Part part : parts) {
            count += part.rows().size();
        }
        if (count < 1 || count > maxRows) {
            throw new IllegalArgumentException("a pass of " + count + " rows, where 1 to " + maxRows + " fit");
        }
        List<Sequence> sequences = new ArrayList<>(parts.size());
        int firstRow = 0;
        int pathEnd = 0;
        int slots = 0;
        lowRank.clear();
        for (Part part : parts) {
            lowRank.add(part.rows(), firstRow);
            part.cache().reserve(part.cache().length() + part.rows().size());
            embed(part.rows(), part.cache().length(), firstRow);
            pathEnd = describe(part.cache().length(), part.rows(), firstRow, pathEnd);
            slots = Math.max(slots, part.cache().layer(0).slots());
            firstRow += part.rows().size();
        }
        firstRow = 0;
        for (Part part : parts) { // after all paths are known, since their memory may have moved
            int rows = part.rows().size();
            sequences.add(sequence(part.cache(), firstRow, rows));
            firstRow += rows;
        }
        reserveScratch(slots);
        Optional<PositionSplit> split = split(sequences);
        rowCount = count;
        engine.team().run(member -> {
            for (int layer = 0; layer < config.layers(); layer++) {
                block(member, layer, sequences, split);
            }
        });
    }

    private Sequence sequence(KvCache cache, int firstRow, int rows) {
        long offset = (long) firstRow * Integer.BYTES;
        long queries = (long) firstRow * config.heads() * config.headDim() * Float.BYTES;
        long keys = (long) firstRow * config.kvHeads() * config.headDim() * Float.BYTES;
        return new Sequence(
                cache,
                rows,
                new Visibility(prefix.asSlice(offset), pathStart.asSlice(offset), path, prompted.asSlice(offset)),
                query.asSlice(queries),
                key.asSlice(keys),
                value.asSlice(keys),
                attended.values().asSlice(queries));
    }

    private void embed(Rows rows, int length, int firstRow) {
        for (int row = 0; row < rows.size(); row++) {
            long at = ((long) firstRow + row) * config.hidden();
            if (rows.isMask(row)) {
                maskTokens(rows.mask(row)).embed(rows.mask(row), state, at);
            } else if (rows.token(row) < config.vocabulary()) {
                engine.model().embed(rows.token(row), embedding, state, at);
            } else {
                throw new IllegalArgumentException(
                        "token " + rows.token(row) + " is not among the model's " + config.vocabulary());
            }
            engine.model().addPosition(length + rows.depth(row), embedding, state, at);
        }
    }

    private MaskTokens maskTokens(int mask) {
        MaskTokens tokens = engine.maskTokens()
                .orElseThrow(() -> new IllegalArgumentException("mask rows need an adapter, and none is loaded"));
        if (mask >= tokens.masks()) {
            throw new IllegalArgumentException("mask " + mask + " is not among the adapter's " + tokens.masks());
        }
        return tokens;
    }

    /** Positions, and what each row sees: its parent's prefix and path, and itself. Returns the end of the paths. */
    private int describe(int length, Rows rows, int firstRow, int pathFrom) {
        int pathEnd = pathFrom;
        for (int row = 0; row < rows.size(); row++) {
            int parent = rows.parent(row);
            int depth = rows.depth(row);
            int at = firstRow + row;
            for (Sight sight : sights) {
                sight.table().copy(length + depth, sight.angles(), at);
            }
            prompted.setAtIndex(JAVA_INT, at, rows.isMask(row) ? 1 : 0);
            pathStart.setAtIndex(JAVA_INT, at, pathEnd);
            int parentPrefix =
                    parent == Rows.CACHE_END ? length : prefix.getAtIndex(JAVA_INT, (long) firstRow + parent);
            if (parentPrefix == length + depth && row == depth) {
                prefix.setAtIndex(JAVA_INT, at, parentPrefix + 1);
                continue;
            }
            prefix.setAtIndex(JAVA_INT, at, parentPrefix);
            int steps = length + depth + 1 - parentPrefix;
            reservePath(pathEnd + steps);
            int from = parent == Rows.CACHE_END ? 0 : pathStart.getAtIndex(JAVA_INT, (long) firstRow + parent);
            for (int i = 0; i < steps - 1; i++) {
                path.setAtIndex(JAVA_INT, pathEnd + i, path.getAtIndex(JAVA_INT, from + i));
            }
            path.setAtIndex(JAVA_INT, pathEnd + steps - 1, length + row);
            pathEnd += steps;
        }
        pathStart.setAtIndex(JAVA_INT, (long) firstRow + rows.size(), pathEnd);
        return pathEnd;
    }

    private void reservePath(int entries) {
        long have = path.byteSize() / Integer.BYTES;
        if (entries > have) {
            MemorySegment larger = ints(Math.max(entries, 2 * have));
            larger.copyFrom(path);
            path = larger;
        }
    }

    private void reserveScratch(int slots) {
        if (slots > scratchSlots) {
            int prompts = engine.maskTokens().map(MaskTokens::prompts).orElse(0);
            attentionScratch = new MemorySegment[engine.team().threads()];
            for (int i = 0; i < attentionScratch.length; i++) {
                attentionScratch[i] = floats(sights.getFirst().shape().scratchFloats(slots, prompts));
            }
            scratchSlots = slots;
        }
    }

    /**
     * Memory to split attention by positions, if the threads' shares are more equal so than by rows and heads: as with one
     * row of few heads behind many positions.
     */
    private Optional<PositionSplit> split(List<Sequence> sequences) {
        Sequence only = sequences.getFirst();
        int threads = engine.team().threads();
        int blocks = Math.ceilDiv(only.firstSlot() + only.rows(), AttentionShape.POSITIONS_PER_BLOCK);
        double byTiles = largestShare(config.kvHeads() * tilesPerKvHead(only.rows()), threads);
        if (sequences.size() > 1
                || blocks < FEWEST_BLOCKS_TO_SPLIT
                || largestShare(blocks, threads) * COST_OF_SPLITTING >= byTiles) {
            return Optional.empty();
        }
        return Optional.of(splitMemory.reserve(only.rows() * config.heads(), blocks, config.headDim(), threads));
    }

    /** The largest of equal shares of some items, in relation to their mean. */
    private static double largestShare(int items, int threads) {
        return (double) Math.ceilDiv(items, threads) * threads / items;
    }

    private int tilesPerKvHead(int rows) {
        return Math.ceilDiv(rows * sights.getFirst().shape().group(), AttentionShape.QUERIES_PER_TILE);
    }

    /** One transformer block on all rows. Phases end where a thread needs what another one has made. */
    private void block(ThreadTeam.Member member, int index, List<Sequence> sequences, Optional<PositionSplit> split) {
        Weights.Layer layer = engine.model().weights().layers().get(index);
        int from = member.from(rowCount);
        int to = member.to(rowCount);

        normalize(layer.attentionNorm(), normed, from, to, layer.attendsInCodes());
        lowRank.take(Linear.Input.ATTENTION, normed.values(), from, to);
        if (style.parallel()) {
            prepareFeedForward(layer, from, to);
        }
        member.barrier();

        lowRank.reduce(index, Linear.Input.ATTENTION, member.index());
        queriesKeysAndValues(member, index, layer, sequences);
        member.barrier();

        if (split.isPresent() && sight(index).shape().window() == AttentionShape.NO_WINDOW) {
            attend(member, attention(sequences.getFirst(), index), split.get());
        } else {
            attend(member, index, sequences);
        }
        member.barrier();

        boolean quantized = layer.projected().inCodes();
        if (quantized) {
            engine.kernels().quantize(attended, rowCount, from, to, 0, attended.columns() / Layout.BLOCK);
        }
        if (quantized || lowRank.isActive()) {
            lowRank.take(Linear.Input.ATTENDED, attended.values(), from, to);
            member.barrier();
        }
        lowRank.reduce(index, Linear.Input.ATTENDED, member.index());
        multiplyAdd(member, index, Linear.PROJECTED, layer.projected(), attended);
        if (!style.parallel()) {
            member.barrier();
            addBranch(layer.attentionEndNorm(), from, to);
            prepareFeedForward(layer, from, to);
            member.barrier();
        }

        lowRank.reduce(index, Linear.Input.FEED_FORWARD, member.index());
        activations(member, index, layer);
        member.barrier();

        lowRank.reduce(index, Linear.Input.GATED, member.index());
        multiplyAdd(member, index, Linear.DOWN, layer.down(), gated);
        member.barrier();
        addBranch(layer.feedForwardEndNorm(), from, to);
    }

    /** The input of the feed-forward network, which is attention's where it has no norm of its own. */
    private void prepareFeedForward(Weights.Layer layer, int from, int to) {
        if (layer.feedForwardNorm().isPresent()) {
            normalize(layer.feedForwardNorm().get(), feedForwardInput(layer), from, to, layer.feedsInCodes());
        }
        lowRank.take(Linear.Input.FEED_FORWARD, feedForwardInput(layer).values(), from, to);
    }

    private Activations feedForwardInput(Weights.Layer layer) {
        return style.parallel() && layer.feedForwardNorm().isPresent() ? sideInput : normed;
    }

    private void queriesKeysAndValues(
            ThreadTeam.Member member, int index, Weights.Layer layer, List<Sequence> sequences) {
        // A panel holds whole pairs of columns to rotate, so each thread goes on with the columns it has made.
        int queryPanels = layer.query().matrix().panels();
        int keyPanels = layer.key().matrix().panels();
        int all = queryPanels + keyPanels + layer.value().matrix().panels();
        Columns queries = multiplyShare(member, all, 0, layer.query(), query);
        addLowRank(member, index, Linear.QUERY, query, queries);
        Columns keys = multiplyShare(member, all, queryPanels, layer.key(), key);
        addLowRank(member, index, Linear.KEY, key, keys);
        Columns values = multiplyShare(member, all, queryPanels + keyPanels, layer.value(), value);
        addLowRank(member, index, Linear.VALUE, value, values);
        if (style.queryKeyNorms()) {
            member.barrier();
            queries = normalizeHeads(member, layer.queryNorm().orElseThrow(), query, config.heads());
            keys = normalizeHeads(member, layer.keyNorm().orElseThrow(), key, config.kvHeads());
        }
        rotate(index, query, config.queryWidth(), queries);
        rotate(index, key, config.keyWidth(), keys);
        for (Sequence sequence : sequences) {
            KvLayer cache = sequence.cache().layer(index);
            AttentionShape shape = sight(index).shape();
            int slot = sequence.firstSlot();
            engine.kernels().storeKeys(sequence.key(), shape, cache, slot, sequence.rows(), keys.from(), keys.to());
            engine.kernels()
                    .storeValues(sequence.value(), shape, cache, slot, sequence.rows(), values.from(), values.to());
        }
    }

    /** Normalizes this member's heads of all rows. */
    private Columns normalizeHeads(ThreadTeam.Member member, Weights.Norm norm, MemorySegment x, int heads) {
        int from = member.from(heads);
        int to = member.to(heads);
        for (int row = 0; row < rowCount; row++) {
            engine.kernels()
                    .rmsNorm(
                            x,
                            norm.weight(),
                            style.epsilon(),
                            x,
                            config.headDim(),
                            row * heads + from,
                            row * heads + to);
        }
        return new Columns(from * config.headDim(), to * config.headDim());
    }

    private void rotate(int layer, MemorySegment x, int width, Columns columns) {
        if (!config.positions().learned()) {
            MemorySegment angles = sight(layer).angles();
            engine.kernels().rotate(x, width, config.headDim(), angles, rowCount, columns.from(), columns.to());
        }
    }

    /** The feed-forward network up to its hidden activations. */
    private void activations(ThreadTeam.Member member, int index, Weights.Layer layer) {
        Kernels kernels = engine.kernels();
        int rows = rowCount;
        int width = config.feedForward();
        // Whole blocks of columns, which the same thread can quantize.
        int blocks = Math.ceilDiv(width, Layout.BLOCK);
        int panelFrom = member.from(blocks) * PANELS_PER_BLOCK;
        int panelTo = Math.min(
                member.to(blocks) * PANELS_PER_BLOCK, layer.up().matrix().panels());
        Activations x = feedForwardInput(layer);
        int from = panelFrom * Layout.LANES;
        int to = Math.min(panelTo * Layout.LANES, width);
        if (layer.gate().isPresent()) {
            multiply(layer.gate().get(), x, gated.values(), width, panelFrom, panelTo);
            multiply(layer.up(), x, up, width, panelFrom, panelTo);
            lowRank.add(index, Linear.GATE, member.index(), gated.values(), panelFrom, panelTo);
            lowRank.add(index, Linear.UP, member.index(), up, panelFrom, panelTo);
            for (long row = 0; row < rows; row++) {
                kernels.activateGated(style.activation(), gated.values(), up, row * width + from, row * width + to);
            }
        } else {
            multiply(layer.up(), x, gated.values(), width, panelFrom, panelTo);
            lowRank.add(index, Linear.UP, member.index(), gated.values(), panelFrom, panelTo);
            for (long row = 0; row < rows; row++) {
                kernels.activate(style.activation(), gated.values(), row * width + from, row * width + to);
            }
        }
        if (layer.down().inCodes()) {
            kernels.quantize(gated, rows, 0, rows, member.from(blocks), member.to(blocks));
        }
        lowRank.takeColumns(Linear.Input.GATED, gated.values(), from, to);
    }

    private void normalize(Weights.Norm norm, Activations out, int from, int to, boolean inCodes) {
        norm.apply(engine.kernels(), state, style.epsilon(), out.values(), config.hidden(), from, to);
        if (inCodes) {
            engine.kernels().quantize(out, rowCount, from, to, 0, config.hidden() / Layout.BLOCK);
        }
    }

    /** A range of a product's output columns. */
    private record Columns(int from, int to) {
        static final Columns NONE = new Columns(0, 0);
    }

    /** This member's part of a product whose panels are numbered from {@code first} among those of several. */
    private Columns multiplyShare(
            ThreadTeam.Member member, int allPanels, int first, Weights.Affine linear, MemorySegment out) {
        int from = Math.max(member.from(allPanels) - first, 0);
        int to = Math.min(member.to(allPanels) - first, linear.matrix().panels());
        if (from >= to) {
            return Columns.NONE;
        }
        multiply(linear, normed, out, linear.matrix().rows(), from, to);
        return new Columns(from * Layout.LANES, to * Layout.LANES);
    }

    private void multiply(
            Weights.Affine linear, Activations x, MemorySegment out, int stride, int panelFrom, int panelTo) {
        engine.kernels().multiply(linear.matrix(), x, rowCount, out, stride, false, panelFrom, panelTo);
        addBias(linear, out, panelFrom, panelTo);
    }

    private void addBias(Weights.Affine linear, MemorySegment out, int panelFrom, int panelTo) {
        int to = Math.min(panelTo * Layout.LANES, linear.matrix().rows());
        linear.addBias(engine.kernels(), out, rowCount, panelFrom * Layout.LANES, to);
    }

    /** Adds this member's columns of a product to the residual stream, or leaves them to {@link #addBranch}. */
    private void multiplyAdd(
            ThreadTeam.Member member, int layer, Linear linear, Weights.Affine weights, Activations x) {
        int from = member.from(weights.matrix().panels());
        int to = member.to(weights.matrix().panels());
        MemorySegment out = style.normsBehind() ? branch : state;
        engine.kernels().multiply(weights.matrix(), x, rowCount, out, config.hidden(), !style.normsBehind(), from, to);
        addBias(weights, out, from, to);
        lowRank.add(layer, linear, member.index(), out, from, to);
    }

    private void addBranch(Optional<Weights.Norm> norm, int from, int to) {
        if (norm.isPresent()) {
            norm.get().apply(engine.kernels(), branch, style.epsilon(), branch, config.hidden(), from, to);
            engine.kernels().add(state, branch, (long) from * config.hidden(), (long) to * config.hidden());
        }
    }

    private void addLowRank(ThreadTeam.Member member, int layer, Linear linear, MemorySegment out, Columns columns) {
        int from = columns.from() / Layout.LANES;
        int to = columns.to() / Layout.LANES;
        lowRank.add(layer, linear, member.index(), out, from, to);
    }

    private Attention attention(Sequence sequence, int layer) {
        PromptLayer prompt =
                engine.maskTokens().map(tokens -> tokens.layer(layer)).orElse(PromptLayer.NONE);
        return new Attention(
                sequence.query(),
                sequence.rows(),
                sight(layer).shape(),
                sequence.cache().layer(layer),
                prompt,
                sequence.visibility());
    }

    /** Deals out tiles of queries that share keys and values. */
    private void attend(ThreadTeam.Member member, int layer, List<Sequence> sequences) {
        int threads = engine.team().threads();
        int turn = 0; // goes on over the sequences, each of which may have few tiles
        for (Sequence sequence : sequences) {
            Attention attention = attention(sequence, layer);
            int perKvHead = sequence.rows() * attention.shape().group();
            int tilesPerKvHead = tilesPerKvHead(sequence.rows());
            int tiles = config.kvHeads() * tilesPerKvHead;
            // Neighbouring tiles go to different threads, since later rows see more.
            for (int tile = Math.floorMod(member.index() - turn, threads); tile < tiles; tile += threads) {
                int first = tile / tilesPerKvHead * perKvHead;
                int within = tile % tilesPerKvHead;
                engine.kernels()
                        .attend(
                                attention,
                                sequence.out(),
                                attentionScratch[member.index()],
                                first + perKvHead * within / tilesPerKvHead,
                                first + perKvHead * (within + 1) / tilesPerKvHead);
            }
            turn = (turn + tiles) % threads;
        }
    }

    private void attend(ThreadTeam.Member member, Attention attention, PositionSplit split) {
        Kernels kernels = engine.kernels();
        kernels.attendScores(attention, split, member.index());
        member.barrier();
        kernels.attendBlocks(attention, split, attentionScratch[member.index()], member.index());
        member.barrier();
        kernels.attendTotals(
                attention, split, attended.values(), member.from(attention.items()), member.to(attention.items()));
    }

    /**
     * The logits of some rows of the last pass.
     *
     * @param rows  row indices
     * @param count how many of {@code rows}
     * @return f32 (count, vocabulary), valid until the next call
     */
    public MemorySegment logits(int[] rows, int count) {
        reserveLogits(count);
        Weights weights = engine.model().weights();
        Kernels kernels = engine.kernels();
        int hidden = config.hidden();
        for (int i = 0; i < count; i++) {
            if (rows[i] < 0 || rows[i] >= rowCount) {
                throw new IllegalArgumentException("row " + rows[i] + " is not among the pass's " + rowCount);
            }
            MemorySegment.copy(
                    state,
                    (long) rows[i] * hidden * Float.BYTES,
                    headInput.values(),
                    (long) i * hidden * Float.BYTES,
                    (long) hidden * Float.BYTES);
        }
        engine.team().run(member -> {
            int from = member.from(count);
            int to = member.to(count);
            MemorySegment x = headInput.values();
            weights.outputNorm().apply(kernels, x, style.epsilon(), x, hidden, from, to);
            if (weights.output().layout().quantized()) {
                kernels.quantize(headInput, count, from, to, 0, hidden / Layout.BLOCK);
            }
            member.barrier();
            PackedMatrix output = weights.output();
            int panelFrom = member.from(output.panels());
            int panelTo = member.to(output.panels());
            int vocabulary = config.vocabulary();
            kernels.multiply(output, headInput, count, logits, vocabulary, false, panelFrom, panelTo);
            if (config.logitCap() > 0) {
                int first = panelFrom * Layout.LANES;
                int last = Math.min(panelTo * Layout.LANES, vocabulary);
                for (long row = 0; row < count; row++) {
                    kernels.cap(logits, config.logitCap(), row * vocabulary + first, row * vocabulary + last);
                }
            }
        });
        return logits.asSlice(0, (long) count * config.vocabulary() * Float.BYTES);
    }

    /** Makes room for the logits of a number of rows at once, where memory is not to grow with use. */
    public void reserveLogits(int count) {
        if (count > logitRows) {
            // At least twice as many, since the memory before is freed only at the end.
            logitRows = Math.max(count, Math.min(2 * logitRows, maxRows));
            headInput = new Activations(arena, logitRows, config.hidden());
            logits = floats((long) logitRows * config.vocabulary());
        }
    }

    @Override
    public void close() {
        splitMemory.close();
        arena.close();
    }
}
