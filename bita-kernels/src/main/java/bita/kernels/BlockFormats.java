package bita.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The quantized formats with blocks of 32 elements: an f16 scale, an f16 minimum if any, the fifth bits of 5-bit codes if
 * any, then the codes. Of the sixteen bytes of 4-bit codes, and of the lower bits of 5-bit ones, the low halves are the
 * first sixteen elements.
 */
final class BlockFormats {
    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final int BLOCK = 32;
    private static final int HALF = BLOCK / 2;

    /** What the codes of IQ4_NL and IQ4_XS stand for. */
    private static final int[] IQ4_CODES = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

    private BlockFormats() {}

    static void readQ8(MemorySegment source, long offset, StoredBlock block) {
        block.scale = source.get(SHORT, offset);
        for (int i = 0; i < BLOCK; i++) {
            block.codes[i] = source.get(BYTE, offset + 2 + i);
        }
    }

    static void readQ40(MemorySegment source, long offset, StoredBlock block) {
        block.scale = source.get(SHORT, offset);
        readCodes(source, offset + 2, 0, -8, block.codes);
    }

    static void readQ41(MemorySegment source, long offset, StoredBlock block) {
        block.scale = source.get(SHORT, offset);
        block.minimum = source.get(SHORT, offset + 2);
        readCodes(source, offset + 4, 0, 0, block.codes);
    }

    static void readQ50(MemorySegment source, long offset, StoredBlock block) {
        block.scale = source.get(SHORT, offset);
        readCodes(source, offset + 6, source.get(INT, offset + 2), -16, block.codes);
    }

    static void readQ51(MemorySegment source, long offset, StoredBlock block) {
        block.scale = source.get(SHORT, offset);
        block.minimum = source.get(SHORT, offset + 2);
        readCodes(source, offset + 8, source.get(INT, offset + 4), 0, block.codes);
    }

    static void readIq4Nl(MemorySegment source, long offset, StoredBlock block) {
        block.scale = source.get(SHORT, offset);
        readIq4Codes(source, offset + 2, block.codes, 0);
    }

    /** Codes of 32 elements of an IQ4 format. */
    static void readIq4Codes(MemorySegment source, long offset, int[] codes, int first) {
        for (int i = 0; i < HALF; i++) {
            int pair = source.get(BYTE, offset + i);
            codes[first + i] = IQ4_CODES[pair & 0xf];
            codes[first + i + HALF] = IQ4_CODES[(pair >> 4) & 0xf];
        }
    }

    private static void readCodes(MemorySegment source, long offset, int fifthBits, int add, int[] codes) {
        for (int i = 0; i < HALF; i++) {
            int pair = source.get(BYTE, offset + i);
            codes[i] = ((pair & 0xf) | (((fifthBits >> i) & 1) << 4)) + add;
            codes[i + HALF] = (((pair >> 4) & 0xf) | (((fifthBits >> (i + HALF)) & 1) << 4)) + add;
        }
    }

    static void encodeQ8(float[] source, int start, MemorySegment target, long offset) {
        float largest = 0;
        for (int i = 0; i < BLOCK; i++) {
            largest = Math.max(largest, Math.abs(source[start + i]));
        }
        float scale = largest / 127;
        float inverse = inverse(scale);
        target.set(SHORT, offset, finiteFloat16(scale));
        for (int i = 0; i < BLOCK; i++) {
            int code = roundHalfAwayFromZero(source[start + i] * inverse);
            target.set(BYTE, offset + 2 + i, (byte) Math.clamp(code, -127, 127));
        }
    }

    static void encodeQ40(float[] source, int start, MemorySegment target, long offset) {
        float inverse = encodeScale(source, start, 8, target, offset);
        encodeCodes(source, start, 0, inverse, 8.5f, 15, target, offset + 2);
    }

    static void encodeQ41(float[] source, int start, MemorySegment target, long offset) {
        float minimum = minimum(source, start);
        float inverse = encodeScaleAndMinimum(source, start, minimum, 15, target, offset);
        encodeCodes(source, start, minimum, inverse, 0.5f, 15, target, offset + 4);
    }

    static void encodeQ50(float[] source, int start, MemorySegment target, long offset) {
        float inverse = encodeScale(source, start, 16, target, offset);
        int fifthBits = encodeCodes(source, start, 0, inverse, 16.5f, 31, target, offset + 6);
        target.set(INT, offset + 2, fifthBits);
    }

    static void encodeQ51(float[] source, int start, MemorySegment target, long offset) {
        float minimum = minimum(source, start);
        float inverse = encodeScaleAndMinimum(source, start, minimum, 31, target, offset);
        int fifthBits = encodeCodes(source, start, minimum, inverse, 0.5f, 31, target, offset + 8);
        target.set(INT, offset + 4, fifthBits);
    }

    /** Of codes from -most on: the element of the largest magnitude, divided by -most. Returns its inverse. */
    private static float encodeScale(float[] source, int start, int most, MemorySegment target, long offset) {
        float largest = 0;
        for (int i = 0; i < BLOCK; i++) {
            float value = source[start + i];
            // NaN wins and stays, so that it is refused with the scale.
            if (Math.abs(value) > Math.abs(largest) || Float.isNaN(value)) {
                largest = value;
            }
        }
        float scale = largest / -most;
        target.set(SHORT, offset, finiteFloat16(scale));
        return inverse(scale);
    }

    private static float minimum(float[] source, int start) {
        float minimum = source[start];
        for (int i = 1; i < BLOCK; i++) {
            minimum = Math.min(minimum, source[start + i]);
        }
        return minimum;
    }

    /** Of codes 0..most. Returns the inverse of the scale. */
    private static float encodeScaleAndMinimum(
            float[] source, int start, float minimum, int most, MemorySegment target, long offset) {
        float maximum = source[start];
        for (int i = 1; i < BLOCK; i++) {
            maximum = Math.max(maximum, source[start + i]);
        }
        float scale = (maximum - minimum) / most;
        target.set(SHORT, offset, finiteFloat16(scale));
        target.set(SHORT, offset + 2, finiteFloat16(minimum));
        return inverse(scale);
    }

    /** Writes the low four bits of each code and returns the fifth ones. */
    private static int encodeCodes(
            float[] source,
            int start,
            float minimum,
            float inverse,
            float add,
            int most,
            MemorySegment target,
            long offset) {
        int fifthBits = 0;
        for (int i = 0; i < HALF; i++) {
            int low = code(source[start + i], minimum, inverse, add, most);
            int high = code(source[start + i + HALF], minimum, inverse, add, most);
            target.set(BYTE, offset + i, (byte) ((low & 0xf) | (high << 4)));
            fifthBits |= ((low >> 4) << i) | ((high >> 4) << (i + HALF));
        }
        return fifthBits;
    }

    private static int code(float value, float minimum, float inverse, float add, int most) {
        return Math.clamp((int) ((value - minimum) * inverse + add), 0, most);
    }

    private static float inverse(float scale) {
        return scale == 0 ? 0 : 1 / scale;
    }

    private static short finiteFloat16(float value) {
        short bits = Float.floatToFloat16(value);
        if (!Float.isFinite(Float.float16ToFloat(bits))) {
            throw new IllegalArgumentException(
                    "a block to be quantized holds an element that is not finite or too large for an f16 scale");
        }
        return bits;
    }

    /** As C's roundf; the argument is small, so adding one half in f64 is exact. */
    private static int roundHalfAwayFromZero(float value) {
        return (int) (value + Math.copySign(0.5, value));
    }
}
