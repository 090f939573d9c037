package bita.kernels;

import java.lang.foreign.MemorySegment;

/**
 * The arithmetic of tuning beyond that of a forward pass: products with weights in both directions and the backward
 * passes of the other operations. Activations and gradients are f32 and row-major; weights are in whatever layout they
 * are packed, and decoded on the way. {@link ScalarTraining} defines each result; other implementations may sum up in
 * another order, but always in the same one, whatever the threads.
 *
 * <p>A gradient's name begins with {@code d}. Methods take ranges as those of {@link Kernels} do.
 */
public interface TrainingKernels {
    /** f32 numbers of scratch that one thread needs for the products. */
    long PRODUCT_SCRATCH_FLOATS = 2 * 1024 * Layout.LANES;

    /** Most prompt tokens and masks of a group together. */
    int MOST_LEARNED = 512;

    /**
     * out = x * weights^T, or added to it: decoded weights, activations as they are.
     *
     * @param x       f32 (rows, weights.columns)
     * @param out     f32 (rows, weights.rows)
     * @param scratch f32, {@link #PRODUCT_SCRATCH_FLOATS} numbers for the calling thread alone
     */
    void multiply(
            PackedMatrix weights,
            MemorySegment x,
            int rows,
            MemorySegment out,
            boolean add,
            MemorySegment scratch,
            int panelFrom,
            int panelTo);

    /**
     * dx = dy * weights, or added to it: the gradient of {@link #multiply} for its input.
     *
     * @param dy        f32 (rows, weights.rows)
     * @param dx        f32 (rows, weights.columns)
     * @param scratch   f32, {@link #PRODUCT_SCRATCH_FLOATS} numbers for the calling thread alone
     * @param blockFrom first of the blocks of {@value Layout#BLOCK} columns to compute
     */
    void multiplyBackward(
            PackedMatrix weights,
            MemorySegment dy,
            int rows,
            MemorySegment dx,
            boolean add,
            MemorySegment scratch,
            int blockFrom,
            int blockTo);

    /**
     * Adds left^T * right: with gradients of a product's output on the left and its input on the right the gradient of its
     * weights.
     *
     * @param left  f32 (rows, leftColumns)
     * @param right f32 (rows, rightColumns)
     * @param out   f32 (leftColumns, rightColumns), added to
     * @param from  first of the output's rows to add to
     */
    void addOuterProducts(
            MemorySegment left,
            int leftColumns,
            MemorySegment right,
            int rightColumns,
            int rows,
            MemorySegment out,
            int from,
            int to);

    /**
     * Adds the gradient of {@link Kernels#rmsNorm} for its input.
     *
     * @param x  f32 (rows, columns): the input
     * @param dy f32 (rows, columns)
     * @param dx f32 (rows, columns), added to
     */
    void rmsNormBackward(
            MemorySegment x,
            MemorySegment weight,
            float epsilon,
            MemorySegment dy,
            MemorySegment dx,
            int columns,
            int rowFrom,
            int rowTo);

    /**
     * Adds the gradient of {@link Kernels#layerNorm} for its input.
     *
     * @param x  f32 (rows, columns): the input
     * @param dy f32 (rows, columns)
     * @param dx f32 (rows, columns), added to
     */
    void layerNormBackward(
            MemorySegment x,
            MemorySegment weight,
            float epsilon,
            MemorySegment dy,
            MemorySegment dx,
            int columns,
            int rowFrom,
            int rowTo);

    /**
     * Replaces the inputs of {@link Kernels#activateGated}, gate and up, by their gradients, for elements from..to.
     *
     * @param d f32: the gradient for the output
     */
    void activateGatedBackward(
            Activation activation, MemorySegment gate, MemorySegment up, MemorySegment d, long from, long to);

    /**
     * Replaces the input of {@link Kernels#activate}, x, by its gradient, for elements from..to.
     *
     * @param d f32: the gradient for the output
     */
    void activateBackward(Activation activation, MemorySegment x, MemorySegment d, long from, long to);

    /**
     * Replaces the gradient for the output of {@link Kernels#cap}, d, by that for its input, for elements from..to.
     *
     * @param capped f32: the output
     */
    void capBackward(MemorySegment capped, float cap, MemorySegment d, long from, long to);

    /**
     * Prepares a layer's keys and values for {@link #attendBackward}.
     *
     * @param layer       in f32
     * @param count       slots in use
     * @param keyRows     f32 (kvHeads, slots, headDim): written
     * @param valuePanels f32 (kvHeads, slots / 16, headDim, 16 slots): written
     */
    void turnCache(
            KvLayer layer,
            int headDim,
            int count,
            MemorySegment keyRows,
            MemorySegment valuePanels,
            int headFrom,
            int headTo);

    /**
     * The gradient of attention for queries of mask groups (BiTA, arXiv 2401.12522, section 3.1): mask i of a group,
     * counted from 0, sees the prompt tokens, the group's prefix of real tokens, and masks 0..i of the group. With a
     * prefix of a tokens it has the position a + i: of real tokens and masks it sees those in the shape's window that ends
     * there.
     *
     * @param scratch f32, {@link AttentionShape#scratchFloats} of the layer's slots, twice, for the calling thread alone
     * @param kvHead  whose queries, keys and values are worked on
     */
    void attendBackward(MaskAttention attention, MemorySegment scratch, int kvHead, int groupFrom, int groupTo);

    /**
     * Replaces {@code count} f32 numbers by their softmax.
     *
     * @return the logarithm of the sum of their exponentials; NaN if any of them is
     */
    float softmax(MemorySegment x, int count);

    /** x = a * x + b * y for {@code count} f32 numbers. */
    void combine(MemorySegment x, float a, MemorySegment y, float b, int count);

    /** How many of {@code count} f32 numbers are larger than {@code threshold}. */
    int countAbove(MemorySegment x, int count, float threshold);
}
