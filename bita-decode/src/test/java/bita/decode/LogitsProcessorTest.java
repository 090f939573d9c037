package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LogitsProcessorTest {
    private static float[] processed(LogitsProcessor processor, float... logits) {
        processor.process(MemorySegment.ofArray(logits));
        return logits;
    }

    @Test
    void repetitionCountsThePromptAndTheAnswer() {
        LogitsProcessor processor = new LogitAdjustments(Map.of(), 0, 0, 2).processor(new int[] {0, 1}, 4);
        assertThat(processed(processor, 4, -4, 4, -4)).containsExactly(2, -8, 4, -4);
        processor.accept(2);
        processor.accept(2);
        assertThat(processed(processor, 4, -4, 4, -4)).containsExactly(2, -8, 2, -4);
    }

    @Test
    void presenceAndFrequencyCountTheAnswerAlone() {
        LogitsProcessor processor = new LogitAdjustments(Map.of(), 0.5, 0.25, 1).processor(new int[] {0}, 3);
        assertThat(processed(processor, 1, 1, 1)).containsExactly(1, 1, 1);
        processor.accept(1);
        processor.accept(2);
        processor.accept(1);
        assertThat(processed(processor, 1, 1, 1)).containsExactly(1, 0, 0.25f);
    }

    @Test
    void biasComesLast() {
        LogitsProcessor processor = new LogitAdjustments(Map.of(1, 3f), 1, 0, 2).processor(new int[] {1}, 2);
        processor.accept(1);
        assertThat(processed(processor, 5, 8)).containsExactly(5, 8f / 2 - 1 + 3);
    }

    @Test
    void refusesWhatIsNoAdjustment() {
        assertThat(LogitAdjustments.NONE.processor(new int[] {1}, 2)).isEqualTo(LogitsProcessor.NONE);
        assertThatThrownBy(() -> new LogitAdjustments(Map.of(), Double.NaN, 0, 1))
                .hasMessageContaining("presence");
        assertThatThrownBy(() -> new LogitAdjustments(Map.of(), 0, 1e300, 1)).hasMessageContaining("frequency");
        assertThatThrownBy(() -> new LogitAdjustments(Map.of(), 0, 0, 0)).hasMessageContaining("above 0");
        assertThatThrownBy(() -> new LogitAdjustments(Map.of(1, Float.NaN), 0, 0, 1))
                .hasMessageContaining("token 1");
        assertThatThrownBy(() -> new LogitAdjustments(Map.of(2, 1f), 0, 0, 1).processor(new int[0], 2))
                .hasMessageContaining("token 2");
        assertThatThrownBy(() -> new LogitAdjustments(Map.of(-1, 1f), 0, 0, 1).processor(new int[0], 2))
                .hasMessageContaining("token -1");
    }

    /** The model's own probabilities are noted, and what comes behind sees the same logits. */
    @Test
    void probabilitiesAreThoseOfTheModel() {
        List<TokenLogprobs> noted = new ArrayList<>();
        LogitsProcessor bias = new LogitAdjustments(Map.of(3, 9f), 0, 0, 1).processor(new int[0], 4);
        LogprobRecorder recorder = new LogprobRecorder(2, bias, noted::add);

        assertThat(processed(recorder, 1, 2, 2, 0)).containsExactly(1, 2, 2, 9);
        processed(recorder, 1, 2, 2, 0); // asked again
        recorder.accept(3);

        double logSum = Math.log(Math.exp(1) + 2 * Math.exp(2) + 1);
        assertThat(noted).hasSize(1);
        assertThat(noted.getFirst().token()).isEqualTo(3);
        assertThat(noted.getFirst().logprob()).isCloseTo(-logSum, within(1e-6));
        assertThat(noted.getFirst().top())
                .extracting(TokenLogprobs.Candidate::token)
                .containsExactly(1, 2);
        assertThat(noted.getFirst().top().getLast().logprob()).isCloseTo(2 - logSum, within(1e-6));
        assertThatThrownBy(() -> new LogprobRecorder(-1, bias, noted::add)).hasMessageContaining("0 or more");
    }
}
