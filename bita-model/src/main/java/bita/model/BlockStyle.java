package bita.model;

import bita.kernels.Activation;

/**
 * How the blocks of a transformer are put together.
 *
 * @param epsilon       of all norms
 * @param layerNorms    whether these are layer norms, with biases, instead of RMS norms
 * @param parallel      whether attention and feed-forward network both read what comes into the block, instead of the second
 *                      what the first has made of it
 * @param normsBehind   whether what attention and feed-forward network make is normalized before it is added
 * @param queryKeyNorms whether queries and keys are normalized, head by head, before they are rotated
 * @param activation    of the feed-forward network
 * @param gated         whether a second product is multiplied with the activation's result
 * @param scoreScale    factor of the attention's scores
 * @param scoreCap      soft cap of the scaled scores, 0 for none
 */
public record BlockStyle(
        float epsilon,
        boolean layerNorms,
        boolean parallel,
        boolean normsBehind,
        boolean queryKeyNorms,
        Activation activation,
        boolean gated,
        float scoreScale,
        float scoreCap) {
    public BlockStyle {
        if (!(epsilon >= 0 && epsilon < 1)) {
            throw new IllegalArgumentException("the epsilon of norms is not between 0 and 1 but " + epsilon);
        }
        if (!Float.isFinite(scoreScale) || !(scoreCap >= 0) || Float.isInfinite(scoreCap)) {
            throw new IllegalArgumentException(
                    "scores cannot be scaled by " + scoreScale + " and capped at " + scoreCap);
        }
    }

    /** The same with another activation. */
    BlockStyle with(Activation other) {
        return new BlockStyle(
                epsilon, layerNorms, parallel, normsBehind, queryKeyNorms, other, gated, scoreScale, scoreCap);
    }

    /** Llama's: RMS norms before attention and feed-forward network, one behind the other, gated by SiLU. */
    public static BlockStyle llama(int headDim, float epsilon) {
        return new BlockStyle(
                epsilon, false, false, false, false, Activation.SILU, true, (float) (1 / Math.sqrt(headDim)), 0);
    }
}
