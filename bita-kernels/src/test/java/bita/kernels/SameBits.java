package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Compares implementations with the definition, bit by bit; only the payloads of NaNs may differ. */
final class SameBits {
    static final Kernels DEFINITION = new ScalarKernels();

    /** A use of kernels that gives the bits of its results. */
    @FunctionalInterface
    interface Computation {
        int[] run(Kernels kernels);
    }

    private SameBits() {}

    /** Every implementation that this machine runs beside the definition. */
    static List<Kernels> implementations() {
        List<Kernels> all = new ArrayList<>();
        for (InstructionSet isa : KernelsProvider.instructionSets()) {
            all.add(KernelsProvider.of(Backend.NATIVE, Optional.of(isa)).kernels());
        }
        all.add(KernelsProvider.of(Backend.VECTOR, Optional.empty()).kernels());
        return all;
    }

    static void assertSameBits(String what, Computation computation) {
        assertSameBits(what, computation.run(DEFINITION), implementations(), computation);
    }

    static void assertSameBits(String what, int[] expected, List<Kernels> candidates, Computation computation) {
        for (Kernels kernels : candidates) {
            int[] actual = computation.run(kernels);
            int at = Arrays.mismatch(expected, actual);
            if (at >= 0) {
                throw new AssertionError("%s: %s %s gives %s at %d, the definition %s"
                        .formatted(
                                what,
                                kernels.backend(),
                                kernels.instructionSet(),
                                describe(actual, at),
                                at,
                                describe(expected, at)));
            }
        }
    }

    private static String describe(int[] bits, int at) {
        return at < bits.length ? "%08x (%g)".formatted(bits[at], Float.intBitsToFloat(bits[at])) : "nothing";
    }

    /** The bits of f32 numbers, all NaNs alike. */
    static int[] floats(MemorySegment x) {
        int[] bits = new int[(int) (x.byteSize() / Float.BYTES)];
        Arrays.setAll(bits, i -> Float.floatToIntBits(x.getAtIndex(JAVA_FLOAT, i)));
        return bits;
    }

    /** The bits of f16 numbers, all NaNs alike. */
    static int[] halves(MemorySegment x) {
        int[] bits = new int[(int) (x.byteSize() / Short.BYTES)];
        Arrays.setAll(bits, i -> Float.floatToIntBits(Float.float16ToFloat(x.getAtIndex(JAVA_SHORT, i))));
        return bits;
    }

    static int[] ints(MemorySegment x) {
        return x.toArray(JAVA_INT);
    }

    static int[] bytes(MemorySegment x) {
        return IntStream.range(0, (int) x.byteSize())
                .map(i -> x.get(JAVA_BYTE, i))
                .toArray();
    }

    static int[] join(int[]... parts) {
        return Stream.of(parts).flatMapToInt(IntStream::of).toArray();
    }
}
