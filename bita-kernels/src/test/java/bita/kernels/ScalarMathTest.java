package bita.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

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

    /** Every 997th float up to where tanh is 1, in both signs, and numbers around the polynomial's end. */
    @Test
    void tanhIsAccurate() {
        double worst = 0;
        int end = Float.floatToIntBits(12f);
        for (int bits = Float.floatToIntBits(Float.MIN_NORMAL); bits <= end; bits += 997) {
            float x = Float.intBitsToFloat(bits);
            worst = Math.max(worst, Math.max(tanhError(x), tanhError(-x)));
        }
        for (int i = -100; i < 100; i++) {
            float x = Float.intBitsToFloat(Float.floatToIntBits(0.625f) + i);
            worst = Math.max(worst, Math.max(tanhError(x), tanhError(-x)));
        }
        assertThat(worst).isLessThan(5e-7);
    }

    private static double tanhError(float x) {
        double exact = StrictMath.tanh(x);
        return Math.abs((ScalarMath.tanh(x) - exact) / exact);
    }

    @Test
    void tanhOfSpecialNumbers() {
        assertThat(ScalarMath.tanh(0f)).isZero();
        assertThat(ScalarMath.tanh(Float.MIN_VALUE)).isEqualTo(Float.MIN_VALUE);
        assertThat(ScalarMath.tanh(Float.POSITIVE_INFINITY)).isEqualTo(1f);
        assertThat(ScalarMath.tanh(Float.NEGATIVE_INFINITY)).isEqualTo(-1f);
        assertThat(ScalarMath.tanh(Float.MAX_VALUE)).isEqualTo(1f);
        assertThat(ScalarMath.tanh(-Float.MAX_VALUE)).isEqualTo(-1f);
        assertThat(ScalarMath.tanh(Float.NaN)).isNaN();
        assertThat(ScalarMath.cap(Float.POSITIVE_INFINITY, 30f)).isEqualTo(30f);
        assertThat(ScalarMath.cap(Float.NEGATIVE_INFINITY, 30f)).isEqualTo(-30f);
        assertThat(ScalarMath.cap(Float.NaN, 30f)).isNaN();
    }

    @Test
    void sharesOfTheNormalDistributionAreAccurate() {
        double worst = 0;
        for (float x = -9; x <= 9; x += 1f / 4096) {
            double exact = (1 - erf(Math.abs(x) / Math.sqrt(2))) / 2;
            worst = Math.max(worst, Math.abs(ScalarMath.normalBeyond(x) - exact));
        }
        assertThat(worst).isLessThan(2.5e-7);
    }

    /** The error is bounded by a share of the argument: that of the formula's factor. */
    @Test
    void activationsAreAccurate() {
        double[] worst = new double[Activation.values().length];
        for (float x = -30; x <= 30; x += 1f / 4096) {
            double u = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
            double silu = x / (1 + StrictMath.exp(-x));
            double geluTanh = 0.5 * x * (1 + StrictMath.tanh(u));
            double geluErf = 0.5 * x * (1 + erf(x / Math.sqrt(2)));
            if (x != 0) {
                worst[0] = Math.max(worst[0], Math.abs((ScalarMath.activate(Activation.SILU, x) - silu) / x));
                worst[1] = Math.max(worst[1], Math.abs((ScalarMath.activate(Activation.GELU_TANH, x) - geluTanh) / x));
                worst[2] = Math.max(worst[2], Math.abs((ScalarMath.activate(Activation.GELU_ERF, x) - geluErf) / x));
            }
        }
        assertThat(worst[0]).isLessThan(3e-7);
        assertThat(worst[1]).isLessThan(5e-7);
        assertThat(worst[2]).isLessThan(2.5e-7);
    }

    @ParameterizedTest
    @EnumSource
    void activationsOfSpecialNumbers(Activation activation) {
        assertThat(ScalarMath.activate(activation, 0f)).isZero();
        assertThat(ScalarMath.activate(activation, 100f)).isEqualTo(100f);
        assertThat(ScalarMath.activate(activation, Float.MAX_VALUE)).isEqualTo(Float.MAX_VALUE);
        assertThat(ScalarMath.activate(activation, Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ScalarMath.activate(activation, -1e13f)).isZero();
        assertThat(ScalarMath.activate(activation, -Float.MAX_VALUE)).isZero();
        assertThat(ScalarMath.activate(activation, Float.NaN)).isNaN();
        if (activation == Activation.SILU) {
            assertThat(ScalarMath.activate(activation, Float.NEGATIVE_INFINITY)).isNaN();
        } else {
            assertThat(ScalarMath.activate(activation, Float.NEGATIVE_INFINITY)).isZero();
        }
    }

    /** The series 7.1.6 of Abramowitz and Stegun, whose terms are all of one sign. */
    private static double erf(double x) {
        if (Math.abs(x) > 7) {
            return Math.signum(x);
        }
        double term = x;
        double sum = x;
        for (int n = 1; n < 300; n++) {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.sqrt(Math.PI) * StrictMath.exp(-x * x) * sum;
    }
}
