package bita.eval.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.decode.Method;
import bita.decode.SamplingSettings;
import bita.kernels.CacheFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class ComparedMethodsTest {
    private static final Method LOOKUP = Method.parse("lookup");

    private static final EvaluationOptions ONE = options(1, OptionalInt.empty());

    private static EvaluationOptions options(int batch, OptionalInt rows) {
        return new EvaluationOptions(
                batch, 1, 8, SamplingSettings.greedy(), rows, OptionalInt.empty(), CacheFormat.F16);
    }

    private static List<Method> methods(String... names) {
        return List.of(names).stream().map(Method::parse).toList();
    }

    @Test
    void beginsWithPlainDecoding() {
        assertThat(ComparedMethods.of(methods("lookup", "plain", "lookup"), LOOKUP, Optional.empty(), ONE)
                        .names())
                .containsExactly("plain", "lookup");
        assertThat(ComparedMethods.of(methods("plain"), LOOKUP, Optional.empty(), ONE)
                        .names())
                .containsExactly("plain");
    }

    @Test
    void comparesReferenceTreesAndDefaultUnlessAsked() {
        assertThat(ComparedMethods.of(List.of(), Method.DEFAULT, Optional.of(3), ONE)
                        .names())
                .containsExactly(
                        "plain",
                        "masks3:chain",
                        "masks3:half:3",
                        "masks3:upper-triangle:5",
                        "masks3:full:2",
                        "lookup",
                        "automaton",
                        "lookahead",
                        "recycling",
                        Method.DEFAULT.name());
    }

    @Test
    void saysWhatIsLeftOut() {
        ComparedMethods none = ComparedMethods.of(List.of(), LOOKUP, Optional.empty(), ONE);
        ComparedMethods two = ComparedMethods.of(methods("masks3:chain", "masks:half:2"), LOOKUP, Optional.of(2), ONE);

        assertThat(none.names()).containsExactly("plain", "lookup", "automaton", "lookahead", "recycling");
        assertThat(none.leftOut())
                .hasSize(4)
                .first()
                .isEqualTo("masks3:chain is left out: it drafts with what an adapter has, and the model has none");
        assertThat(two.names()).containsExactly("plain", "masks:half:2");
        assertThat(two.leftOut())
                .containsExactly("masks3:chain is left out: it drafts with 3 masks, and the adapter has 2");
    }

    @Test
    void batchesNeedALimitForTreesOfAnySize() {
        List<Method> asked = methods("masks3:chain", "lookup", "masks:best:8");
        ComparedMethods free = ComparedMethods.of(asked, LOOKUP, Optional.of(3), options(4, OptionalInt.empty()));
        ComparedMethods limited = ComparedMethods.of(asked, LOOKUP, Optional.of(3), options(4, OptionalInt.of(32)));

        assertThat(free.names()).containsExactly("plain", "masks:best:8");
        assertThat(free.leftOut()).hasSize(2).allMatch(sentence -> sentence.contains("--rows"));
        assertThat(limited.names()).containsExactly("plain", "masks3:chain", "lookup", "masks:best:8");
        assertThat(limited.leftOut()).isEmpty();
    }

    @Test
    void refusesWhenNothingIsLeft() {
        assertThatThrownBy(() -> ComparedMethods.of(methods("masks:chain", "bigrams"), LOOKUP, Optional.empty(), ONE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("masks:chain is left out: it drafts with what an adapter has");
    }
}
