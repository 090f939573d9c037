package bita.tune.train;

import java.util.Arrays;

/** How often the true token had which rank under each mask. */
public final class MaskCounts {
    /** Ranks that are told apart, from 0; all others are counted together. */
    public static final int RANKS = 16;

    private static final int FEW = 5;

    private final long[][] counts; // (masks, RANKS + 1)

    MaskCounts(int masks) {
        counts = new long[masks][RANKS + 1];
    }

    /** @param rank of the true token, from 0 */
    void add(int mask, int rank) {
        counts[mask][Math.min(rank, RANKS)]++;
    }

    void add(WindowOutcome outcome) {
        for (int i = 0; i < outcome.predictions(); i++) {
            if (outcome.hasRank(i)) {
                add(i % counts.length, outcome.rank(i));
            }
        }
    }

    public int masks() {
        return counts.length;
    }

    /** How often a mask's true token had a rank, from 0 to {@link #RANKS}. */
    public long count(int mask, int rank) {
        return counts[mask][rank];
    }

    /** Predictions of a mask. */
    public long predictions(int mask) {
        return Arrays.stream(counts[mask]).sum();
    }

    /** Share of a mask's predictions whose most likely token was the true one. */
    public double top1(int mask) {
        return share(mask, 1);
    }

    /** Share of a mask's predictions whose five most likely tokens held the true one. */
    public double top5(int mask) {
        return share(mask, FEW);
    }

    private double share(int mask, int ranks) {
        long all = predictions(mask);
        return all == 0 ? 0 : (double) Arrays.stream(counts[mask], 0, ranks).sum() / all;
    }
}
