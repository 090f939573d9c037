package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/** Seeded random inputs in memory that any thread may use and the garbage collector frees. */
final class TestData {
    /** What numbers are drawn from. */
    enum Numbers {
        /** A normal distribution. */
        ORDINARY,
        /** All magnitudes: zeros of both signs, subnormal, tiny, large, a few near overflow; extreme codes. */
        EXTREME
    }

    private static final byte[] EXTREME_CODES = {(byte) 0x80, 0x7f, 0x00, (byte) 0xff, (byte) 0xf0, 0x0f};

    private final Random random;

    TestData(long seed) {
        random = new Random(seed);
    }

    static MemorySegment zeros(long floats) {
        return Arena.ofAuto().allocate(Math.max(floats, 1) * Float.BYTES, 64).asSlice(0, floats * Float.BYTES);
    }

    static MemorySegment copy(MemorySegment x) {
        return Arena.ofAuto().allocate(Math.max(x.byteSize(), 1), 64).copyFrom(x);
    }

    static MemorySegment floats(float... values) {
        MemorySegment x = zeros(values.length);
        return x.copyFrom(MemorySegment.ofArray(values));
    }

    static MemorySegment ints(int... values) {
        MemorySegment x = zeros(values.length);
        MemorySegment.copy(values, 0, x, JAVA_INT, 0, values.length);
        return x;
    }

    /** From 0 to bound - 1. */
    int below(int bound) {
        return random.nextInt(bound);
    }

    boolean chance() {
        return random.nextBoolean();
    }

    Numbers numbers() {
        return below(3) == 0 ? Numbers.EXTREME : Numbers.ORDINARY;
    }

    float number(Numbers numbers) {
        if (numbers == Numbers.ORDINARY) {
            return (float) random.nextGaussian();
        }
        float sign = random.nextBoolean() ? -1f : 1f;
        return switch (below(40)) {
            case 0, 1 -> sign * 0f;
            case 2 -> sign * Float.MIN_VALUE * below(1 << 20);
            case 3 -> below(50) == 0 ? sign * Float.MAX_VALUE : sign * Float.MIN_NORMAL;
            default -> sign * Math.scalb(1f + random.nextFloat(), below(140) - 110);
        };
    }

    MemorySegment floats(long count, Numbers numbers) {
        MemorySegment x = zeros(count);
        for (long i = 0; i < count; i++) {
            x.setAtIndex(JAVA_FLOAT, i, number(numbers));
        }
        return x;
    }

    /** Activations, quantized as the definition does. */
    Activations activations(int rows, int columns, Numbers numbers) {
        return activations(rows, columns, floats((long) rows * columns, numbers));
    }

    static Activations activations(int rows, int columns, MemorySegment values) {
        Activations x = new Activations(Arena.ofAuto(), rows, columns);
        x.values().copyFrom(values);
        if (columns % Layout.BLOCK == 0) {
            SameBits.DEFINITION.quantize(x, rows, 0, rows, 0, columns / Layout.BLOCK);
        }
        return x;
    }

    /** A multiple of the format's block size; of float formats any number. */
    int columns(NumberFormat format, int most) {
        return format.blockSize() * (1 + below(Math.max(1, most / format.blockSize())));
    }

    /** Where the f16 factors of a stored block lie. */
    static int[] factors(NumberFormat format) {
        return switch (format) {
            case F32, F16, BF16 -> new int[0];
            case Q8_0, Q4_0, Q5_0, IQ4_NL, IQ4_XS -> new int[] {0};
            case Q4_1, Q5_1, Q4_K, Q5_K -> new int[] {0, 2};
            case Q2_K -> new int[] {80, 82};
            case Q3_K -> new int[] {108};
            case Q6_K -> new int[] {208};
        };
    }

    /** A matrix as stored in a file; extreme numbers bring the outermost codes and any finite f16 factor. */
    MemorySegment stored(NumberFormat format, int rows, int columns, Numbers numbers) {
        MemorySegment source = Arena.ofAuto().allocate(format.bytes((long) rows * columns), 64);
        for (long at = 0; at < source.byteSize(); at += format.blockBytes()) {
            switch (format) {
                case F32 -> source.set(JAVA_FLOAT, at, number(numbers));
                case F16 -> source.set(JAVA_SHORT, at, half(numbers));
                case BF16 -> source.set(JAVA_SHORT, at, (short) (Float.floatToIntBits(number(numbers)) >> 16));
                default -> {
                    for (int i = 0; i < format.blockBytes(); i++) {
                        source.set(JAVA_BYTE, at + i, code(numbers));
                    }
                    for (int factor : factors(format)) {
                        source.set(JAVA_SHORT_UNALIGNED, at + factor, half(numbers));
                    }
                }
            }
        }
        return source;
    }

    /** Such a matrix, packed. */
    PackedMatrix matrix(NumberFormat format, int rows, int columns, Numbers numbers) {
        PackedMatrix matrix = PackedMatrix.allocate(Arena.ofAuto(), format, rows, columns);
        matrix.pack(format, stored(format, rows, columns, numbers), 0, matrix.panels());
        return matrix;
    }

    private short half(Numbers numbers) {
        if (numbers == Numbers.ORDINARY) {
            return Float.floatToFloat16(0.1f * number(numbers));
        }
        short bits = (short) below(1 << 16);
        return (bits & 0x7c00) == 0x7c00 ? (short) (bits ^ 0x4000) : bits;
    }

    private byte code(Numbers numbers) {
        return numbers == Numbers.EXTREME ? EXTREME_CODES[below(EXTREME_CODES.length)] : (byte) below(256);
    }
}
