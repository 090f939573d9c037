package bita.kernels;

/**
 * Shape of grouped-query attention.
 *
 * @param heads   attention heads
 * @param kvHeads heads of keys and values, a divisor of {@code heads}
 * @param headDim numbers per head, a multiple of 16
 * @param scale   factor of the scores, usually 1 / sqrt(headDim)
 */
public record AttentionShape(int heads, int kvHeads, int headDim, float scale) {
    /** Absolute positions whose weighted values are summed up before they are added to the total. */
    public static final int POSITIONS_PER_BLOCK = 128;

    /** Most neighbouring items of {@link Kernels#attend} that are worked on together. */
    public static final int QUERIES_PER_TILE = 6;

    public AttentionShape {
        if (kvHeads < 1 || heads % kvHeads != 0) {
            throw new IllegalArgumentException(heads + " attention heads cannot share " + kvHeads + " key-value heads");
        }
        if (headDim < Layout.LANES || headDim % Layout.LANES != 0) {
            throw new IllegalArgumentException("the head dimension must be a multiple of 16, not " + headDim);
        }
    }

    /** f32 numbers of scratch that one thread needs to attend to {@code slots} slots and {@code prompts} prompts. */
    public long scratchFloats(int slots, int prompts) {
        return QUERIES_PER_TILE * (slots + prompts + 2L * Layout.LANES);
    }

    /** Heads that share a head of keys and values. */
    public int group() {
        return heads / kvHeads;
    }

    /** The row of an item of {@link Kernels#attend}. */
    int row(int item, int rows) {
        return item % (rows * group()) / group();
    }

    /** The head of an item of {@link Kernels#attend}. */
    int head(int item, int rows) {
        return item / (rows * group()) * group() + item % group();
    }
}
