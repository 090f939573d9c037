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
                "masks2+lookup:full:2",
                "automaton",
                "lookahead",
                "lookahead:3,4,2",
                "recycling",
                "recycling:24",
                "masks2+automaton+recycling:best:8",
                "bigrams",
                "automaton+recycling+bigrams",
                "masks2+lookup+automaton+lookahead:7,5,7+recycling:8+bigrams:upper-triangle:5"
            })
    void parsesItsOwnName(String name) {
        assertThat(Method.parse(name).name()).isEqualTo(name);
    }

    @Test
    void aTreeMayBeLeftOut() {
        assertThat(Method.parse("Masks+Lookup")).isEqualTo(Method.parse("masks+lookup:best"));
    }

    @Test
    void sourcesMayComeInAnyOrder() {
        assertThat(Method.parse("lookup+masks2:full:2")).isEqualTo(Method.parse("masks2+lookup:full:2"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "+",
                "fast",
                "masks0:chain",
                "masks12345",
                "masks+",
                "+lookup",
                "plain:chain",
                "plain+lookup",
                "lookup:best",
                "lookup2",
                "lookup+lookup",
                "masks1+masks2",
                "masks:",
                "masks:8",
                "masks:oak",
                "lookup:2",
                "recycling:0",
                "recycling:1000",
                "recycling:99999",
                "recycling:best",
                "recycling:1,2",
                "recycling+recycling:4",
                "bigrams:8",
                "bigrams2",
                "lookahead:5",
                "lookahead:5,2,5",
                "lookahead:0,4,5",
                "lookahead:5,4,0",
                "lookahead:5,4,5,6",
                "automaton:"
            })
    void refusesOthersWithASentence(String name) {
        assertThatThrownBy(() -> Method.parse(name))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageMatching("(?s).{20,}");
    }
}
