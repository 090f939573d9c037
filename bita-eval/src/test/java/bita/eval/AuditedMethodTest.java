package bita.eval;

import static org.assertj.core.api.Assertions.assertThat;

import bita.decode.Method;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AuditedMethodTest {
    @ParameterizedTest
    @CsvSource({
        "plain, 1",
        "lookup, 9",
        "masks:chain, 16",
        "masks:chain:2, 12",
        "masks:half:3, 40",
        "masks:upper-triangle:5, 52",
        "masks:upper-triangle:2, 16",
        "masks:full:2, 60",
        "masks:best:8, 36",
        "masks+lookup:best:8, 64",
        "automaton, 17",
        "'lookahead:5,4,5', 30",
        "recycling:12, 13",
        "bigrams, 17",
        "'masks2+automaton+lookahead:2,3,2:full:2', 84"
    })
    void knowsTheRowsOfAStepWithThreeMasks(String method, int rows) {
        assertThat(new AuditedMethod(Method.parse(method), OptionalInt.empty()).mostRows(3))
                .isEqualTo(rows);
    }

    @Test
    void aBudgetBoundsTheRows() {
        AuditedMethod method = new AuditedMethod(Method.parse("masks+lookup:best:8"), OptionalInt.of(16));

        assertThat(method.mostRows(3)).isEqualTo(16);
        assertThat(method.name()).isEqualTo("masks+lookup:best:8, 16 rows");
        assertThat(new AuditedMethod(Method.parse("masks:best:8"), OptionalInt.of(64)).mostRows(3))
                .isEqualTo(36);
    }

    @Test
    void theDefaultMethodIsAudited() {
        assertThat(AuditedMethod.standard()).extracting(AuditedMethod::method).contains(Method.DEFAULT);
    }

    @Test
    void namesAreDistinct() {
        assertThat(AuditedMethod.standard()).extracting(AuditedMethod::name).doesNotHaveDuplicates();
    }

    @Test
    void knowsWhoNeedsAnAdapter() {
        assertThat(AuditedMethod.standard())
                .filteredOn(method -> !method.needsAdapter())
                .extracting(AuditedMethod::name)
                .containsExactly("plain", "lookup", "automaton", "lookahead", "recycling");
    }
}
