package bita.eval.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BootstrapTest {
    private static double[] times(long seed, int count, double mean, double deviation) {
        Random random = new Random(seed);
        return random.doubles(count)
                .map(_ -> mean + deviation * random.nextGaussian())
                .toArray();
    }

    @Test
    void isCertainWhereAllPromptsAgree() {
        double[] plain = times(1, 30, 10, 2);
        double[] half = Arrays.stream(plain).map(time -> time / 2).toArray();

        ResultRow.Speedup speedup = Bootstrap.speedup(plain, half);

        assertThat(speedup.ratio()).isCloseTo(2, within(1e-12));
        assertThat(speedup.low()).isCloseTo(2, within(1e-12));
        assertThat(speedup.high()).isCloseTo(2, within(1e-12));
    }

    @Test
    void isTheRatioOfSumsAndNotTheMeanOfRatios() {
        ResultRow.Speedup speedup = Bootstrap.speedup(new double[] {90, 10}, new double[] {30, 10});

        assertThat(speedup.ratio()).isEqualTo(2.5);
        assertThat(speedup.low()).isEqualTo(1); // the second prompt twice
        assertThat(speedup.high()).isEqualTo(3);
    }

    /** The interval of a ratio of means, by the delta method: 1.96 standard errors to both sides. */
    @Test
    void isAsWideAsTheoryHasIt() {
        int count = 400;
        ResultRow.Speedup speedup = Bootstrap.speedup(times(2, count, 10, 1), times(3, count, 10, 1));
        double error = Math.sqrt(2) * 0.1 / Math.sqrt(count);

        assertThat(speedup.high() - speedup.low()).isCloseTo(2 * 1.96 * error, within(0.2 * error));
        assertThat(speedup.ratio()).isBetween(speedup.low(), speedup.high());
    }

    @Test
    void isThePointOfASinglePrompt() {
        assertThat(Bootstrap.speedup(new double[] {3}, new double[] {2}))
                .isEqualTo(new ResultRow.Speedup(1.5, 1.5, 1.5));
    }

    @Test
    void isTheSameEachTime() {
        double[] plain = times(4, 9, 10, 3);
        double[] other = times(5, 9, 9, 3);

        assertThat(Bootstrap.speedup(plain, other)).isEqualTo(Bootstrap.speedup(plain, other));
    }
}
