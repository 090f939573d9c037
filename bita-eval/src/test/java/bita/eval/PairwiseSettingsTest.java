package bita.eval;

import static bita.eval.PairwiseSettings.FREE;
import static org.assertj.core.api.Assertions.assertThat;

import bita.eval.PairwiseSettings.Dimension;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PairwiseSettingsTest {
    private static final int[] SIZES = {5, 4, 3, 3};

    private static PairwiseSettings settings() {
        return new PairwiseSettings(Arrays.stream(SIZES).mapToObj(Dimension::of).toList());
    }

    /** The pairs of a row, found without the class under test. */
    private static Set<List<Integer>> pairs(int[] row) {
        Set<List<Integer>> pairs = new HashSet<>();
        for (int i = 0; i < row.length; i++) {
            for (int j = i + 1; j < row.length; j++) {
                pairs.add(List.of(i, row[i], j, row[j]));
            }
        }
        return pairs;
    }

    @Test
    void coversEveryPairInFewRows() {
        PairwiseSettings settings = settings();
        Set<List<Integer>> seen = new HashSet<>();
        int rows = 0;
        while (settings.covered() < settings.pairs()) {
            seen.addAll(pairs(settings.next(FREE, FREE, FREE, FREE)));
            rows++;
            assertThat(settings.covered()).isEqualTo(seen.size());
        }
        assertThat(seen).hasSize(5 * 4 + 5 * 3 + 5 * 3 + 4 * 3 + 4 * 3 + 3 * 3);
        assertThat(rows).isBetween(20, 26); // 20 is the least, the product of the two largest dimensions
    }

    @Test
    void keepsWhatIsAskedFor() {
        PairwiseSettings settings = settings();
        for (int row = 0; row < 40; row++) {
            int[] chosen = settings.next(row % 5, FREE, row % 3, FREE);
            assertThat(chosen[0]).isEqualTo(row % 5);
            assertThat(chosen[2]).isEqualTo(row % 3);
            assertThat(chosen[1]).isBetween(0, 3);
            assertThat(chosen[3]).isBetween(0, 2);
        }
        assertThat(settings.covered()).isEqualTo(settings.pairs());
    }

    @Test
    void usesSlowValuesOnlyForTheirPairs() {
        PairwiseSettings settings = new PairwiseSettings(
                List.of(Dimension.of(6), new Dimension(3, Set.of(0)), Dimension.of(4), Dimension.of(2)));
        List<Integer> rowsWithSlow = new ArrayList<>();
        for (int row = 0; row < 200; row++) {
            if (settings.next(row % 6, FREE, FREE, FREE)[1] == 0) {
                rowsWithSlow.add(row);
            }
        }
        assertThat(settings.covered()).isEqualTo(settings.pairs());
        assertThat(rowsWithSlow).hasSizeBetween(6, 10); // 6 is the least: one for each value of the first dimension
        assertThat(rowsWithSlow.getLast()).isLessThan(50);
    }

    @Test
    void goesOnAlternatingAfterEverythingIsCovered() {
        PairwiseSettings settings = settings();
        int[] uses = new int[3];
        for (int row = 0; row < 300; row++) {
            uses[settings.next(row % 5, FREE, FREE, FREE)[3]]++;
        }
        assertThat(Arrays.stream(uses).min().getAsInt()).isGreaterThan(80);
    }

    @Test
    void isDeterministic() {
        PairwiseSettings one = settings();
        PairwiseSettings other = settings();
        for (int row = 0; row < 50; row++) {
            assertThat(one.next(FREE, row % 4, FREE, FREE)).isEqualTo(other.next(FREE, row % 4, FREE, FREE));
        }
    }
}
