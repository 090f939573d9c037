package bita.tune.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import bita.model.LearnedTokens;
import java.lang.foreign.MemorySegment;

/**
 * Adam with decoupled weight decay (arXiv 1711.05101), the decay being zero: a few learned tokens have nothing to
 * forget. Not thread-safe.
 */
final class AdamW {
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.999;
    private static final double EPSILON = 1e-8;

    private final LearnedTokens mean;
    private final LearnedTokens square;

    /**
     * @param mean   running mean of the gradients, changed by every update
     * @param square running mean of their squares, likewise
     */
    AdamW(LearnedTokens mean, LearnedTokens square) {
        this.mean = mean;
        this.square = square;
    }

    /** Scales a gradient down to a norm; returns the norm it had. */
    static double clip(LearnedTokens gradient, double most) {
        double squares = 0;
        for (long i = 0; i < gradient.count(); i++) {
            double g = gradient.all().getAtIndex(JAVA_FLOAT, i);
            squares += g * g;
        }
        double norm = Math.sqrt(squares);
        if (norm > most) {
            float factor = (float) (most / norm);
            for (long i = 0; i < gradient.count(); i++) {
                gradient.all().setAtIndex(JAVA_FLOAT, i, gradient.all().getAtIndex(JAVA_FLOAT, i) * factor);
            }
        }
        return norm;
    }

    /**
     * Makes a step.
     *
     * @param step        from 0
     * @param rate        of prompt and mask tokens
     * @param lowRankRate of what is added to linear layers
     */
    void update(LearnedTokens tokens, LearnedTokens gradient, int step, double rate, double lowRankRate) {
        double meanBias = 1 - StrictMath.pow(BETA1, step + 1.0);
        double squareBias = 1 - StrictMath.pow(BETA2, step + 1.0);
        MemorySegment m = mean.all();
        MemorySegment v = square.all();
        long lowRankFrom = tokens.count() - tokens.lowRankCount();
        for (long i = 0; i < tokens.count(); i++) {
            double g = gradient.all().getAtIndex(JAVA_FLOAT, i);
            float first = (float) (BETA1 * m.getAtIndex(JAVA_FLOAT, i) + (1 - BETA1) * g);
            float second = (float) (BETA2 * v.getAtIndex(JAVA_FLOAT, i) + (1 - BETA2) * g * g);
            m.setAtIndex(JAVA_FLOAT, i, first);
            v.setAtIndex(JAVA_FLOAT, i, second);
            double learningRate = i < lowRankFrom ? rate : lowRankRate;
            double change = learningRate * (first / meanBias) / (Math.sqrt(second / squareBias) + EPSILON);
            tokens.all().setAtIndex(JAVA_FLOAT, i, (float) (tokens.all().getAtIndex(JAVA_FLOAT, i) - change));
        }
    }
}
