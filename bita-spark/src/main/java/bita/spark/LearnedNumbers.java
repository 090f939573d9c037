package bita.spark;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import bita.model.LearnedTokens;
import bita.model.ModelConfig;
import bita.tune.train.TrainingSettings;
import java.io.Serializable;
import java.lang.foreign.MemorySegment;

/** Learned tokens, or their gradients, on their way between machines: 4 bytes a number. */
final class LearnedNumbers implements Serializable {
    private static final long serialVersionUID = 1;

    private final float[] numbers;

    private LearnedNumbers(float[] numbers) {
        this.numbers = numbers;
    }

    static LearnedNumbers of(LearnedTokens tokens) {
        return new LearnedNumbers(tokens.all().toArray(JAVA_FLOAT));
    }

    /** f32, as {@link LearnedTokens#all} has them. */
    MemorySegment segment() {
        return MemorySegment.ofArray(numbers);
    }

    /** The tokens, where they have arrived. */
    LearnedTokens tokens(TrainingSettings settings, ModelConfig config) {
        LearnedTokens tokens = settings.zeros(config);
        MemorySegment.copy(numbers, 0, tokens.all(), JAVA_FLOAT, 0, numbers.length);
        return tokens;
    }
}
