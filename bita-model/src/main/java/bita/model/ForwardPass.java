package bita.model;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import bita.kernels.Activation;
import bita.kernels.Activations;
import bita.kernels.Attention;
import bita.kernels.AttentionShape;
import bita.kernels.Kernels;
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
    private final AttentionShape shape;
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
    private final MemorySegment rotary; // f32 (rows, headDim / 2, 2)
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
        shape = new AttentionShape(
                config.heads(), config.kvHeads(), config.headDim(), (float) (1 / Math.sqrt(config.headDim())));
        state = floats((long) maxRows * config.hidden());
        normed = new Activations(arena, maxRows, config.hidden());
        query = floats((long) maxRows * config.heads() * config.headDim());
        key = floats((long) maxRows * config.kvHeads() * config.headDim());
        value = floats((long) maxRows * config.kvHeads() * config.headDim());
        attended = new Activations(arena, maxRows, config.heads() * config.headDim());
        gated = new Activations(arena, maxRows, config.feedForward());
        up = floats((long) maxRows * config.feedForward());
        rotary = floats((long) maxRows * config.headDim());
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
        int queryWidth = config.heads() * config.headDim();
        long perRow = (long) config.hidden()
                + queryWidth
                + 2L * config.kvHeads() * config.headDim()
                + config.feedForward()
                + config.headDim();
        long activations = Activations.bytes(maxRows, config.hidden())
                + Activations.bytes(maxRows, queryWidth)
                + Activations.bytes(maxRows, config.feedForward());
        AttentionShape attention = new AttentionShape(config.heads(), config.kvHeads(), config.headDim(), 1);
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
            embed(part.rows(), firstRow);
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

    private void embed(Rows rows, int firstRow) {
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
            engine.model().rotary().copy(length + depth, rotary, at);
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
                attentionScratch[i] = floats(shape.scratchFloats(slots, prompts));
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
        return Math.ceilDiv(rows * shape.group(), AttentionShape.QUERIES_PER_TILE);
    }

    /** One transformer block on all rows. Phases end where a thread needs what another one has made. */
    private void block(ThreadTeam.Member member, int index, List<Sequence> sequences, Optional<PositionSplit> split) {
        Kernels kernels = engine.kernels();
        Weights.Layer layer = engine.model().weights().layers().get(index);
        int rows = rowCount;
        int from = member.from(rows);
        int to = member.to(rows);
        int queryWidth = config.heads() * config.headDim();
        int keyWidth = config.kvHeads() * config.headDim();

        normalize(layer.attentionNorm(), from, to, layer.query(), layer.key(), layer.value());
        lowRank.take(Linear.Input.ATTENTION, normed.values(), from, to);
        member.barrier();

        lowRank.reduce(index, Linear.Input.ATTENTION, member.index());

        // A panel holds whole pairs of columns to rotate, so each thread goes on with the columns it has made.
        int queryPanels = layer.query().panels();
        int keyPanels = layer.key().panels();
        int all = queryPanels + keyPanels + layer.value().panels();
        Columns mine = multiplyShare(member, all, 0, layer.query(), query);
        addLowRank(member, index, Linear.QUERY, query, mine);
        kernels.rotate(query, queryWidth, config.headDim(), rotary, rows, mine.from(), mine.to());
        mine = multiplyShare(member, all, queryPanels, layer.key(), key);
        addLowRank(member, index, Linear.KEY, key, mine);
        kernels.rotate(key, keyWidth, config.headDim(), rotary, rows, mine.from(), mine.to());
        for (Sequence sequence : sequences) {
            kernels.storeKeys(
                    sequence.key(),
                    shape,
                    sequence.cache().layer(index),
                    sequence.firstSlot(),
                    sequence.rows(),
                    mine.from(),
                    mine.to());
        }
        mine = multiplyShare(member, all, queryPanels + keyPanels, layer.value(), value);
        addLowRank(member, index, Linear.VALUE, value, mine);
        for (Sequence sequence : sequences) {
            kernels.storeValues(
                    sequence.value(),
                    shape,
                    sequence.cache().layer(index),
                    sequence.firstSlot(),
                    sequence.rows(),
                    mine.from(),
                    mine.to());
        }
        member.barrier();

        if (split.isPresent()) {
            attend(member, attention(sequences.getFirst(), index), split.get());
        } else {
            attend(member, index, sequences);
        }
        member.barrier();

        boolean quantized = layer.projected().layout().quantized();
        if (quantized) {
            kernels.quantize(attended, rows, from, to, 0, attended.columns() / Layout.BLOCK);
        }
        if (quantized || lowRank.isActive()) {
            lowRank.take(Linear.Input.ATTENDED, attended.values(), from, to);
            member.barrier();
        }
        lowRank.reduce(index, Linear.Input.ATTENDED, member.index());
        multiplyAdd(member, index, Linear.PROJECTED, layer.projected(), attended);
        member.barrier();

        normalize(layer.feedForwardNorm(), from, to, layer.gate(), layer.up());
        lowRank.take(Linear.Input.FEED_FORWARD, normed.values(), from, to);
        member.barrier();

        lowRank.reduce(index, Linear.Input.FEED_FORWARD, member.index());

        int width = config.feedForward();
        // Whole blocks of columns, which the same thread can quantize.
        int blocks = Math.ceilDiv(width, Layout.BLOCK);
        int panelFrom = member.from(blocks) * PANELS_PER_BLOCK;
        int panelTo =
                Math.min(member.to(blocks) * PANELS_PER_BLOCK, layer.gate().panels());
        kernels.multiply(layer.gate(), normed, rows, gated.values(), width, false, panelFrom, panelTo);
        kernels.multiply(layer.up(), normed, rows, up, width, false, panelFrom, panelTo);
        lowRank.add(index, Linear.GATE, member.index(), gated.values(), panelFrom, panelTo);
        lowRank.add(index, Linear.UP, member.index(), up, panelFrom, panelTo);
        int columnFrom = panelFrom * Layout.LANES;
        int columnTo = Math.min(panelTo * Layout.LANES, width);
        for (long row = 0; row < rows; row++) {
            kernels.activateGated(
                    Activation.SILU, gated.values(), up, row * width + columnFrom, row * width + columnTo);
        }
        if (layer.down().layout().quantized()) {
            kernels.quantize(gated, rows, 0, rows, member.from(blocks), member.to(blocks));
        }
        lowRank.takeColumns(Linear.Input.GATED, gated.values(), columnFrom, columnTo);
        member.barrier();

        lowRank.reduce(index, Linear.Input.GATED, member.index());
        multiplyAdd(member, index, Linear.DOWN, layer.down(), gated);
        member.barrier();
    }

    private void normalize(MemorySegment norm, int from, int to, PackedMatrix... users) {
        engine.kernels().rmsNorm(state, norm, config.epsilon(), normed.values(), config.hidden(), from, to);
        for (PackedMatrix user : users) {
            if (user.layout().quantized()) {
                engine.kernels().quantize(normed, rowCount, from, to, 0, config.hidden() / Layout.BLOCK);
                return;
            }
        }
    }

    /** A range of a product's output columns. */
    private record Columns(int from, int to) {
        static final Columns NONE = new Columns(0, 0);
    }

    /** This member's part of a product whose panels are numbered from {@code first} among those of several. */
    private Columns multiplyShare(
            ThreadTeam.Member member, int allPanels, int first, PackedMatrix weights, MemorySegment out) {
        int from = Math.max(member.from(allPanels) - first, 0);
        int to = Math.min(member.to(allPanels) - first, weights.panels());
        if (from >= to) {
            return Columns.NONE;
        }
        engine.kernels().multiply(weights, normed, rowCount, out, weights.rows(), false, from, to);
        return new Columns(from * Layout.LANES, to * Layout.LANES);
    }

    private void multiplyAdd(ThreadTeam.Member member, int layer, Linear linear, PackedMatrix weights, Activations x) {
        int from = member.from(weights.panels());
        int to = member.to(weights.panels());
        engine.kernels().multiply(weights, x, rowCount, state, config.hidden(), true, from, to);
        lowRank.add(layer, linear, member.index(), state, from, to);
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
                sequence.query(), sequence.rows(), shape, sequence.cache().layer(layer), prompt, sequence.visibility());
    }

    /** Deals out tiles of queries that share keys and values. */
    private void attend(ThreadTeam.Member member, int layer, List<Sequence> sequences) {
        int threads = engine.team().threads();
        int turn = 0; // goes on over the sequences, each of which may have few tiles
        for (Sequence sequence : sequences) {
            Attention attention = attention(sequence, layer);
            int perKvHead = sequence.rows() * shape.group();
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
            kernels.rmsNorm(x, weights.outputNorm(), config.epsilon(), x, hidden, from, to);
            if (weights.output().layout().quantized()) {
                kernels.quantize(headInput, count, from, to, 0, hidden / Layout.BLOCK);
            }
            member.barrier();
            PackedMatrix output = weights.output();
            kernels.multiply(
                    output,
                    headInput,
                    count,
                    logits,
                    config.vocabulary(),
                    false,
                    member.from(output.panels()),
                    member.to(output.panels()));
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
