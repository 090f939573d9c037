package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MethodTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "plain",
                "lookup",
                "masks:chain",
                "masks3:upper-triangle:5",
                "masks+lookup:best:8",
                "masks2+lookup:full:2"
            })
    void parsesItsOwnName(String name) {
        assertThat(Method.parse(name).name()).isEqualTo(name);
    }

    @Test
    void aTreeMayBeLeftOut() {
        assertThat(Method.parse("Masks+Lookup")).isEqualTo(Method.parse("masks+lookup:best"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "fast", "masks0:chain", "masks+", "plain:chain", "lookup:best", "masks:", "masks:oak"})
    void refusesOthersWithASentence(String name) {
        assertThatThrownBy(() -> Method.parse(name))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageMatching("(?s).{20,}");
    }
}
