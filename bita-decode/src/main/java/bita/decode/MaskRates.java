package bita.decode;

import java.util.Arrays;

/** How often masks are right against what their candidates claim, by mask: what was seen long ago counts less. */
final class MaskRates {
    /** Claims are taken for granted as if so many right tokens had been seen. */
    private static final double PRIOR = 3;

    private static final double KEEP = 0.99;
    private static final float MOST = 2;

    private final double[] claimed; // decayed, and so the next
    private final double[] right;
    private final float[] factors; // of the present candidates

    MaskRates(int masks) {
        claimed = new double[masks];
        right = new double[masks];
        factors = new float[masks];
        Arrays.fill(factors, 1);
    }

    /** The candidates with what was seen taken into account. */
    MaskCandidates corrected(MaskCandidates candidates) {
        for (int mask = 0; mask < factors.length; mask++) {
            factors[mask] = Math.min(MOST, (float) ((PRIOR + right[mask]) / (PRIOR + claimed[mask])));
        }
        return candidates.scaled(factors);
    }

    /**
     * A candidate, behind a path that was right, has turned out right or wrong.
     *
     * @param probability of it, as corrected
     */
    void learn(int mask, float probability, boolean isRight) {
        claimed[mask] = KEEP * claimed[mask] + probability / factors[mask];
        right[mask] = KEEP * right[mask] + (isRight ? 1 : 0);
    }
}
