package bita.tune.train;

/**
 * How well the learned tokens predict answers they were not trained on.
 *
 * @param steps         made so far
 * @param loss          mean cross-entropy, weighted by mask
 * @param counts        the ranks of the true tokens
 * @param chain         tokens per step if the most likely token of each mask were drafted
 * @param upperTriangle tokens per step of the reference implementation's tree, with 5, 4, 3, ... candidates
 */
public record ValidationReport(int steps, double loss, MaskCounts counts, double chain, double upperTriangle) {}
