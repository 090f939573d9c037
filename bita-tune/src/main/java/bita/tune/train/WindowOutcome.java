package bita.tune.train;

import java.io.Serializable;

/** What a window's predictions are worth. */
public final class WindowOutcome implements Serializable {
    private static final long serialVersionUID = 1;

    /** Rank of a prediction that has no true token. */
    static final int NONE = -1;

    private final double loss;
    private final int[] ranks; // (groups, masks)

    WindowOutcome(double loss, int[] ranks) {
        this.loss = loss;
        this.ranks = ranks;
    }

    /** Weighted mean cross-entropy. */
    double loss() {
        return loss;
    }

    /** Groups times masks. */
    int predictions() {
        return ranks.length;
    }

    boolean hasRank(int prediction) {
        return ranks[prediction] != NONE;
    }

    /** Rank of the true token, from 0. */
    int rank(int prediction) {
        return ranks[prediction];
    }
}
