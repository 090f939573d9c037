package bita.eval;

import static bita.eval.Divergence.What.LOGITS;
import static bita.eval.Divergence.What.LONGER;
import static bita.eval.Divergence.What.POSITION;
import static bita.eval.Divergence.What.SHORTER;
import static bita.eval.Divergence.What.TOKEN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TraceComparisonTest {
    private static final int PROMPT = 30;
    private static final Trace REFERENCE = trace(PROMPT, -1, 5, 6, 7, 8);

    /** A trace in which the logits of each position are its number and a constant, save one index that has others. */
    private static Trace trace(int prompt, int otherLogits, int... tokens) {
        TraceRecorder recorder = new TraceRecorder();
        for (int i = 0; i < tokens.length; i++) {
            float[] logits = {prompt + i, i == otherLogits ? Math.nextUp(0.5f) : 0.5f};
            recorder.accept(prompt - 1 + i, MemorySegment.ofArray(logits));
        }
        return recorder.trace(IntStream.of(tokens).boxed().toList());
    }

    @Test
    void equalAnswersAreIdentical() {
        assertThat(TraceComparison.compare(REFERENCE, trace(PROMPT, -1, 5, 6, 7, 8), 4))
                .isEmpty();
        assertThat(TraceComparison.compare(REFERENCE, trace(PROMPT, -1, 5, 6, 7, 8), 100))
                .isEmpty();
    }

    @Test
    void aShorterAllowanceComparesTheBeginning() {
        assertThat(TraceComparison.compare(REFERENCE, trace(PROMPT, -1, 5, 6), 2))
                .isEmpty();
    }

    @Test
    void oneBitOfOneLogitIsFound() {
        assertDiverges(trace(PROMPT, 2, 5, 6, 7, 8), new Divergence(LOGITS, 2, PROMPT + 1));
    }

    @Test
    void logitsThatDifferComeBeforeTheTokenTheyChange() {
        assertDiverges(trace(PROMPT, 1, 5, 9, 7, 8), new Divergence(LOGITS, 1, PROMPT));
    }

    @Test
    void anotherTokenFromTheSameLogitsIsFound() {
        assertDiverges(trace(PROMPT, -1, 5, 6, 7, 9), new Divergence(TOKEN, 3, PROMPT + 2));
    }

    @Test
    void logitsOfAnotherPositionAreFound() {
        Trace moved = new Trace(trace(PROMPT + 1, -1, 5, 6, 7, 8).logits(), REFERENCE.tokens());
        assertDiverges(moved, new Divergence(POSITION, 0, PROMPT - 1));
    }

    @Test
    void anAnswerThatEndsElsewhereIsFound() {
        assertDiverges(trace(PROMPT, -1, 5, 6, 7), new Divergence(SHORTER, 3, PROMPT + 2));
        assertDiverges(trace(PROMPT, -1, 5, 6, 7, 8, 9), new Divergence(LONGER, 4, PROMPT + 3));
        assertThat(TraceComparison.compare(REFERENCE, REFERENCE, 3)).contains(new Divergence(LONGER, 3, PROMPT + 2));
    }

    @Test
    void tokensWithoutLogitsAreFound() {
        Trace unseen = new Trace(REFERENCE.logits().subList(0, 3), REFERENCE.tokens());
        assertDiverges(unseen, new Divergence(SHORTER, 3, PROMPT + 2));
    }

    @Test
    void aReferenceThatProvesNothingIsRefused() {
        Trace nothing = new Trace(List.of(), List.of());
        Trace unseen = new Trace(List.of(), List.of(5));
        assertThatThrownBy(() -> TraceComparison.compare(nothing, nothing, 4))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> TraceComparison.compare(unseen, unseen, 4))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static void assertDiverges(Trace answer, Divergence expected) {
        assertThat(TraceComparison.compare(REFERENCE, answer, 100)).contains(expected);
    }
}
