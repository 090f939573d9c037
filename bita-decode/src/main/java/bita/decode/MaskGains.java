package bita.decode;

import java.util.Arrays;

/**
 * What a mask behind the node that turns out last brings: tokens of the next step, less the price of the rows that its
 * candidates take there. A mean by depth, soon a running one. While there are no masks it drifts back to where it began, so that
 * they are tried again some time.
 */
final class MaskGains {
    /** Tokens of the first mask before anything is seen; of each deeper one this share. */
    private static final double FIRST = 0.4;

    private static final double DEEPER = 0.5;
    private static final double LEARN = 0.04;
    /** What is expected at first counts as much as this many steps with the mask. */
    private static final int PRIOR = 4;

    private static final double FORGET = 0.005;

    private final double[] gains;
    private final int[] seen; // steps with each mask

    MaskGains(int masks) {
        gains = new double[masks];
        seen = new int[masks];
        Arrays.setAll(gains, MaskGains::start);
    }

    private static double start(int mask) {
        return FIRST * Math.pow(DEEPER, mask);
    }

    int masks() {
        return gains.length;
    }

    /** Not more than that of the mask before, without which it cannot be. */
    double of(int mask) {
        double gain = gains[0];
        for (int i = 1; i <= mask; i++) {
            gain = Math.min(gain, gains[i]);
        }
        return Math.max(0, gain);
    }

    /**
     * Takes in how a step went.
     *
     * @param drafter that has verified
     * @param price   tokens that a row must bring
     */
    void learn(Drafter drafter, double price) {
        for (int mask = 0; mask < gains.length; mask++) {
            if (mask < drafter.draftedMasks()) {
                double brought = drafter.accepted(mask) ? 1 : 0;
                seen[mask]++;
                double learn = Math.max(LEARN, 1.0 / (PRIOR + seen[mask]));
                gains[mask] += learn * (brought - price * drafter.verified(mask) - gains[mask]);
            } else {
                gains[mask] += FORGET * (start(mask) - gains[mask]);
            }
        }
    }
}
