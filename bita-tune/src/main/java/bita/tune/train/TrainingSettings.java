package bita.tune.train;

import bita.model.LearnedTokens;
import bita.model.LowRank;
import bita.model.ModelConfig;
import java.io.Serializable;

/**
 * How an adapter is learned (BiTA, arXiv 2401.12522, sections 3.1 and 4.1). A run is a function of these, the model and
 * the answers.
 *
 * @param prompts        prompt tokens
 * @param masks          mask tokens
 * @param rank           of what is added to linear layers where mask rows pass; 0 for nothing
 * @param window         most anchors of an answer that are trained together
 * @param answersPerStep windows, each of another answer, whose mean gradient makes a step
 * @param accumulate     windows whose gradients are gathered together before such sums are added up in order: it decides
 *                       the last bits, and how much travels where windows are computed on many machines
 * @param steps          steps of the whole run, over which the learning rate falls by a half cosine
 * @param learningRate   the highest, of prompt and mask tokens
 * @param lowRankRate    the highest, of what is added to linear layers
 * @param warmup         steps over which the learning rate rises
 * @param clip           largest norm of a step's gradient
 * @param decay          mask i counts exp(-(i - 1) / decay)
 * @param loss           what is made small
 * @param mostTokens     an answer with its prompt is cut behind this many tokens
 * @param seed           of the start, of the answers' order and of the windows
 */
public record TrainingSettings(
        int prompts,
        int masks,
        int rank,
        int window,
        int answersPerStep,
        int accumulate,
        int steps,
        double learningRate,
        double lowRankRate,
        int warmup,
        double clip,
        double decay,
        LossFunction loss,
        int mostTokens,
        long seed)
        implements Serializable {
    /** Found by measurement on the default model (docs/tune.md). */
    public static final TrainingSettings DEFAULT =
            new TrainingSettings(16, 3, 0, 64, 8, 1, 150, 0.1, 6e-3, 10, 1.0, 4, LossFunction.CROSS_ENTROPY, 420, 1);

    public TrainingSettings {
        range("prompts", prompts, 0, 256);
        range("masks", masks, 1, 64);
        range("ranks", rank, 0, LowRank.MOST);
        range("window", window, 1, 4096);
        range("answers per step", answersPerStep, 1, 1 << 16);
        range("windows to accumulate", accumulate, 1, 1 << 16);
        range("steps", steps, 1, 1 << 24);
        range("warm-up", warmup, 0, 1 << 24);
        range("tokens of an answer", mostTokens, 8, 1 << 20);
        positive("learning rate", learningRate);
        positive("learning rate of low-rank matrices", lowRankRate);
        positive("clip", clip);
        positive("decay", decay);
    }

    private static void range(String what, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(
                    "the number of " + what + " must be from " + least + " to " + most + ", not " + value);
        }
    }

    private static void positive(String what, double value) {
        if (!(value > 0)) { // NaN too
            throw new IllegalArgumentException("the " + what + " must be positive, not " + value);
        }
    }

    /** The same with another number of windows in a step. */
    TrainingSettings withAnswersPerStep(int answers) {
        return new TrainingSettings(
                prompts,
                masks,
                rank,
                window,
                answers,
                accumulate,
                steps,
                learningRate,
                lowRankRate,
                warmup,
                clip,
                decay,
                loss,
                mostTokens,
                seed);
    }

    /** Learned tokens of this form for a model, all zero. */
    public LearnedTokens zeros(ModelConfig config) {
        return new LearnedTokens(config, prompts, masks, rank);
    }

    /** Tokens that the keys and values of a window are for at most: an answer with its prompt, and the masks behind it. */
    int mostPositions() {
        return mostTokens + window * masks;
    }

    /** Tokens of an answer at most whose distributions are learned from; 1 if none are. */
    int mostTeachers() {
        return loss == LossFunction.FORWARD_KL ? mostTokens : 1;
    }

    /** The share of the highest learning rate that a step has, from 0. */
    double rateShare(int step) {
        double rise = warmup == 0 ? 1 : Math.min(1, (step + 1.0) / warmup);
        return rise * 0.5 * (1 + StrictMath.cos(Math.PI * step / steps));
    }

    /** What a mask's prediction counts, from mask 0. */
    double weight(int mask) {
        return StrictMath.exp(-mask / decay);
    }
}
