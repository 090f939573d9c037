package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CounterRandomTest {
    /** The first outputs of SplitMix64 with state 0, as its authors' C code prints them; mix(0) = 0. */
    private static final long[] SPLIT_MIX_64 = {0xe220a8397b1dcdafL, 0x6e789e6aa1b965f4L, 0x06c45d188009454fL};

    @Test
    void isSplitMix64() {
        for (int position = 0; position < SPLIT_MIX_64.length; position++) {
            assertThat(CounterRandom.uniform(0, 0, position))
                    .isEqualTo((SPLIT_MIX_64[position] >>> 11) / (double) (1L << 53));
        }
    }

    /** Along positions, choices and seeds: ten equal bins, and pairs of neighbours in a hundred. */
    @Test
    void isUniformAndUncorrelatedInEveryDirection() {
        for (int direction = 0; direction < 3; direction++) {
            int draws = 100_000;
            long[] bins = new long[10];
            long[] pairs = new long[100];
            int previous = bin(direction, 0);
            for (int i = 1; i <= draws; i++) {
                int bin = bin(direction, i);
                bins[bin]++;
                pairs[10 * previous + bin]++;
                previous = bin;
            }
            // Quantiles 0.9999 of chi-square with 9 and 99 degrees of freedom.
            assertThat(chiSquare(bins, draws)).isLessThan(33.7);
            assertThat(chiSquare(pairs, draws)).isLessThan(161);
        }
    }

    private static int bin(int direction, int i) {
        return (int) (10
                * switch (direction) {
                    case 0 -> CounterRandom.uniform(42, 1, i);
                    case 1 -> CounterRandom.uniform(42, i, 17);
                    default -> CounterRandom.uniform(i, 1, 17);
                });
    }

    private static double chiSquare(long[] counts, int draws) {
        double expected = draws / (double) counts.length;
        double sum = 0;
        for (long count : counts) {
            sum += (count - expected) * (count - expected) / expected;
        }
        return sum;
    }
}
