package bita.kernels;

/** Elementary functions with one defined order of operations, equal on every backend. */
public final class ScalarMath {
    static final float EXP_LOW = -87.33654f;
    static final float EXP_HIGH = 88f;
    static final float LOG2_E = 1.442695f;
    static final float LN2_HIGH = 0.69314575f;
    static final float LN2_LOW = 1.4286068e-6f;
    /** Coefficients of r^6 down to r^0. */
    static final float[] EXP_COEFFICIENTS = {1f / 720, 1f / 120, 1f / 24, 1f / 6, 0.5f, 1f, 1f};

    private ScalarMath() {}

    /**
     * e^x: x = n ln 2 + r with integer n, a polynomial of degree 6 in r, times 2^n. Relative error below 3e-7; 0 below
     * {@value #EXP_LOW} and infinite above {@value #EXP_HIGH}, so that no result is subnormal.
     */
    public static float exp(float x) {
        if (Float.isNaN(x)) {
            return x;
        }
        if (x < EXP_LOW) {
            return 0f;
        }
        if (x > EXP_HIGH) {
            return Float.POSITIVE_INFINITY;
        }
        float n = (float) Math.rint(x * LOG2_E);
        float r = Math.fma(n, -LN2_HIGH, x);
        r = Math.fma(n, -LN2_LOW, r);
        float p = EXP_COEFFICIENTS[0];
        for (int i = 1; i < EXP_COEFFICIENTS.length; i++) {
            p = Math.fma(p, r, EXP_COEFFICIENTS[i]);
        }
        return p * Float.intBitsToFloat(((int) n + 127) << 23);
    }
}
