package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * Memory that threads share when they split the attention of few rows by positions instead of rows and heads. The blocks
 * of {@value AttentionShape#POSITIONS_PER_BLOCK} slots, and then of as many positions, are dealt out in equal runs, one
 * for each part.
 *
 * @param scores  f32 (items, blocks * 128): a score for each slot
 * @param maxima  f32 (items, parts): the largest score that each part has seen
 * @param partial f32 (items, 1 + blocks, headDim + 16): sums over the prompt tokens, then over each block; the weighted
 *                values, then the weights' sum
 * @param blocks  that hold all slots of the pass
 * @param parts   one for each thread
 */
public record PositionSplit(MemorySegment scores, MemorySegment maxima, MemorySegment partial, int blocks, int parts) {
    /** In place of a block: the prompt tokens. */
    static final int PROMPTS = -1;

    private static final int WEIGHT_LANES = Layout.LANES;

    /** f32 numbers of {@link #scores} for a number of items and blocks. */
    public static long scoreFloats(int items, int blocks) {
        return (long) items * blocks * AttentionShape.POSITIONS_PER_BLOCK;
    }

    /** f32 numbers of {@link #partial} for a number of items and blocks. */
    public static long partialFloats(int items, int blocks, int headDim) {
        return (long) items * (1 + blocks) * (headDim + WEIGHT_LANES);
    }

    /** The first block of a part. */
    int from(int part) {
        return (int) ((long) blocks * part / parts);
    }

    /** The end, exclusive, of a part's blocks. */
    int to(int part) {
        return from(part + 1);
    }

    /** Index of an item's first score. */
    long scoresOf(int item) {
        return scoreFloats(item, blocks);
    }

    void setMaximum(int item, int part, float maximum) {
        maxima.setAtIndex(JAVA_FLOAT, (long) item * parts + part, maximum);
    }

    /** The largest score of an item among its slots. */
    float maximum(int item) {
        float maximum = Float.NEGATIVE_INFINITY;
        for (int part = 0; part < parts; part++) {
            float other = maxima.getAtIndex(JAVA_FLOAT, (long) item * parts + part);
            maximum = other > maximum ? other : maximum;
        }
        return maximum;
    }

    /** Index of an item's sums over a block or {@link #PROMPTS}. */
    long partialOf(int item, int block, int headDim) {
        return ((long) item * (1 + blocks) + 1 + block) * (headDim + WEIGHT_LANES);
    }
}
