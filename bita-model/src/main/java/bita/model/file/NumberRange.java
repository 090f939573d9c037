package bita.model.file;

import bita.kernels.NumberFormat;

/** Guards conversions to narrower floating-point formats, where a number that is too large would become infinite. */
final class NumberRange {
    private NumberRange() {}

    /**
     * Checks values that are to be stored in a format; quantized formats check them themselves.
     *
     * @throws IllegalArgumentException if a finite value would become infinite
     */
    static void check(float[] values, NumberFormat format) {
        float bound = switch (format) {
            // The midpoints between the largest number and the one that would follow it, which round upwards.
            case F16 -> 0x1.ffep15f;
            case BF16 -> 0x1.ffp127f;
            default -> Float.POSITIVE_INFINITY;
        };
        for (float value : values) {
            if (Math.abs(value) >= bound && Float.isFinite(value)) {
                throw new IllegalArgumentException(value + " is beyond the range of " + format);
            }
        }
    }
}
