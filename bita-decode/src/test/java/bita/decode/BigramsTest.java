package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BigramsTest {
    private static Bigrams counted(int... pairs) {
        Bigrams.Counter counter = new Bigrams.Counter();
        for (int i = 0; i < pairs.length; i += 2) {
            counter.count(pairs[i], pairs[i + 1]);
        }
        return counter.result();
    }

    @Test
    void countsWhatFollowsWhat() {
        Bigrams bigrams = counted(5, 2, 5, 9, 3, 5, 5, 9, 5, 1);

        assertThat(bigrams.rows()).containsExactly(3, 5, 1, 5, 9, 2, 5, 1, 1, 5, 2, 1);
        assertThat(bigrams.tokens()).isEqualTo(2);
        assertThat(bigrams.pairs()).isEqualTo(4);
        assertThat(bigrams.largestToken()).isEqualTo(9);
        int five = bigrams.find(5);
        assertThat(bigrams.successors(five)).isEqualTo(3);
        assertThat(bigrams.successor(five, 0)).isEqualTo(9);
        assertThat(bigrams.share(five, 0)).isEqualTo(1.5f / 6);
        assertThat(bigrams.share(five, 2)).isEqualTo(0.5f / 6);
        assertThat(bigrams.find(2)).isNegative();
        assertThat(bigrams.find(1000)).isNegative();
    }

    /** Those beyond the eighth count as others, so that shares stay what they are. */
    @Test
    void keepsTheEightThatFollowMostOften() {
        Bigrams.Counter counter = new Bigrams.Counter();
        for (int successor = 0; successor < 12; successor++) {
            for (int times = 0; times <= successor; times++) {
                counter.count(7, successor);
            }
        }
        Bigrams bigrams = counter.result();

        int seven = bigrams.find(7);
        assertThat(bigrams.successors(seven)).isEqualTo(Bigrams.RANKS);
        assertThat(bigrams.successor(seven, 7)).isEqualTo(4);
        assertThat(bigrams.share(seven, 0)).isEqualTo(11.5f / 80);
        assertThat(bigrams.rows()).endsWith(7, Bigrams.OTHERS, 1 + 2 + 3 + 4);
        assertThat(bigrams.pairs()).isEqualTo(8);
    }

    @Test
    void readsWhatItStores() {
        Random random = new Random(4);
        Bigrams.Counter counter = new Bigrams.Counter();
        for (int i = 0; i < 3000; i++) {
            counter.count(random.nextInt(40), random.nextInt(1 + random.nextInt(30)));
        }
        Bigrams bigrams = counter.result();
        assertThat(Bigrams.of(bigrams.rows()).rows()).isEqualTo(bigrams.rows());
        assertThat(Bigrams.of(new int[0]).tokens()).isZero();
        assertThat(Bigrams.none().largestToken()).isEqualTo(-1);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                1 2                | a row has three numbers
                4 1 2 3 1 2        | tokens must ascend
                -1 1 2             | tokens must ascend
                4 1 0              | which cannot be
                4 -2 1             | which cannot be
                4 -1 1 4 2 1       | which cannot be
                4 1 1 4 2 2        | those that followed most often first
                4 1 2 4 1 2        | different ones
                4 -1 3             | must have 1 to 8 successors
                4 1 2147483647 4 2 2147483647 | more often than a number can say
                """)
    void refusesRowsThatCannotBe(String rows, String message) {
        int[] numbers =
                Arrays.stream(rows.split(" ")).mapToInt(Integer::parseInt).toArray();
        assertThatThrownBy(() -> Bigrams.of(numbers))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void refusesANinthSuccessor() {
        int[] rows = new int[9 * 3];
        for (int i = 0; i < 9; i++) {
            rows[3 * i] = 4;
            rows[3 * i + 1] = i;
            rows[3 * i + 2] = 1;
        }
        assertThatThrownBy(() -> Bigrams.of(rows)).hasMessageContaining("1 to 8 successors");
    }
}
