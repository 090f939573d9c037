package bita.tune.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import bita.model.LearnedTokens;
import bita.model.Linear;
import bita.model.ModelConfig;
import bita.model.Transformer;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * All that changes in a run. With the settings and the answers, it decides how the run goes on.
 *
 * @param tokens learned so far
 * @param mean   of the gradients, for the optimizer
 * @param square of the gradients, likewise
 * @param steps  made
 * @param best   of those validated so far; empty before the first validation
 */
record TrainingState(LearnedTokens tokens, LearnedTokens mean, LearnedTokens square, int steps, Optional<Best> best) {
    private static final double KEY_DEVIATION = 0.5;
    private static final double VALUE_DEVIATION = 0.02;
    private static final double MASK_DEVIATION = 0.5; // of the embeddings' own

    /** Where a run begins: masks near the mean embedding, prompts of small random values. */
    static LearnedTokens startingTokens(Transformer model, TrainingSettings settings) {
        ModelConfig config = model.config();
        LearnedTokens tokens = settings.zeros(config);
        SplittableRandom random = new SplittableRandom(settings.seed());
        long prompts = tokens.promptKeys().byteSize() / Float.BYTES;
        for (long i = 0; i < prompts; i++) {
            tokens.promptKeys().setAtIndex(JAVA_FLOAT, i, (float) (KEY_DEVIATION * random.nextGaussian()));
        }
        for (long i = 0; i < prompts; i++) {
            tokens.promptValues().setAtIndex(JAVA_FLOAT, i, (float) (VALUE_DEVIATION * random.nextGaussian()));
        }
        double[] mean = new double[config.hidden()];
        double squares = 0;
        float[] row = new float[config.hidden()];
        for (int token = 0; token < config.vocabulary(); token++) {
            model.embedding(token, row);
            for (int i = 0; i < row.length; i++) {
                mean[i] += row[i] / config.vocabulary();
                squares += (double) row[i] * row[i];
            }
        }
        double deviation = Math.sqrt(squares / ((double) config.vocabulary() * config.hidden()));
        for (int i = 0; i < settings.masks() * config.hidden(); i++) {
            double start = mean[i % config.hidden()] + MASK_DEVIATION * deviation * random.nextGaussian();
            tokens.maskEmbeddings().setAtIndex(JAVA_FLOAT, i, (float) start);
        }
        startLowRank(tokens, config, random);
        return tokens;
    }

    /** Before the first step. */
    static TrainingState start(LearnedTokens tokens, ModelConfig config, TrainingSettings settings) {
        return new TrainingState(tokens, settings.zeros(config), settings.zeros(config), 0, Optional.empty());
    }

    /** A is random, B zero: nothing is added at first, and B learns at once (LoRA, arXiv 2106.09685, section 4.1). */
    private static void startLowRank(LearnedTokens tokens, ModelConfig config, SplittableRandom random) {
        for (int layer = 0; layer < config.layers(); layer++) {
            for (Linear.Input input : Linear.Input.values()) {
                MemorySegment a = tokens.lowRankA(layer, input);
                double deviation = 1 / Math.sqrt(input.columns(config));
                for (long i = 0; i < a.byteSize() / Float.BYTES; i++) {
                    a.setAtIndex(JAVA_FLOAT, i, (float) (deviation * random.nextGaussian()));
                }
            }
        }
    }

    /**
     * The learned tokens with the smallest validation loss.
     *
     * @param tokens a copy
     * @param loss   on the answers for validation
     * @param steps  made until then
     */
    record Best(LearnedTokens tokens, double loss, int steps) {}

    TrainingState withSteps(int made) {
        return new TrainingState(tokens, mean, square, made, best);
    }

    /** Keeps a copy of the tokens if they are better than all before. */
    TrainingState validated(double loss) {
        if (best.isPresent() && best.get().loss() <= loss) {
            return this;
        }
        return new TrainingState(tokens, mean, square, steps, Optional.of(new Best(tokens.copy(), loss, steps)));
    }
}
