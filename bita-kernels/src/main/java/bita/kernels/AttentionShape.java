package bita.kernels;

/**
 * Shape of grouped-query attention.
 *
 * @param heads   attention heads
 * @param kvHeads heads of keys and values, a divisor of {@code heads}
 * @param headDim numbers per head, a multiple of 16
 * @param scale   factor of the scores, usually 1 / sqrt(headDim)
 * @param cap     a scaled score s becomes cap * tanh(s / cap), or {@link #NO_CAP}
 * @param window  positions that a row sees at most, its own the last of them, or {@link #NO_WINDOW} for all; prompt tokens
 *                are seen at any distance
 */
public record AttentionShape(int heads, int kvHeads, int headDim, float scale, float cap, int window) {
    /** Absolute positions whose weighted values are summed up before they are added to the total. */
    public static final int POSITIONS_PER_BLOCK = 128;

    /** Most neighbouring items of {@link Kernels#attend} that are worked on together. */
    public static final int QUERIES_PER_TILE = 6;

    /** Scores as they are. */
    public static final float NO_CAP = 0;

    /** All positions are seen. */
    public static final int NO_WINDOW = 0;

    public AttentionShape {
        if (kvHeads < 1 || heads % kvHeads != 0) {
            throw new IllegalArgumentException(heads + " attention heads cannot share " + kvHeads + " key-value heads");
        }
        if (headDim < Layout.LANES || headDim % Layout.LANES != 0) {
            throw new IllegalArgumentException("the head dimension must be a multiple of 16, not " + headDim);
        }
        if (!(cap >= 0) || Float.isInfinite(cap)) {
            throw new IllegalArgumentException("the cap of scores must be positive, or 0 for none, not " + cap);
        }
        if (window < 0) {
            throw new IllegalArgumentException("the window must be positive, or 0 for none, not " + window);
        }
    }

    /** Without cap and window. */
    public AttentionShape(int heads, int kvHeads, int headDim, float scale) {
        this(heads, kvHeads, headDim, scale, NO_CAP, NO_WINDOW);
    }

    /** f32 numbers of scratch that one thread needs to attend to {@code slots} slots and {@code prompts} prompts. */
    public long scratchFloats(int slots, int prompts) {
        return QUERIES_PER_TILE * (slots + prompts + 2L * Layout.LANES);
    }

    /** Heads that share a head of keys and values. */
    public int group() {
        return heads / kvHeads;
    }

    /** The first position that a row sees which sees those before {@code end}, apart from the window. */
    int firstSeen(int end) {
        return window == NO_WINDOW ? 0 : Math.max(end - window, 0);
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
