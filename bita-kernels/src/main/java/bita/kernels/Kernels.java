package bita.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * The arithmetic of a forward pass. Every output element has one defined order of operations, which does not depend
 * on the other rows, on how work is split over threads, or on the implementation: {@link ScalarKernels} defines it,
 * every other implementation gives the same bits (docs/decisions/0001-order-of-operations.md).
 *
 * <p>All memory is off-heap, little endian and row-major; sizes are checked by the callers. Methods take a range of
 * rows, panels or items, so that a {@link ThreadTeam} can split the work. Implementations are stateless.
 */
public interface Kernels {
    Backend backend();

    /** What the kernels are compiled for; {@link InstructionSet#GENERIC} for those in Java. */
    InstructionSet instructionSet();

    /**
     * Memory for a model's packed weights, zero at first and freed with the arena; on large pages where backend and
     * system have them, since a step reads all of it.
     *
     * @param bytes all that will be allocated from it
     */
    default SegmentAllocator weightMemory(Arena arena, long bytes) {
        return arena;
    }

    /**
     * Lets the system begin to read a part of a mapped file, so that reading it on does not wait for every page. Does
     * nothing where the backend cannot say so.
     *
     * @param file part of a file mapped for reading
     * @throws IllegalArgumentException if it is other memory
     */
    default void readAhead(MemorySegment file) {
        requireMappedFile(file);
    }

    /**
     * Gives back the memory that holds a part of a mapped file, up to whole pages; what is touched again is read again.
     * Does nothing where the backend cannot do so: such pages count to the process until the system wants them.
     *
     * @param file part of a file mapped for reading
     * @throws IllegalArgumentException if it is other memory, whose content would be lost
     */
    default void dropPages(MemorySegment file) {
        requireMappedFile(file);
    }

    private static void requireMappedFile(MemorySegment memory) {
        if (!memory.isMapped() || !memory.isReadOnly()) {
            throw new IllegalArgumentException("this is not a file mapped for reading but other memory");
        }
    }

    /**
     * Packs a range of a matrix's panels, all rows in the order in which they are stored.
     *
     * @param source the whole matrix as stored in a file, (rows, columns) in {@code format}
     */
    default void pack(NumberFormat format, MemorySegment source, PackedMatrix target, int panelFrom, int panelTo) {
        pack(format, source, RowMap.identity(target.rows()), target, panelFrom, panelTo);
    }

    /**
     * Packs a range of a matrix's panels; see {@link PackedMatrix#pack}, which defines the result.
     *
     * @param source the whole matrix as stored in a file, (map.storedRows, columns) in {@code format}
     * @param map    which of its rows each row of the target comes from
     */
    default void pack(
            NumberFormat format, MemorySegment source, RowMap map, PackedMatrix target, int panelFrom, int panelTo) {
        target.pack(format, source, map, panelFrom, panelTo);
    }

    /**
     * out = x / sqrt(mean(x^2) + epsilon) * weight for each row. The squares are summed in 16 lanes (lane l: columns
     * l, l + 16, ...), the lanes by halving: l + (l + 8), then 4, 2, 1. Heads are normalized as rows of headDim columns.
     *
     * @param x   f32 (rows, columns)
     * @param out f32 (rows, columns), may be {@code x}
     */
    void rmsNorm(
            MemorySegment x,
            MemorySegment weight,
            float epsilon,
            MemorySegment out,
            int columns,
            int rowFrom,
            int rowTo);

    /**
     * out = fma(d / sqrt(mean(d^2) + epsilon), weight, bias) for each row, with the deviations d = x - mean(x) and a factor
     * as in {@link #rmsNorm}, whose lanes both sums have.
     *
     * @param x   f32 (rows, columns)
     * @param out f32 (rows, columns), may be {@code x}
     */
    void layerNorm(
            MemorySegment x,
            MemorySegment weight,
            MemorySegment bias,
            float epsilon,
            MemorySegment out,
            int columns,
            int rowFrom,
            int rowTo);

    /**
     * Quantizes rows of f32 values to codes: per block of 32, scale = max|x| / 127, code = rint(x * (1 / scale)). A
     * block whose scale would be subnormal is all zero; one that holds a NaN or an infinity has the scale NaN.
     *
     * @param rows      rows that {@link #multiply} will take together; the codes are ordered for it
     * @param blockFrom first block of each of the rows rowFrom..rowTo
     */
    void quantize(Activations activations, int rows, int rowFrom, int rowTo, int blockFrom, int blockTo);

    /**
     * out[r, o] = sum over k of weight[o, k] * x[r, k], or that sum added to what is in {@code out}. Float weights:
     * one fma per k, in order. Quantized weights, per block in order: acc = fma(scale_w * scale_x, dot, acc) with the
     * exact integer dot product of the codes, and with a minimum acc = fma(minimum_w, scale_x * sum of x's codes, acc).
     * With two integer scales per block (see {@link Layout}) scale_w is the f16 one and dot the sum of both times the dot
     * products of their halves; the minima's step is acc = fma(minimum_w * scale_x, sum, acc) with the f16 minimum and the sum
     * of both integer minima times the sums of x's codes in their halves. All integers are exact in f32.
     *
     * @param x         rows of activations, quantized before, for this number of rows, if the weights are
     * @param out       f32, row r at r * outStride
     * @param panelFrom first panel of 16 output rows
     */
    void multiply(
            PackedMatrix weights,
            Activations x,
            int rows,
            MemorySegment out,
            long outStride,
            boolean add,
            int panelFrom,
            int panelTo);

