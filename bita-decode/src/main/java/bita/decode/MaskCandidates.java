package bita.decode;

import java.util.Objects;

/** What the masks of one group predict: of each mask its likeliest tokens, most likely first. Immutable. */
public final class MaskCandidates {
    private static final MaskCandidates NONE = new MaskCandidates(new int[0][], new float[0][]);

    private final int[][] tokens; // (masks, candidates of that mask)
    private final float[][] probabilities; // (masks, candidates of that mask)

    private MaskCandidates(int[][] tokens, float[][] probabilities) {
        this.tokens = tokens;
        this.probabilities = probabilities;
    }

    /** Behind a node that had no mask group. */
    public static MaskCandidates none() {
        return NONE;
    }

    /**
     * The candidates of one group, copied.
     *
     * @param tokens (masks, candidates), no token twice in a row, a row of length 0 for a mask without candidates because its logits had NaN
     * @param probabilities (masks, candidates), 0 to 1, no row ascending
     */
    public static MaskCandidates of(int[][] tokens, float[][] probabilities) {
        if (tokens.length != probabilities.length) {
            throw new IllegalArgumentException("There are tokens of " + tokens.length + " masks, but probabilities of "
                    + probabilities.length + ".");
        }
        int[][] tokensCopy = new int[tokens.length][];
        float[][] probabilitiesCopy = new float[tokens.length][];
        for (int mask = 0; mask < tokens.length; mask++) {
            checkRow(mask, tokens[mask], probabilities[mask]);
            tokensCopy[mask] = tokens[mask].clone();
            probabilitiesCopy[mask] = probabilities[mask].clone();
        }
        return new MaskCandidates(tokensCopy, probabilitiesCopy);
    }

    private static void checkRow(int mask, int[] tokens, float[] probabilities) {
        if (tokens.length != probabilities.length) {
            throw new IllegalArgumentException("Mask " + mask + " has " + tokens.length + " tokens, but "
                    + probabilities.length + " probabilities.");
        }
        float previous = 1;
        for (float probability : probabilities) {
            if (!(probability >= 0 && probability <= previous)) {
                throw new IllegalArgumentException("The probabilities of mask " + mask
                        + " must lie from 0 to 1 in descending order, but " + probability + " follows " + previous
                        + ".");
            }
            previous = probability;
        }
        for (int rank = 1; rank < tokens.length; rank++) {
            for (int better = 0; better < rank; better++) {
                if (tokens[rank] == tokens[better]) {
                    throw new IllegalArgumentException("Mask " + mask + " has token " + tokens[rank] + " twice.");
                }
            }
        }
    }

    /**
     * The same candidates with probabilities multiplied, up to 1.
     *
     * @param factors of each mask, positive; more are not used
     */
    MaskCandidates scaled(float[] factors) {
        float[][] scaled = new float[masks()][];
        for (int mask = 0; mask < scaled.length; mask++) {
            scaled[mask] = probabilities[mask].clone();
            for (int rank = 0; rank < scaled[mask].length; rank++) {
                scaled[mask][rank] = Math.min(1, factors[mask] * scaled[mask][rank]);
            }
        }
        return new MaskCandidates(tokens, scaled);
    }

    public int masks() {
        return tokens.length;
    }

    /** Masks before the first one without candidates: the depth a tree of them can have. */
    public int depth() {
        int depth = 0;
        while (depth < masks() && count(depth) > 0) {
            depth++;
        }
        return depth;
    }

    /** Candidates of a mask (from 0); 0 if its logits had NaN. */
    public int count(int mask) {
        return tokens[Objects.checkIndex(mask, tokens.length)].length;
    }

    /** The candidate of this rank, 0 for the most likely. */
    public int token(int mask, int rank) {
        return tokens[mask][Objects.checkIndex(rank, count(mask))];
    }

    /** The mask's own probability of that candidate, given nothing about the masks before. */
    public float probability(int mask, int rank) {
        return probabilities[mask][Objects.checkIndex(rank, count(mask))];
    }
}
