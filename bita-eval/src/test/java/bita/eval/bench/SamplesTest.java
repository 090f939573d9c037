package bita.eval.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import org.junit.jupiter.api.Test;

class SamplesTest {
    private final Samples samples = new Samples();

    @Test
    void medianIsTheMiddle() {
        samples.add("a", 9);
        assertThat(samples.median("a")).isEqualTo(9);
        samples.add("a", 1);
        assertThat(samples.median("a")).isEqualTo(5);
        samples.add("a", 2);
        assertThat(samples.median("a")).isEqualTo(2);
    }

    @Test
    void namesAreApart() {
        samples.add("a", 1);
        samples.add("b", 2);

        assertThat(samples.median("b")).isEqualTo(2);
    }

    @Test
    void clearForgetsEverything() {
        samples.add("a", 1);
        samples.clear();

        assertThatIllegalStateException()
                .isThrownBy(() -> samples.median("a"))
                .withMessageContaining("nothing was measured as a");
    }
}
