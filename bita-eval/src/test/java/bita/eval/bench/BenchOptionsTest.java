package bita.eval.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import bita.kernels.Backend;
import bita.kernels.CacheFormat;
import bita.kernels.NumberFormat;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BenchOptionsTest {
    private static BenchOptions options(List<Integer> contexts, List<Integer> rows, int rounds, int threads) {
        return new BenchOptions(
                new BenchOptions.Source.File(Path.of("model.gguf")),
                contexts,
                rows,
                rounds,
                threads,
                CacheFormat.F16,
                Optional.empty(),
                Optional.empty());
    }

    private static BenchOptions contexts(Integer... contexts) {
        return options(List.of(contexts), BenchOptions.ROWS, 1, 1);
    }

    @Test
    void rowsAreSortedAndBeginWithPlainDecoding() {
        assertThat(options(List.of(), List.of(8, 2, 8), 1, 1).rows()).containsExactly(1, 2, 8);
        assertThat(options(List.of(), List.of(), 1, 1).rows()).containsExactly(1);
        assertThat(options(List.of(), BenchOptions.ROWS, 1, 1).rows()).isEqualTo(BenchOptions.ROWS);
    }

    @Test
    void contextsAreSorted() {
        assertThat(contexts(4096, 0, 256, 4096).contexts(8192)).containsExactly(0, 256, 4096);
    }

    @Test
    void automaticContextsAreThoseOfTheModel() {
        assertThat(contexts().contexts(1 << 17)).isEqualTo(BenchOptions.CONTEXTS);
        assertThat(contexts().contexts(4096)).isEqualTo(BenchOptions.CONTEXTS);
        assertThat(contexts().contexts(4095)).containsExactly(256, 1024);
        assertThat(contexts().contexts(100)).containsExactly(100);
    }

    @Test
    void refusesContextsThatTheModelDoesNotHave() {
        assertThat(contexts(2048).contexts(2048)).containsExactly(2048);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> contexts(16, 2049).contexts(2048))
                .withMessage("the model was trained for a context of 2048: --contexts cannot be 2049");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, 1025, Integer.MIN_VALUE, Integer.MAX_VALUE})
    void refusesRows(int rows) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> options(List.of(), List.of(4, rows), 1, 1))
                .withMessage("--rows are 1 to 1024");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 1_048_577, Integer.MIN_VALUE, Integer.MAX_VALUE})
    void refusesContexts(int context) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> contexts(256, context))
                .withMessage("--contexts are 0 to 1048576");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, 1001})
    void refusesRounds(int rounds) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> options(List.of(), List.of(), rounds, 1))
                .withMessage("--rounds is 1 to 1000");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, 1025})
    void refusesThreads(int threads) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> options(List.of(), List.of(), 1, threads))
                .withMessage("--threads is 1 to 1024");
    }

    @Test
    void scalarKernelsAreMeasuredOnce() {
        assertThat(BenchOptions.rounds(Backend.SCALAR)).isEqualTo(1);
        assertThat(BenchOptions.rounds(Backend.VECTOR))
                .isEqualTo(BenchOptions.rounds(Backend.NATIVE))
                .isEqualTo(7);
    }

    @Test
    void refusesFormatsThatAShapeCannotBeStoredIn() {
        ModelShape wide = ModelShape.find("llama-1b").orElseThrow();
        ModelShape narrow = ModelShape.find("smollm2-135m").orElseThrow();
        assertThat(new BenchOptions.Source.Random(wide, NumberFormat.Q4_K).format())
                .isEqualTo(NumberFormat.Q4_K);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new BenchOptions.Source.Random(narrow, NumberFormat.Q4_K))
                .withMessage("smollm2-135m has matrices of 576 columns, but Q4_K stores blocks of 256;"
                        + " choose another format");
    }
}
