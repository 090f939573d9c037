package bita.tune.train;

/** What training makes small, for one mask's prediction of one token. */
public enum LossFunction {
    /** The negative logarithm of the answer's token's probability, as in the reference implementation. */
    CROSS_ENTROPY,
    /** The divergence of the masks' distribution from the frozen model's own for the same token (forward KL). */
    FORWARD_KL,
    /** Cross-entropy that counts tokens less the more likely they already are (focal loss, arXiv 1708.02002). */
    FOCAL
}
