package bita.api.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class SuggestionsTest {

    private static final List<String> NAMES = List.of("smollm2-135m", "smollm2-135m-instruct", "tiny");

    @Test
    void measuresEdits() {
        assertThat(Suggestions.distance("kitten", "sitting")).isEqualTo(3);
        assertThat(Suggestions.distance("", "abc")).isEqualTo(3);
        assertThat(Suggestions.distance("abc", "abc")).isZero();
    }

    @Test
    void findsWhatWasMeant() {
        assertThat(Suggestions.closest("SmolLM-135M", NAMES)).contains("smollm2-135m");
        assertThat(Suggestions.closest("smollm", NAMES)).contains("smollm2-135m");
        assertThat(Suggestions.closest("smollm2-135-instruct", NAMES)).contains("smollm2-135m-instruct");
        assertThat(Suggestions.closest("smolm2", NAMES)).contains("smollm2-135m");
        assertThat(Suggestions.closest("", NAMES)).isEmpty();
        assertThat(Suggestions.closest("llama", NAMES)).isEmpty();
    }
}
