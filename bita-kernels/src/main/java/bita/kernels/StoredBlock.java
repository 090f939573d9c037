package bita.kernels;

import java.util.Arrays;

/**
 * One stored block of a quantized format, taken apart: element i is (scale * scales[i / 16]) * codes[i], to which formats
 * with a minimum add minimum * minima[i / 16]. Formats whose blocks have one scale leave the integers at 1.
 */
final class StoredBlock {
    /** Elements that share an integer scale. */
    static final int PART = 16;

    /** The bits of an f16. */
    short scale;

    /** The bits of an f16. */
    short minimum;

    final int[] codes;
    final int[] scales;
    final int[] minima;

    /** @param elements of a block of the format */
    StoredBlock(int elements) {
        codes = new int[elements];
        scales = new int[elements / PART];
        minima = new int[elements / PART];
        Arrays.fill(scales, 1);
        Arrays.fill(minima, 1);
    }

    /** Of codes from -by on without minima makes codes from 0 on, with minima to the same effect. */
    void addMinima(int by) {
        minimum = (short) (scale ^ 0x8000);
        for (int i = 0; i < codes.length; i++) {
            codes[i] += by;
        }
        for (int i = 0; i < scales.length; i++) {
            minima[i] = by * scales[i];
        }
    }

    /** The elements in f32, each product and each sum rounded. */
    void decode(boolean hasMinima, int count, float[] target, int targetOffset) {
        float blockScale = Float.float16ToFloat(scale);
        float blockMinimum = Float.float16ToFloat(minimum);
        for (int first = 0; first < count; first += PART) {
            float partScale = blockScale * scales[first / PART];
            float partMinimum = blockMinimum * minima[first / PART];
            for (int i = first; i < first + PART; i++) {
                float element = partScale * codes[i];
                target[targetOffset + i] = hasMinima ? element + partMinimum : element;
            }
        }
    }
}
