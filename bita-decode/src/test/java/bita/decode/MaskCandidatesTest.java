package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class MaskCandidatesTest {
    @Test
    void holdsWhatItWasGiven() {
        int[][] tokens = {{5, 6}, {7}, {}, {8}};
        float[][] probabilities = {{0.5f, 0.25f}, {1}, {}, {0.125f}};
        MaskCandidates candidates = MaskCandidates.of(tokens, probabilities);
        tokens[0][0] = 99;
        probabilities[0][0] = 0;
        assertThat(candidates.masks()).isEqualTo(4);
        assertThat(candidates.count(0)).isEqualTo(2);
        assertThat(candidates.count(2)).isZero();
        assertThat(candidates.token(0, 0)).isEqualTo(5);
        assertThat(candidates.probability(0, 0)).isEqualTo(0.5f);
        assertThat(candidates.probability(0, 1)).isEqualTo(0.25f);
        assertThat(candidates.depth()).isEqualTo(2);
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> candidates.token(1, 1));
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> candidates.count(4));
    }

    @Test
    void noneHasNoMasks() {
        assertThat(MaskCandidates.none().masks()).isZero();
        assertThat(MaskCandidates.none().depth()).isZero();
    }

    @Test
    void refusesWhatCannotBe() {
        assertRefused(new int[][] {{1}}, new float[][] {}, "1 masks");
        assertRefused(new int[][] {{1, 2}}, new float[][] {{0.5f}}, "2 tokens");
        assertRefused(new int[][] {{1, 2}}, new float[][] {{0.25f, 0.5f}}, "0.5 follows 0.25");
        assertRefused(new int[][] {{1}}, new float[][] {{Float.NaN}}, "NaN");
        assertRefused(new int[][] {{1, 2, 1}}, new float[][] {{0.5f, 0.25f, 0.125f}}, "token 1 twice");
    }

    private static void assertRefused(int[][] tokens, float[][] probabilities, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MaskCandidates.of(tokens, probabilities))
                .withMessageContaining(message);
    }
}
