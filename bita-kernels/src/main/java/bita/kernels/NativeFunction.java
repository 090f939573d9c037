package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * What the library does but for tuning, in the order of calls.c. All of it is called by two handles, since Java spends some ten
 * milliseconds on the first call of each signature: pointers come first, then numbers, both in the C function's order. What a
 * function does not have is {@link #NONE} or 0.
 */
enum NativeFunction {
    PACK,
    RMS_NORM,
    LAYER_NORM,
    QUANTIZE,
    MULTIPLY,
    ADD_BIAS,
    ADD,
    ROTATE,
    STORE_KEYS,
    STORE_VALUES,
    ATTEND,
    ATTEND_SCORES,
    ATTEND_BLOCKS,
    ATTEND_TOTALS,
    ACTIVATE_GATED,
    ACTIVATE,
    SOFT_CAP,
    ARGMAX,
    LARGEST,
    EXPONENTIAL_SUM,
    READ_SWEEP,
    INTEGER_PEAK,
    FLOAT_PEAK,
    SUPPORTS,
    PROBLEM,
    RESERVE,
    RELEASE,
    READ_AHEAD,
    DROP_PAGES;

    /** No pointer. */
    static final MemorySegment NONE = MemorySegment.NULL;

    private static final int FEW_POINTERS = 4;
    private static final int FEW_NUMBERS = 8;
    private static final int MANY_POINTERS = 13;
    private static final int MANY_NUMBERS = 14;

    /** A number of f32 as the functions are given it. */
    static long bits(float number) {
        return Float.floatToRawIntBits(number);
    }

    /** Calls a function of up to two pointers and five numbers. */
    @SuppressWarnings("EnumOrdinal") // calls.c has the same order
    long call(int isa, MemorySegment p0, MemorySegment p1, long n0, long n1, long n2, long n3, long n4) {
        return call(isa, p0, p1, NONE, NONE, n0, n1, n2, n3, n4, 0, 0, 0);
    }

    /** Calls a function of up to four pointers and eight numbers. */
    @SuppressWarnings("EnumOrdinal") // calls.c has the same order
    long call(
            int isa,
            MemorySegment p0,
            MemorySegment p1,
            MemorySegment p2,
            MemorySegment p3,
            long n0,
            long n1,
            long n2,
            long n3,
            long n4,
            long n5,
            long n6,
            long n7) {
        try {
            return (long) Few.HANDLE.invokeExact(ordinal(), isa, p0, p1, p2, p3, n0, n1, n2, n3, n4, n5, n6, n7);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    /** Calls a function of up to thirteen pointers and fourteen numbers. */
    @SuppressWarnings("EnumOrdinal") // calls.c has the same order
    long call(
            int isa,
            MemorySegment p0,
            MemorySegment p1,
            MemorySegment p2,
            MemorySegment p3,
            MemorySegment p4,
            MemorySegment p5,
            MemorySegment p6,
            MemorySegment p7,
            MemorySegment p8,
            MemorySegment p9,
            MemorySegment p10,
            MemorySegment p11,
            MemorySegment p12,
            long n0,
            long n1,
            long n2,
            long n3,
            long n4,
            long n5,
            long n6,
            long n7,
            long n8,
            long n9,
            long n10,
            long n11,
            long n12,
            long n13) {
        try {
            return (long) Many.HANDLE.invokeExact(
                    ordinal(), isa, p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, n0, n1, n2, n3, n4, n5, n6,
                    n7, n8, n9, n10, n11, n12, n13);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    private static MethodHandle handle(String name, int pointers, int numbers) {
        return DowncallHandles.kernel(JAVA_LONG, name, "i" + "p".repeat(pointers) + "l".repeat(numbers));
    }

    /** Made with the first call. */
    private static final class Few {
        static final MethodHandle HANDLE = handle("call_few", FEW_POINTERS, FEW_NUMBERS);
    }

    /** Made with the first call. */
    private static final class Many {
        static final MethodHandle HANDLE = handle("call_many", MANY_POINTERS, MANY_NUMBERS);
    }
}
