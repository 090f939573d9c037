package bita.kernels;

import static bita.kernels.BlockFormats.SHORT;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The floating-point formats. */
final class FloatFormats {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private FloatFormats() {}

    static void decodeF32(MemorySegment source, long offset, float[] target, int targetOffset, int count) {
        MemorySegment.copy(source, FLOAT, offset, target, targetOffset, count);
    }

    static void encodeF32(float[] source, int sourceOffset, int count, MemorySegment target, long offset) {
        MemorySegment.copy(source, sourceOffset, target, FLOAT, offset, count);
    }

    static void decodeF16(MemorySegment source, long offset, float[] target, int targetOffset, int count) {
        for (int i = 0; i < count; i++) {
            target[targetOffset + i] = Float.float16ToFloat(source.get(SHORT, offset + 2L * i));
        }
    }

    static void encodeF16(float[] source, int sourceOffset, int count, MemorySegment target, long offset) {
        for (int i = 0; i < count; i++) {
            target.set(SHORT, offset + 2L * i, Float.floatToFloat16(source[sourceOffset + i]));
        }
    }

    static void decodeBf16(MemorySegment source, long offset, float[] target, int targetOffset, int count) {
        for (int i = 0; i < count; i++) {
            target[targetOffset + i] = Float.intBitsToFloat(source.get(SHORT, offset + 2L * i) << 16);
        }
    }

    static void encodeBf16(float[] source, int sourceOffset, int count, MemorySegment target, long offset) {
        for (int i = 0; i < count; i++) {
            target.set(SHORT, offset + 2L * i, floatToBfloat16(source[sourceOffset + i]));
        }
    }

    private static short floatToBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            // Truncation alone could leave an infinity; the quiet bit keeps it a NaN.
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
}
