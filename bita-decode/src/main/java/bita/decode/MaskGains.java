package bita.decode;

/**
 * What a mask behind the node that turns out last brings: tokens of the next step, less the price of the rows that its
 * candidates take there. A mean by depth, soon a running one. While there are no masks it drifts back to where it began, so that
 * they are tried again some time.
 *
 * <p>At first a mask is expected to bring a token as often as its likeliest candidate was right in the adapter's calibration, and
 * half as often beside other sources, which draft many of the same tokens.
 */
final class MaskGains {
    /** How often a mask is right behind right ones, where the adapter does not say. */
    private static final double[] RIGHT = {0.4, 0.2, 0.15};

    private static final double BESIDE_OTHERS = 0.5;
    private static final double LEARN = 0.04;
    /** What is expected at first counts as much as this many steps with the mask. */
    private static final int PRIOR = 4;

    private static final double FORGET = 0.005;

    private final double[] start;
    private final double[] gains;
    private final int[] seen; // steps with each mask

    /**
     * @param masks        of a whole group, 0 if there are none
     * @param besideOthers whether other sources draft as well
     */
    MaskGains(int masks, Calibration calibration, boolean besideOthers) {
        start = new double[masks];
        double path = besideOthers ? BESIDE_OTHERS : 1;
        for (int mask = 0; mask < masks; mask++) {
            path *= right(mask, calibration);
            start[mask] = path;
        }
        gains = start.clone();
        seen = new int[masks];
    }

    private static double right(int mask, Calibration calibration) {
        return mask < calibration.masks() && calibration.candidates(mask, 0) > 0
                ? (double) calibration.right(mask, 0) / calibration.candidates(mask, 0)
                : RIGHT[Math.min(mask, RIGHT.length - 1)];
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
                gains[mask] += FORGET * (start[mask] - gains[mask]);
            }
        }
    }
}
