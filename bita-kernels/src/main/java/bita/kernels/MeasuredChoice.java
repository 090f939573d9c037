package bita.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.function.ToLongFunction;

/**
 * Which of two instruction sets multiplies faster on this machine.
 *
 * @param faster the one to use
 * @param slower the other one
 * @param ratio  how many times as long the other one takes, at least 1
 */
record MeasuredChoice(InstructionSet faster, InstructionSet slower, double ratio) {
    /** As many as the products of a step that verifies a draft have, or several. */
    private static final int ROWS = 16;
    /** 0.3 MB with the activations, which every second-level cache of a processor with AMX holds. */
    private static final int OUTPUTS = 256;

    private static final int COLUMNS = 1024;
    /** Of each, after one that is not counted: both together take a millisecond or two. */
    private static final int PRODUCTS = 10;

    /** Measures both with a product of quantized weights that lie in the cache. */
    static MeasuredChoice between(Kernels usual, Kernels other) {
        try (Arena arena = Arena.ofConfined()) {
            // All zero: what the numbers are makes no difference to how long the product takes.
            PackedMatrix weights = PackedMatrix.allocate(arena, Layout.Q8, OUTPUTS, COLUMNS);
            Activations x = new Activations(arena, ROWS, COLUMNS);
            MemorySegment out = arena.allocate((long) ROWS * OUTPUTS * Float.BYTES, Layout.PANEL_ALIGNMENT);
            return between(usual.instructionSet(), other.instructionSet(), isa -> {
                Kernels kernels = isa == usual.instructionSet() ? usual : other;
                long start = System.nanoTime();
                kernels.multiply(weights, x, ROWS, out, OUTPUTS, false, 0, weights.panels());
                return System.nanoTime() - start;
            });
        }
    }

    /**
     * The choice by the shortest time of several each, measured in turn, so that what disturbs one disturbs the other.
     *
     * @param usual   taken if the other one is no faster
     * @param product multiplies once and returns the nanoseconds that it took
     */
    static MeasuredChoice between(InstructionSet usual, InstructionSet other, ToLongFunction<InstructionSet> product) {
        long usualNanos = Long.MAX_VALUE;
        long otherNanos = Long.MAX_VALUE;
        for (int i = 0; i <= PRODUCTS; i++) {
            long first = Math.max(1, product.applyAsLong(usual));
            long second = Math.max(1, product.applyAsLong(other));
            if (i > 0) {
                usualNanos = Math.min(usualNanos, first);
                otherNanos = Math.min(otherNanos, second);
            }
        }
        return otherNanos < usualNanos
                ? new MeasuredChoice(other, usual, (double) usualNanos / otherNanos)
                : new MeasuredChoice(usual, other, (double) otherNanos / usualNanos);
    }

    /** One sentence for people. */
    String remark() {
        return String.format(
                Locale.ROOT,
                "%s is in use: a product of %d rows takes %.2f times as long with %s here (--isa %s forces it)",
                faster,
                ROWS,
                ratio,
                slower,
                slower.name().toLowerCase(Locale.ROOT));
    }
}
