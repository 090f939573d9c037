package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SamplingSettingsTest {
    @Test
    void zeroTemperatureIsGreedy() {
        assertThat(SamplingSettings.greedy().isGreedy()).isTrue();
        assertThat(new SamplingSettings(-0.0, 5, 0.5, 0.1, 1).isGreedy()).isTrue();
        assertThat(new SamplingSettings(0.001, 0, 1, 0, 0).isGreedy()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(doubles = {-1, 1e-9, 101, Double.NaN, Double.POSITIVE_INFINITY})
    void refusesTemperature(double temperature) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SamplingSettings(temperature, 0, 1, 0, 0))
                .withMessageContaining("temperature")
                .withMessageContaining("not " + temperature);
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -0.1, 1.01, Double.NaN})
    void refusesTopP(double topP) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SamplingSettings(1, 0, topP, 0, 0))
                .withMessageContaining("Top-p");
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.1, 1.01, Double.NaN})
    void refusesMinP(double minP) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SamplingSettings(1, 0, 1, minP, 0))
                .withMessageContaining("Min-p");
    }

    @Test
    void refusesNegativeTopK() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SamplingSettings(1, -1, 1, 0, 0))
                .withMessageContaining("Top-k");
    }
}
