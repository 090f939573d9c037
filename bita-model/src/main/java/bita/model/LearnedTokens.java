package bita.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * What bi-directional tuning learns (BiTA, arXiv 2401.12522, section 3.1), as numbers that change: prompt keys and values
 * (layers, prompts, heads, headDim), keys in the model's own order of head dimensions, mask embeddings (masks, hidden),
 * and, if there is a rank, what is added to each linear layer where mask rows pass through it, a product B A of two small
 * matrices (LoRA, arXiv 2106.09685, for rows that draft as in arXiv 2507.11851): per layer A (rank, columns) of each
 * {@link Linear.Input}, shared by the linear layers that multiply it, then B (rows, rank) of each {@link Linear}. One
 * block of f32 in this order; gradients have the same form. Not thread-safe.
 */
public final class LearnedTokens {
    private final ModelConfig config;
    private final int prompts;
    private final int masks;
    private final int rank;
    private final MemorySegment block; // freed with its last user, as those of an adapter

    /**
     * All zero.
     *
     * @param prompts 0 or more
     * @param masks   1 or more
     * @param rank    of what is added to linear layers, 0 for nothing
     */
    public LearnedTokens(ModelConfig config, int prompts, int masks, int rank) {
        if (prompts < 0 || masks < 1 || rank < 0) {
            throw new IllegalArgumentException("there must be at least one mask and no negative number of prompts or"
                    + " rank, not " + masks + ", " + prompts + " and " + rank);
        }
        this.config = config;
        this.prompts = prompts;
        this.masks = masks;
        this.rank = rank;
        block = Arena.ofAuto().allocate(Math.max(count(), 1) * Float.BYTES, 64);
    }

    /** The same numbers in memory of their own. */
    public LearnedTokens copy() {
        LearnedTokens copy = new LearnedTokens(config, prompts, masks, rank);
        copy.block.copyFrom(block);
        return copy;
    }

    public int prompts() {
        return prompts;
    }

    public int masks() {
        return masks;
    }

    /** Of what is added to linear layers; 0 for nothing. */
    public int rank() {
        return rank;
    }

    /** All numbers, f32. */
    public MemorySegment all() {
        return block;
    }

    /** Bytes of memory of learned tokens of this form. */
    public static long bytes(ModelConfig config, int prompts, int masks, int rank) {
        return (lowRankFrom(config, prompts, masks) + config.layers() * lowRankFloats(config, rank)) * Float.BYTES;
    }

    /** How many numbers there are. */
    public long count() {
        return lowRankFrom(config, prompts, masks) + lowRankCount();
    }

    /** How many of these belong to what is added to linear layers; they are the last ones. */
    public long lowRankCount() {
        return config.layers() * lowRankFloats(config, rank);
    }

    /** f32 (layers, prompts, heads, headDim). */
    public MemorySegment promptKeys() {
        return slice(0, promptFloats());
    }

    /** f32 (layers, prompts, heads, headDim). */
    public MemorySegment promptValues() {
        return slice(promptFloats(), promptFloats());
    }

    /** f32 (masks, hidden). */
    public MemorySegment maskEmbeddings() {
        return slice(2 * promptFloats(), (long) masks * config.hidden());
    }

    /** f32 (prompts, heads, headDim) of a layer. */
    MemorySegment promptKeys(int layer) {
        return slice(layer * layerFloats(), layerFloats());
    }

    /** f32 (prompts, heads, headDim) of a layer. */
    MemorySegment promptValues(int layer) {
        return slice(promptFloats() + layer * layerFloats(), layerFloats());
    }

    /** f32 (rank, columns): what the linear layers of an input share. */
    public MemorySegment lowRankA(int layer, Linear.Input input) {
        long from = lowRankFrom(layer);
        for (Linear.Input before : Linear.Input.values()) {
            if (before == input) {
                break;
            }
            from += (long) rank * before.columns(config);
        }
        return slice(from, (long) rank * input.columns(config));
    }

    /** f32 (rows, rank) of a linear layer. */
    public MemorySegment lowRankB(int layer, Linear linear) {
        long from = lowRankFrom(layer) + lowRankAFloats(config, rank);
        for (Linear before : Linear.of(config)) {
            if (before == linear) {
                break;
            }
            from += (long) rank * before.rows(config);
        }
        return slice(from, (long) rank * linear.rows(config));
    }

    /** What is added to linear layers, in the model's own order of head dimensions; empty without a rank. */
    public Optional<LowRank> lowRank() {
        if (rank == 0) {
            return Optional.empty();
        }
        Map<Linear.Input, float[]> a = new EnumMap<>(Linear.Input.class);
        for (Linear.Input input : Linear.Input.values()) {
            int size = rank * input.columns(config);
            float[] all = new float[config.layers() * size];
            for (int layer = 0; layer < config.layers(); layer++) {
                MemorySegment.copy(lowRankA(layer, input), JAVA_FLOAT, 0, all, layer * size, size);
            }
            a.put(input, all);
        }
        Map<Linear, float[]> b = new EnumMap<>(Linear.class);
        for (Linear linear : Linear.of(config)) {
            int size = rank * linear.rows(config);
            float[] all = new float[config.layers() * size];
            for (int layer = 0; layer < config.layers(); layer++) {
                MemorySegment.copy(lowRankB(layer, linear), JAVA_FLOAT, 0, all, layer * size, size);
            }
            b.put(linear, all);
        }
        return Optional.of(new LowRank(rank, a, b));
    }

    private long lowRankFrom(int layer) {
        return lowRankFrom(config, prompts, masks) + layer * lowRankFloats(config, rank);
    }

    private static long lowRankFrom(ModelConfig config, int prompts, int masks) {
        return 2L * config.layers() * prompts * config.heads() * config.headDim() + (long) masks * config.hidden();
    }

    private static long lowRankAFloats(ModelConfig config, int rank) {
        long columns = 0;
        for (Linear.Input input : Linear.Input.values()) {
            columns += input.columns(config);
        }
        return rank * columns;
    }

    /** Of a layer. */
    private static long lowRankFloats(ModelConfig config, int rank) {
        long rows = 0;
        for (Linear linear : Linear.of(config)) {
            rows += linear.rows(config);
        }
        return lowRankAFloats(config, rank) + rank * rows;
    }

    private long layerFloats() {
        return (long) prompts * config.heads() * config.headDim();
    }

    private long promptFloats() {
        return config.layers() * layerFloats();
    }

    private MemorySegment slice(long from, long count) {
        return block.asSlice(from * Float.BYTES, count * Float.BYTES);
    }
}
