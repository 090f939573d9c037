package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CalibrationTest {
    private static MaskCandidates group(float first, float second) {
        return MaskCandidates.of(new int[][] {{1, 2}, {3, 4}}, new float[][] {{first, 0.01f}, {second, 0.01f}});
    }

    @Test
    void countsByRankWhereATreeCanReach() {
        Calibration.Counter counter = new Calibration.Counter(2);
        counter.count(group(0.5f, 0.5f), new int[] {2, 3});
        counter.count(group(0.5f, 0.5f), new int[] {9, 3}); // behind a wrong token the second mask is not asked
        counter.count(group(0.5f, 0.5f), new int[] {1}); // the text ends
        Calibration calibration = counter.result();

        assertThat(calibration.masks()).isEqualTo(2);
        assertThat(calibration.candidates(0, 0)).isEqualTo(3);
        assertThat(calibration.right(0, 0)).isEqualTo(1);
        assertThat(calibration.right(0, 1)).isEqualTo(1);
        assertThat(calibration.candidates(1, 0)).isEqualTo(1);
        assertThat(calibration.right(1, 0)).isEqualTo(1);
        assertThat(calibration.candidates(0, 2)).isZero();
    }

    @Test
    void correctsBoasting() {
        Calibration.Counter counter = new Calibration.Counter(2);
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 20_000; i++) {
            float claimed = (float) Math.pow(2, -6 * random.nextDouble());
            boolean hit = random.nextDouble() < claimed / 2;
            counter.count(group(Math.max(claimed, 0.01f), 0.5f), new int[] {hit ? 1 : 9, 9});
        }
        Calibration calibration = counter.result();

        for (float claimed : new float[] {0.8f, 0.5f, 0.3f, 0.1f, 0.05f}) {
            assertThat(calibration.probability(0, claimed)).isCloseTo(claimed / 2, within(claimed / 10));
        }
    }

    @Test
    void neverTurnsTheOrderOfCandidatesAround() {
        Calibration.Counter counter = new Calibration.Counter(2);
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < 500; i++) {
            float claimed = (float) random.nextDouble();
            counter.count(group(Math.max(claimed, 0.01f), 0.5f), new int[] {random.nextInt(1, 4), 3});
        }
        Calibration calibration = counter.result();
        float before = 1;
        for (float claimed = 1; claimed > 1e-6f; claimed *= 0.97f) {
            float now = calibration.probability(0, claimed);
            assertThat(now).isBetween(0f, before);
            before = now;
        }
        assertThat(calibration.probability(0, 0)).isBetween(0f, before);
        assertThat(calibration.probability(0, 1)).isLessThanOrEqualTo(1);
    }

    @Test
    void believesAMaskOfWhichNothingIsKnown() {
        assertThat(Calibration.none().probability(0, 0.25f)).isEqualTo(0.25f);
        assertThat(new Calibration.Counter(1).result().probability(1, 0.25f)).isEqualTo(0.25f);
        assertThat(new Calibration.Counter(1).result().probability(0, 0.25f)).isCloseTo(0.25f, within(0.02f));
    }

    @Test
    void survivesJson() {
        Calibration.Counter counter = new Calibration.Counter(2);
        counter.count(group(0.5f, 0.5f), new int[] {2, 3});
        String json = counter.result().json();

        assertThat(Calibration.parse(json, 2).json()).isEqualTo(json);
        assertThat(Calibration.parse("{}", 2).masks()).isZero();
        assertThat(Calibration.none().json()).isEqualTo("{}");
    }

    @Test
    void refusesCountsThatCannotBe() {
        Calibration.Counter counter = new Calibration.Counter(1);
        counter.count(group(0.5f, 0.5f), new int[] {1});
        String json = counter.result().json();

        assertThatThrownBy(() -> Calibration.parse(json, 2)).hasMessageContaining("array of 2 times 10");
        for (String pair :
                new String[] {"[1,2]", "[-1,-1]", "[1]", "[1.5,1]", "[1e300,1]", "[99999999999999999999,1]", "null"}) {
            assertThatThrownBy(() -> Calibration.parse(json.replaceFirst("\\[1,1]", pair), 1))
                    .as(pair)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("pairs of numbers");
        }
    }
}
