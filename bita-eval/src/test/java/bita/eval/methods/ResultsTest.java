package bita.eval.methods;

import static bita.eval.methods.Runs.LOOKUP;
import static bita.eval.methods.Runs.PLAIN;
import static bita.eval.methods.Runs.measurement;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import bita.eval.methods.EvaluationResult.Difference;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultsTest {
    private static final Offset<Double> EXACT = within(1e-9);

    @TempDir
    Path folder;

    private static ResultRow row(EvaluationResult result, String category, String method) {
        return result.rows(category)
                .filter(row -> row.method().equals(method))
                .findFirst()
                .orElseThrow();
    }

    /** Two turns of one question and one of another, three repetitions with an outlier each. */
    private EvaluationResult three() throws IOException {
        return Runs.result(
                folder,
                3,
                measurement(0, 0, 0, PLAIN, 40, 1, 1, 1, 1),
                measurement(0, 0, 1, PLAIN, 400, 1, 1, 1, 1),
                measurement(0, 0, 2, PLAIN, 44, 1, 1, 1, 1),
                measurement(0, 0, 0, LOOKUP, 30, 3, 1),
                measurement(0, 0, 1, LOOKUP, 22, 3, 1),
                measurement(0, 0, 2, LOOKUP, 3, 2, 2),
                measurement(0, 1, 0, PLAIN, 20, 1, 1),
                measurement(0, 1, 1, PLAIN, 20, 1, 1),
                measurement(0, 1, 2, PLAIN, 20, 1, 1),
                measurement(0, 1, 0, LOOKUP, 20, 2),
                measurement(0, 1, 1, LOOKUP, 20, 2),
                measurement(0, 1, 2, LOOKUP, 20, 2),
                measurement(1, 0, 0, PLAIN, 60, 1, 1, 1, 1, 1, 1),
                measurement(1, 0, 1, PLAIN, 60, 1, 1, 1, 1, 1, 1),
                measurement(1, 0, 2, PLAIN, 60, 1, 1, 1, 1, 1, 1),
                measurement(1, 0, 0, LOOKUP, 80, 1, 1, 1, 1, 1, 1),
                measurement(1, 0, 1, LOOKUP, 80, 1, 1, 1, 1, 1, 1),
                measurement(1, 0, 2, LOOKUP, 80, 1, 1, 1, 1, 1, 1));
    }

    @Test
    void countsStepsAndTimesOfTheWholeSuite() throws IOException {
        EvaluationResult result = three();
        ResultRow plain = row(result, ResultRow.ALL, PLAIN);
        ResultRow lookup = row(result, ResultRow.ALL, LOOKUP);

        assertThat(result.categories()).containsExactly("writing", "math");
        assertThat(result.rows())
                .extracting(row -> row.category() + " " + row.method())
                .containsExactly(
                        "all plain", "all lookup", "writing plain", "writing lookup", "math plain", "math lookup");
        assertThat(plain.prompts()).isEqualTo(3);
        assertThat(plain.tokens()).isEqualTo(4 + 2 + 6);
        assertThat(plain.steps()).isEqualTo(3 * 12);
        assertThat(plain.tokensPerStep()).isEqualTo(1);
        assertThat(plain.tokensPerSecond()).isCloseTo(12 / 0.124, EXACT); // 44 + 20 + 60 ms
        assertThat(plain.speedup().orElseThrow()).isEqualTo(new ResultRow.Speedup(1, 1, 1));
        assertThat(lookup.steps()).isEqualTo(3 * 2 + 3 + 3 * 6);
        assertThat(lookup.tokensPerStep()).isCloseTo(36 / 27.0, EXACT);
        assertThat(lookup.rowsPerStep()).isCloseTo(3, EXACT);
        assertThat(lookup.tokensPerSecond()).isCloseTo(12 / 0.122, EXACT); // 22 + 20 + 80 ms
        assertThat(lookup.speedup().orElseThrow().ratio()).isCloseTo(124 / 122.0, EXACT);
        assertThat(lookup.identicalPrompts()).isEqualTo(3);
        assertThat(result.identical()).isTrue();
    }

    @Test
    void keepsCategoriesApart() throws IOException {
        EvaluationResult result = three();

        assertThat(row(result, "writing", LOOKUP).speedup().orElseThrow().ratio())
                .isCloseTo(64 / 42.0, EXACT);
        assertThat(row(result, "writing", LOOKUP).prompts()).isEqualTo(2);
        assertThat(row(result, "math", LOOKUP).speedup().orElseThrow())
                .isEqualTo(new ResultRow.Speedup(0.75, 0.75, 0.75));
        assertThat(row(result, "math", LOOKUP).acceptanceByDepth()).isEmpty();
    }

    @Test
    void countsAcceptanceByDepthAndSource() throws IOException {
        ResultRow lookup = row(three(), ResultRow.ALL, LOOKUP);

        // Of 27 steps, 2 accepted two tokens; 2 + 2 + 3 accepted one or more.
        assertThat(lookup.acceptanceByDepth()).containsExactly(7 / 27.0, 2 / 27.0);
        assertThat(lookup.acceptedBySource()).isEqualTo(Map.of(LOOKUP, 9L));
        assertThat(lookup.drafted()).isEqualTo(18);
    }

    @Test
    void sharesAreOfTheTimeOfDecoding() throws IOException {
        ResultRow.Shares time = row(three(), ResultRow.ALL, LOOKUP).time();

        assertThat(time.draft()).isCloseTo(0.2, EXACT);
        assertThat(time.forward()).isCloseTo(0.5, EXACT);
        assertThat(time.verify()).isCloseTo(0.1, EXACT);
        assertThat(time.other()).isCloseTo(0.2, EXACT);
    }

    /** As Spec-Bench's speed.py has it: a mean over the questions, whose turns are taken together. */
    @Test
    void givesSpecBenchItsFigures() throws IOException {
        EvaluationResult result = three();
        ResultRow lookup = row(result, ResultRow.ALL, LOOKUP);

        List<SpecBenchAnswer> answers = result.answers().getOrDefault(LOOKUP, List.of());
        assertThat(answers).hasSize(2);
        SpecBenchAnswer first = answers.getFirst();
        assertThat(first.turns()).containsExactly("text of 0/0", "text of 0/1");
        assertThat(first.newTokens()).containsExactly(4, 2);
        assertThat(first.decodingSteps()).containsExactly(2, 1);
        assertThat(first.wallTime()).containsExactly(0.022, 0.020);
        assertThat(first.acceptLengths()).containsExactly(3, 1, 3, 1, 2, 2, 2, 2, 2);
        assertThat(lookup.specBench().tokensPerSecond()).isCloseTo((6 / 0.042 + 6 / 0.080) / 2, EXACT);
        assertThat(lookup.specBench().meanAcceptedTokens()).isEqualTo(lookup.tokensPerStep());
    }

    @Test
    void findsTheFirstDifferenceOfEachAnswer() throws IOException {
        EvaluationResult result = Runs.result(
                folder,
                2,
                measurement(0, 0, 0, PLAIN, 40, 1, 1, 1, 1),
                measurement(0, 0, 1, PLAIN, 40, 1, 1, 1, 1),
                measurement(0, 0, 0, LOOKUP, 30, 3, 1),
                measurement(0, 0, 1, LOOKUP, 30, 3), // ends early
                measurement(1, 0, 0, PLAIN, 40, 1, 1),
                measurement(1, 0, 1, PLAIN, 40, 1, 1, 1),
                measurement(1, 0, 0, LOOKUP, 30, 2),
                measurement(1, 0, 1, LOOKUP, 30, 2));

        assertThat(result.differences())
                .containsExactly(new Difference("81", 1, 2, LOOKUP, 4), new Difference("x/2", 1, 2, PLAIN, 3));
        assertThat(result.identical()).isFalse();
        assertThat(row(result, ResultRow.ALL, LOOKUP).identicalPrompts()).isEqualTo(1);
        assertThat(row(result, ResultRow.ALL, PLAIN).identicalPrompts()).isEqualTo(1);
        assertThat(result.differences().getFirst().describe())
                .isEqualTo("question 81, turn 1, lookup (repetition 2): token 5");
    }

    @Test
    void tellsNothingOfAnswersOfOneToken() throws IOException {
        EvaluationResult result =
                Runs.result(folder, 1, measurement(0, 0, 0, PLAIN, 1), measurement(0, 0, 0, LOOKUP, 1));
        ResultRow lookup = row(result, ResultRow.ALL, LOOKUP);

        assertThat(lookup.prompts()).isEqualTo(1);
        assertThat(lookup.speedup()).isEmpty();
        assertThat(List.of(lookup.tokensPerStep(), lookup.rowsPerStep(), lookup.tokensPerSecond()))
                .containsExactly(0.0, 0.0, 0.0);
        assertThat(lookup.identicalPrompts()).isEqualTo(1);
    }

    @Test
    void isEmptyWithoutAnswers() throws IOException {
        EvaluationResult result = Runs.result(folder, 1);

        assertThat(row(result, ResultRow.ALL, PLAIN).prompts()).isZero();
        assertThat(MarkdownReport.of(result, "bita eval")).contains("No question could be answered.");
        assertThat(HtmlReport.of(result, "bita eval")).contains("No question could be answered.");
    }
}
