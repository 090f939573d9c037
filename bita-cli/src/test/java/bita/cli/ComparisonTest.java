package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ComparisonTest {
    @Test
    void findsFirstDifference() {
        assertThat(Comparison.firstDifference(List.of(1, 2, 300), List.of(1, 2, 300)))
                .isEmpty();
        assertThat(Comparison.firstDifference(List.of(1, 2, 3), List.of(1, 5, 6)))
                .contains(1);
        assertThat(Comparison.firstDifference(List.of(1, 2, 3), List.of(1, 2))).contains(2);
        assertThat(Comparison.firstDifference(List.of(), List.of(1))).contains(0);
    }

    @Test
    void takesMedian() {
        assertThat(Comparison.median(new double[] {9, 1, 2})).isEqualTo(2);
        assertThat(Comparison.median(new double[] {4, 1, 2, 8})).isEqualTo(3);
    }
}
