package bita.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ScalarMathTest {
    /** Every 997th float of the range where the result is finite and not zero. */
    @Test
    void expIsAccurate() {
        double worst = 0;
        int negative = Float.floatToIntBits(-ScalarMath.EXP_LOW);
        for (int bits = 0; bits <= negative; bits += 997) {
            worst = Math.max(worst, relativeError(-Float.intBitsToFloat(bits)));
        }
        int positive = Float.floatToIntBits(ScalarMath.EXP_HIGH);
        for (int bits = 0; bits <= positive; bits += 997) {
            worst = Math.max(worst, relativeError(Float.intBitsToFloat(bits)));
        }
        assertThat(worst).isLessThan(3e-7);
    }

    private static double relativeError(float x) {
        double exact = StrictMath.exp(x);
        return Math.abs(ScalarMath.exp(x) - exact) / exact;
    }

    @Test
    void expHasNoSubnormalResults() {
        assertThat(ScalarMath.exp(ScalarMath.EXP_LOW)).isGreaterThanOrEqualTo(Float.MIN_NORMAL);
        assertThat(ScalarMath.exp(Math.nextDown(ScalarMath.EXP_LOW))).isZero();
        assertThat(ScalarMath.exp(ScalarMath.EXP_HIGH)).isFinite();
        assertThat(ScalarMath.exp(Math.nextUp(ScalarMath.EXP_HIGH))).isEqualTo(Float.POSITIVE_INFINITY);
    }

    @Test
    void expOfSpecialNumbers() {
        assertThat(ScalarMath.exp(0f)).isEqualTo(1f);
        assertThat(ScalarMath.exp(-0f)).isEqualTo(1f);
        assertThat(ScalarMath.exp(Float.NEGATIVE_INFINITY)).isZero();
        assertThat(ScalarMath.exp(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ScalarMath.exp(Float.NaN)).isNaN();
    }
}
