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

    /** Square of the magnitude from which on tanh is computed with {@link #exp}. */
    static final float TANH_NEAR_SQUARE = 0.625f * 0.625f;
    /** Coefficients of x^11 / x down to x^3 / x, in x^2, as in the Cephes library (Moshier). */
    static final float[] TANH_COEFFICIENTS = {-0.0057049887f, 0.020639088f, -0.053739715f, 0.13331442f, -0.3333328f};

    /** -2 sqrt(2 / pi), and that times 0.044715. */
    static final float GELU_LINEAR = -1.5957692f;

    static final float GELU_CUBIC = -0.071354814f;
    /** 0.3275911 / sqrt(2). */
    static final float NORMAL_FACTOR = 0.23164189f;
    /** Halves of the coefficients of t^5 down to t in 7.1.26 of Abramowitz and Stegun. */
    static final float[] NORMAL_COEFFICIENTS = {0.5307027f, -0.72657603f, 0.7107069f, -0.14224836f, 0.1274148f};

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

    /**
     * tanh(x) = 1 - 2 / (exp(2x) + 1), and for |x| < 0.625 a polynomial that keeps small results accurate. Relative error
     * below 5e-7.
     */
    static float tanh(float x) {
        float square = x * x;
        if (square < TANH_NEAR_SQUARE) {
            float p = TANH_COEFFICIENTS[0];
            for (int i = 1; i < TANH_COEFFICIENTS.length; i++) {
                p = Math.fma(p, square, TANH_COEFFICIENTS[i]);
            }
            return Math.fma(p * square, x, x);
        }
        return 1f - 2f / (exp(x + x) + 1f);
    }

    /** cap * tanh(x / cap). */
    static float cap(float x, float cap) {
        return cap * tanh(x / cap);
    }

    /** The activation of x. Of negative infinity it is -0, as for numbers far below 0, but NaN with SiLU. */
    static float activate(Activation activation, float x) {
        return switch (activation) {
            case SILU -> x / (1f + exp(-x));
            case GELU_TANH -> vanishing(x, x / (1f + exp(x * Math.fma(x * x, GELU_CUBIC, GELU_LINEAR))));
            case GELU_ERF -> {
                float beyond = normalBeyond(x);
                yield vanishing(x, x * (x < 0f ? beyond : 1f - beyond));
            }
        };
    }

    private static float vanishing(float x, float y) {
        return x == Float.NEGATIVE_INFINITY ? -0f : y;
    }

    /** The share of a normal distribution that is larger than |x|: (1 - erf(|x| / sqrt(2))) / 2, within 2.5e-7. */
    static float normalBeyond(float x) {
        float t = 1f / Math.fma(NORMAL_FACTOR, Math.abs(x), 1f);
        float p = NORMAL_COEFFICIENTS[0];
        for (int i = 1; i < NORMAL_COEFFICIENTS.length; i++) {
            p = Math.fma(p, t, NORMAL_COEFFICIENTS[i]);
        }
        return p * t * exp(x * -0.5f * x);
    }
}
