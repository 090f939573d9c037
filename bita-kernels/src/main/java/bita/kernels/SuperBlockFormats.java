package bita.kernels;

import static bita.kernels.BlockFormats.SHORT;
import static bita.kernels.StoredBlock.PART;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The quantized formats with super-blocks of 256 elements: f16 scale and minimum, integer scales and minima, codes whose
 * bits lie in several places. All of them are read only: their good encoders search, and are tools of their own.
 */
final class SuperBlockFormats {
    private static final int ELEMENTS = 256;
    private static final int BLOCK = 32;
    private static final int SIGN = 0x8000;

    private SuperBlockFormats() {}

    /** Of 16 elements each a byte of 4-bit scale and minimum, 2-bit codes, scale, minimum, which is subtracted. */
    static void readQ2K(MemorySegment source, long offset, StoredBlock block) {
        block.scale = source.get(SHORT, offset + 80);
        block.minimum = negated(source.get(SHORT, offset + 82));
        for (int part = 0; part < ELEMENTS / PART; part++) {
            int both = at(source, offset + part);
            block.scales[part] = both & 0xf;
            block.minima[part] = both >> 4;
        }
        for (int k = 0; k < ELEMENTS; k++) {
            block.codes[k] = twoBits(source, offset + 16, k);
        }
    }

    /** Third bits, the lower two, 6-bit scales, scale: codes are their three bits less 4, scales are less 32. */
    static void readQ3K(MemorySegment source, long offset, StoredBlock block) {
        block.scale = source.get(SHORT, offset + 108);
        for (int part = 0; part < ELEMENTS / PART; part++) {
            int low = (at(source, offset + 96 + part % 8) >> (part / 8 * 4)) & 0xf;
            int high = (at(source, offset + 104 + part % 4) >> (part / 4 * 2)) & 3;
            block.scales[part] = (low | (high << 4)) - 32;
        }
        for (int k = 0; k < ELEMENTS; k++) {
            int third = (at(source, offset + k % BLOCK) >> (k / BLOCK)) & 1;
            block.codes[k] = (twoBits(source, offset + 32, k) | (third << 2)) - 4;
        }
    }

    /** Scale, minimum, 6-bit scales and minima of 32 elements, 4-bit codes. */
    static void readQ4K(MemorySegment source, long offset, StoredBlock block) {
        readFactors(source, offset, block);
        for (int k = 0; k < ELEMENTS; k++) {
            block.codes[k] = fourBits(source, offset + 16, k);
        }
    }

    /** As Q4_K, with fifth bits between scales and codes. */
    static void readQ5K(MemorySegment source, long offset, StoredBlock block) {
        readFactors(source, offset, block);
        for (int k = 0; k < ELEMENTS; k++) {
            int fifth = (at(source, offset + 16 + k % BLOCK) >> (k / BLOCK)) & 1;
            block.codes[k] = fourBits(source, offset + 48, k) | (fifth << 4);
        }
    }

    /** Lower four bits, upper two, 8-bit scales of 16 elements, scale: codes are their six bits less 32. */
    static void readQ6K(MemorySegment source, long offset, StoredBlock block) {
        block.scale = source.get(SHORT, offset + 208);
        for (int part = 0; part < ELEMENTS / PART; part++) {
            block.scales[part] = source.get(ValueLayout.JAVA_BYTE, offset + 192 + part);
        }
        for (int k = 0; k < ELEMENTS; k++) {
            int low = (at(source, offset + k / 128 * 64L + k % 64) >> (k % 128 / 64 * 4)) & 0xf;
            block.codes[k] = (low | (twoBits(source, offset + 128, k) << 4)) - 32;
        }
    }

    /** Scale, 6-bit scales of 32 elements less 32 (the upper two bits, then the lower four), codes as in IQ4_NL. */
    static void readIq4Xs(MemorySegment source, long offset, StoredBlock block) {
        block.scale = source.get(SHORT, offset);
        int upper = source.get(SHORT, offset + 2);
        for (int b = 0; b < ELEMENTS / BLOCK; b++) {
            int low = (at(source, offset + 4 + b / 2) >> (b % 2 * 4)) & 0xf;
            setBoth(block.scales, b, (low | (((upper >> (2 * b)) & 3) << 4)) - 32);
            BlockFormats.readIq4Codes(source, offset + 8 + b * 16L, block.codes, b * BLOCK);
        }
    }

    private static void readFactors(MemorySegment source, long offset, StoredBlock block) {
        block.scale = source.get(SHORT, offset);
        block.minimum = negated(source.get(SHORT, offset + 2));
        long bits = offset + 4;
        for (int b = 0; b < ELEMENTS / BLOCK; b++) {
            int scale;
            int minimum;
            if (b < 4) {
                scale = at(source, bits + b) & 0x3f;
                minimum = at(source, bits + b + 4) & 0x3f;
            } else {
                int low = at(source, bits + b + 4);
                scale = (low & 0xf) | (at(source, bits + b - 4) >> 6 << 4);
                minimum = (low >> 4) | (at(source, bits + b) >> 6 << 4);
            }
            setBoth(block.scales, b, scale);
            setBoth(block.minima, b, minimum);
        }
    }

    private static void setBoth(int[] factors, int block, int factor) {
        factors[2 * block] = factor;
        factors[2 * block + 1] = factor;
    }

    /** The two bits of element k where a byte holds those of elements l, l + 32, l + 64 and l + 96. */
    private static int twoBits(MemorySegment source, long offset, int k) {
        return (at(source, offset + k / 128 * 32L + k % 32) >> (k % 128 / 32 * 2)) & 3;
    }

    /** The four bits of element k where a byte holds those of elements l and l + 32. */
    private static int fourBits(MemorySegment source, long offset, int k) {
        return (at(source, offset + k / 64 * 32L + k % 32) >> (k % 64 / 32 * 4)) & 0xf;
    }

    private static int at(MemorySegment source, long offset) {
        return source.get(ValueLayout.JAVA_BYTE, offset) & 0xff;
    }

    private static short negated(short half) {
        return (short) (half ^ SIGN);
    }
}
