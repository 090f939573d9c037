package bita.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What bi-directional tuning learns (BiTA, arXiv 2401.12522, section 3.1), as numbers that change: prompt keys and values
 * (layers, prompts, heads, headDim), keys in the model's own order of head dimensions, and mask embeddings (masks,
 * hidden). One block of f32 in this order; gradients have the same form. Not thread-safe.
 */
public final class LearnedTokens {
    private final ModelConfig config;
    private final int prompts;
    private final int masks;
    private final MemorySegment block; // freed with its last user, as those of an adapter

    /**
     * All zero.
     *
     * @param prompts 0 or more
     * @param masks   1 or more
     */
    public LearnedTokens(ModelConfig config, int prompts, int masks) {
        if (prompts < 0 || masks < 1) {
            throw new IllegalArgumentException("there must be at least one mask and no negative number of prompts, not "
                    + masks + " and " + prompts);
        }
        this.config = config;
        this.prompts = prompts;
        this.masks = masks;
        block = Arena.ofAuto().allocate(Math.max(count(), 1) * Float.BYTES, 64);
    }

    /** The same numbers in memory of their own. */
    public LearnedTokens copy() {
        LearnedTokens copy = new LearnedTokens(config, prompts, masks);
        copy.block.copyFrom(block);
        return copy;
    }

    public int prompts() {
        return prompts;
    }

    public int masks() {
        return masks;
    }

    /** All numbers, f32. */
    public MemorySegment all() {
        return block;
    }

    /** Bytes of memory of learned tokens of this form. */
    public static long bytes(ModelConfig config, int prompts, int masks) {
        return (2L * config.layers() * prompts * config.heads() * config.headDim() + (long) masks * config.hidden())
                * Float.BYTES;
    }

    /** How many numbers there are. */
    public long count() {
        return 2 * promptFloats() + (long) masks * config.hidden();
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