    /**
     * out[r, c] = out[r, c] + bias[c].
     *
     * @param out        f32, row r at r * outStride
     * @param columnFrom first of the columns to add to
     */
    void addBias(MemorySegment out, long outStride, MemorySegment bias, int rows, int columnFrom, int columnTo);

    /** x = x + y, for elements from..to of f32 arrays. */
    void add(MemorySegment x, MemorySegment y, long from, long to);

    /**
     * Rotary position embedding in place on pairs (2i, 2i + 1): (a, b) becomes (fma(a, c, -(b * s)), fma(a, s, b * c)).
     *
     * @param x          f32, row r at r * stride, heads of headDim numbers
     * @param rotary     f32 (rows, headDim / 2, 2): cosine and sine of each row's position
     * @param columnFrom first of the columns to rotate, even, as is the last
     */
    void rotate(
            MemorySegment x, long stride, int headDim, MemorySegment rotary, int rows, int columnFrom, int columnTo);

    /**
     * Rounds keys to the cache's format and puts those of row r into slot firstSlot + r.
     *
     * @param keys       f32 (rows, kvHeads, headDim)
     * @param columnFrom first of the kvHeads * headDim columns to store, a multiple of 16, as is the last
     */
    void storeKeys(
            MemorySegment keys,
            AttentionShape shape,
            KvLayer layer,
            int firstSlot,
            int rows,
            int columnFrom,
            int columnTo);

    /** As {@link #storeKeys}, for values. */
    void storeValues(
            MemorySegment values,
            AttentionShape shape,
            KvLayer layer,
            int firstSlot,
            int rows,
            int columnFrom,
            int columnTo);

    /**
     * Attention of each (row, head) over what the row sees. Scores are sequential dot products over headDim, times
     * the scale, then capped as in {@link #cap} if the shape has a cap; m is their maximum; weights are exp(score - m).
     * Weights and weighted values are summed sequentially from zero within the prompt tokens and within blocks of 128
     * positions; these sums are added in that order. Positions before the row's window take no part: the first block
     * begins with the first position in it, and blocks wholly before it add nothing.
     *
     * @param out      f32 (rows, heads, headDim)
     * @param scratch  f32, {@link AttentionShape#scratchFloats} numbers for the calling thread alone
     * @param itemFrom items are (kvHead * rows + row) * heads per kvHead + head of these: neighbours share keys and
     *                 values, which are then loaded once for up to {@value AttentionShape#QUERIES_PER_TILE} of them
     */
    void attend(Attention attention, MemorySegment out, MemorySegment scratch, int itemFrom, int itemTo);

    /**
     * The first step of an attention that is split by positions, with the same result as {@link #attend}: the scores of
     * a part's slots, and the largest of those that are seen.
     */
    void attendScores(Attention attention, PositionSplit split, int part);

    /**
     * The second step, once the first is done for all parts: the sums over a part's blocks of positions, and over the
     * prompt tokens for part 0.
     *
     * @param scratch as for {@link #attend}
     */
    void attendBlocks(Attention attention, PositionSplit split, MemorySegment scratch, int part);

    /**
     * The last step, once the second is done for all parts: adds up the blocks.
     *
     * @param out f32 (rows, heads, headDim)
     */
    void attendTotals(Attention attention, PositionSplit split, MemorySegment out, int itemFrom, int itemTo);

    /** gate = activation(gate) * up, for elements from..to of f32 arrays. */
    void activateGated(Activation activation, MemorySegment gate, MemorySegment up, long from, long to);

    /** x = activation(x), for elements from..to of an f32 array. */
    void activate(Activation activation, MemorySegment x, long from, long to);

    /**
     * x = cap * tanh(x / cap), for elements from..to of an f32 array.
     *
     * @param cap positive
     */
    void cap(MemorySegment x, float cap, long from, long to);

    /**
     * The lowest index of the largest of {@code count} f32 numbers.
     *
     * @return the index, or -1 if any number is NaN
     */
    int argmax(MemorySegment x, int count);

    /**
     * The largest of {@code count} f32 numbers, in descending order; the lower index first where they are equal.
     *
     * @param most    how many, 1 to {@code count}
     * @param indices i32 (most)
     * @param values  f32 (most)
     * @return whether all numbers are finite; if not, there is nothing of use in the arrays
     */
    boolean largest(MemorySegment x, int count, int most, MemorySegment indices, MemorySegment values);

    /**
     * The sum of exp(x[i] - maximum), in f32: number i is added to the sum i % {@value Layout#LANES}, then the sums' halves to each other.
     *
     * @param x f32 (count), finite numbers
     */
    float exponentialSum(MemorySegment x, int count, float maximum);
}
