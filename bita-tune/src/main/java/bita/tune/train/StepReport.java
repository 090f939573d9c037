package bita.tune.train;

/**
 * What a step of training saw.
 *
 * @param step         from 1
 * @param loss         mean cross-entropy, weighted by mask
 * @param gradientNorm before it was clipped
 * @param learningRate of the step
 * @param seconds      that it took
 * @param counts       the ranks of the true tokens before the step
 */
public record StepReport(
        int step, double loss, double gradientNorm, double learningRate, double seconds, MaskCounts counts) {}
