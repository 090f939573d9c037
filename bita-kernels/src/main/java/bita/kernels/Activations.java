package bita.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * Rows of activations as the right-hand side of matrix products: in f32 and, for quantized weights, as 8-bit codes in
 * blocks of {@value Layout#BLOCK}, ordered for as many rows as are quantized and multiplied together. Scratch memory of one forward pass; not thread-safe beyond disjoint rows.
 */
public final class Activations {
    private final int columns;
    // A product takes a block of all rows at a time. Were the rows one behind the other, those of a model whose widths
    // are
    // powers of two would compete for the same few lines of the cache.
    private final MemorySegment values; // f32 (rows, columns)
    private final MemorySegment codes; // i8 (blocks, rows, 32)
    private final MemorySegment scales; // f32 (blocks, rows)
    private final MemorySegment sums; // i32 (blocks, rows): sum of the block's codes
    private final MemorySegment halfSums; // i16 (blocks, rows, 2): sums of the codes of the block's halves
    private final MemorySegment scaledSums; // f32 (blocks, rows): scale * sum, rounded

    /** Memory for {@code rows} rows of {@code columns} numbers, freed with the arena. */
    public Activations(Arena arena, int rows, int columns) {
        int blocks = (columns + Layout.BLOCK - 1) / Layout.BLOCK;
        this.columns = columns;
        values = arena.allocate((long) rows * columns * Float.BYTES, 64);
        codes = arena.allocate((long) rows * columns, 64);
        scales = arena.allocate((long) rows * blocks * Float.BYTES, 64);
        sums = arena.allocate((long) rows * blocks * Integer.BYTES, 64);
        halfSums = arena.allocate((long) rows * blocks * 2 * Short.BYTES, 64);
        scaledSums = arena.allocate((long) rows * blocks * Float.BYTES, 64);
    }

    /** Bytes of memory for {@code rows} rows of {@code columns} numbers. */
    public static long bytes(long rows, int columns) {
        int blocks = (columns + Layout.BLOCK - 1) / Layout.BLOCK;
        return rows * ((Float.BYTES + 1L) * columns + (2L * Float.BYTES + Integer.BYTES + 2L * Short.BYTES) * blocks);
    }

    public int columns() {
        return columns;
    }

    /** f32 (rows, columns): what the codes are made from. */
    public MemorySegment values() {
        return values;
    }

    /** Fills rows with random numbers between -1 and 1, and with their codes, for measurements. */
    public void randomize(Kernels kernels, int rows) {
        RandomGenerator random = new SplittableRandom(rows);
        for (long i = 0; i < (long) rows * columns; i++) {
            values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
        }
        kernels.quantize(this, rows, 0, rows, 0, columns / Layout.BLOCK);
    }

    MemorySegment codes() {
        return codes;
    }

    MemorySegment scales() {
        return scales;
    }

    MemorySegment sums() {
        return sums;
    }

    MemorySegment halfSums() {
        return halfSums;
    }

    MemorySegment scaledSums() {
        return scaledSums;
    }
}
