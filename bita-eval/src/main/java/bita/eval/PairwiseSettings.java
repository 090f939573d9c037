package bita.eval;

import java.util.List;
import java.util.Set;

/**
 * Chooses settings so that soon every pair of values of two different dimensions has occurred together: a covering array
 * of strength 2, grown one row at a time by a greedy algorithm (Cohen 1997, The AETG System). It has no randomness: equal
 * calls give equal choices.
 *
 * <p>Each choice is the combination with the most pairs not seen yet, among equals the one whose pairs have occurred
 * least. Combinations with slow values come only when none without them has a new pair: so they occur about as often as
 * coverage needs, and the other values go on to alternate. All combinations are tried, which suits dimensions of a few
 * values.
 */
final class PairwiseSettings {
    /** In a request: this dimension is to be chosen. */
    static final int FREE = -1;

    /**
     * A dimension.
     *
     * @param values number of values, at least 1
     * @param slow   values to choose no more often than the pairs ask for
     */
    record Dimension(int values, Set<Integer> slow) {
        Dimension {
            slow = Set.copyOf(slow);
            if (values < 1) {
                throw new IllegalArgumentException("a dimension has at least one value, not " + values);
            }
        }

        /** Without slow values. */
        static Dimension of(int values) {
            return new Dimension(values, Set.of());
        }
    }

    private final List<Dimension> dimensions;
    private final int[] offsets; // of each dimension's values among all values
    private final int[][] occurrences; // (values, values) of two dimensions, the lower one first
    private int covered;

    PairwiseSettings(List<Dimension> dimensions) {
        this.dimensions = List.copyOf(dimensions);
        offsets = new int[dimensions.size()];
        int all = 0;
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = all;
            all += dimensions.get(i).values();
        }
        occurrences = new int[all][all];
    }

    /** Pairs of values of two different dimensions. */
    int pairs() {
        int pairs = 0;
        for (int i = 0; i < dimensions.size(); i++) {
            for (int j = i + 1; j < dimensions.size(); j++) {
                pairs += dimensions.get(i).values() * dimensions.get(j).values();
            }
        }
        return pairs;
    }

    /** How many of the pairs have occurred. */
    int covered() {
        return covered;
    }

    /**
     * Chooses the next settings and counts their pairs.
     *
     * @param request for each dimension a value's index, or {@link #FREE}
     * @return for each dimension a value's index
     */
    int[] next(int... request) {
        int[] combination = request.clone();
        for (int i = 0; i < combination.length; i++) {
            if (request[i] == FREE) {
                combination[i] = 0;
            }
        }
        int[] best = combination.clone();
        long bestScore = score(best, request);
        while (advance(combination, request)) {
            long score = score(combination, request);
            if (score > bestScore) {
                bestScore = score;
                best = combination.clone();
            }
        }
        count(best);
        return best;
    }

    /** Moves to the next combination of the free dimensions; false after the last one. */
    private boolean advance(int[] combination, int[] request) {
        for (int i = combination.length - 1; i >= 0; i--) {
            if (request[i] != FREE) {
                continue;
            }
            combination[i]++;
            if (combination[i] < dimensions.get(i).values()) {
                return true;
            }
            combination[i] = 0;
        }
        return false;
    }

    /** Higher is better: new pairs without slow values, then new pairs, then rare pairs without slow values. */
    private long score(int[] combination, int[] request) {
        long gain = 0;
        long seen = 0;
        boolean slow = false;
        for (int i = 0; i < combination.length; i++) {
            slow |= dimensions.get(i).slow().contains(combination[i]);
            for (int j = i + 1; j < combination.length; j++) {
                if (request[i] == FREE || request[j] == FREE) {
                    int times = occurrences[offsets[i] + combination[i]][offsets[j] + combination[j]];
                    gain += times == 0 ? 1 : 0;
                    seen += times;
                }
            }
        }
        long tier = (gain > 0 ? 2 : 0) + (slow ? 0 : 1);
        return (tier << 60) + (gain << 48) - seen;
    }

    private void count(int[] combination) {
        for (int i = 0; i < combination.length; i++) {
            for (int j = i + 1; j < combination.length; j++) {
                int[] row = occurrences[offsets[i] + combination[i]];
                int at = offsets[j] + combination[j];
                covered += row[at] == 0 ? 1 : 0;
                row[at]++;
            }
        }
    }
}
