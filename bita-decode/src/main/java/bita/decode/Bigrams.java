package bita.decode;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Which tokens followed which in the model's own answers, and how often: counted when an adapter is tuned, and kept with it.
 * Of each token the {@value #RANKS} that followed most often; the rest together. Immutable.
 */
public final class Bigrams implements Serializable {
    private static final long serialVersionUID = 1;

    /** Successors that a token keeps. */
    public static final int RANKS = 8;

    /** In place of a successor: all that are not kept. */
    static final int OTHERS = -1;

    /** Numbers of a stored row: token, successor or {@link #OTHERS}, times. */
    static final int ROW = 3;

    private static final Bigrams NONE = new Bigrams(new int[0]);

    private final int[] rows; // (rows, ROW): ascending tokens, of each the successors by descending times, OTHERS last
    private final int[] tokens; // those that have successors, ascending
    private final int[] starts; // (tokens + 1): the first row of each
    private final int[] times; // (tokens): of all its successors together

    private Bigrams(int[] rows) {
        this.rows = rows;
        int count = rows.length / ROW;
        int[] firsts = new int[count + 1];
        int found = 0;
        for (int row = 0; row < count; row++) {
            if (row == 0 || token(row) != token(row - 1)) {
                firsts[found++] = row;
            }
        }
        firsts[found] = count;
        starts = Arrays.copyOf(firsts, found + 1);
        tokens = new int[found];
        times = new int[found];
        for (int i = 0; i < found; i++) {
            tokens[i] = token(starts[i]);
            for (int row = starts[i]; row < starts[i + 1]; row++) {
                times[i] = Math.addExact(times[i], times(row));
            }
        }
    }

    private int token(int row) {
        return rows[row * ROW];
    }

    private int successor(int row) {
        return rows[row * ROW + 1];
    }

    private int times(int row) {
        return rows[row * ROW + 2];
    }

    /** Nothing was counted. */
    public static Bigrams none() {
        return NONE;
    }

    /**
     * From stored rows, which are copied.
     *
     * @param rows (rows, 3) as {@link #rows}
     * @throws IllegalArgumentException if they are not such
     */
    static Bigrams of(int[] rows) {
        if (rows.length % ROW != 0) {
            throw new IllegalArgumentException("a row has three numbers");
        }
        Bigrams bigrams;
        try {
            bigrams = new Bigrams(rows.clone());
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("a token is counted more often than a number can say", e);
        }
        bigrams.check();
        return bigrams;
    }

    private void check() {
        for (int i = 0; i < tokens.length; i++) {
            if (tokens[i] < 0 || (i > 0 && tokens[i] <= tokens[i - 1])) {
                throw new IllegalArgumentException("tokens must ascend from 0, not so with " + tokens[i]);
            }
            if (successors(i) == 0 || successors(i) > RANKS) {
                throw new IllegalArgumentException("token " + tokens[i] + " must have 1 to " + RANKS + " successors");
            }
            for (int row = starts[i]; row < starts[i + 1]; row++) {
                checkRow(row, starts[i], starts[i + 1] - 1);
            }
        }
    }

    private void checkRow(int row, int first, int last) {
        boolean others = successor(row) == OTHERS;
        if (times(row) < 1 || (others ? row < last : successor(row) < 0)) {
            throw new IllegalArgumentException("behind token " + token(row) + " stands " + successor(row) + ", "
                    + times(row) + " times, which cannot be");
        }
        for (int before = first; before < row && !others; before++) {
            if (successor(before) == successor(row) || times(before) < times(row)) {
                throw new IllegalArgumentException("the successors of token " + token(row)
                        + " must be different ones, those that followed most often first");
            }
        }
    }

    /** The rows to be stored: (rows, 3), each a token, a successor or -1 for all that are not kept, and how often. */
    int[] rows() {
        return rows.clone();
    }

    /** Tokens that have successors. */
    public int tokens() {
        return tokens.length;
    }

    /** Successors of all tokens together. */
    public int pairs() {
        int pairs = 0;
        for (int i = 0; i < tokens.length; i++) {
            pairs += successors(i);
        }
        return pairs;
    }

    /** The largest token, or -1 without any. */
    int largestToken() {
        int largest = -1;
        for (int row = 0; row < rows.length / ROW; row++) {
            largest = Math.max(largest, Math.max(token(row), successor(row)));
        }
        return largest;
    }

    /** Where a token stands, for the methods below; negative if nothing is known to follow it. */
    int find(int token) {
        return Arrays.binarySearch(tokens, token);
    }

    /** How many successors a token has. */
    int successors(int place) {
        int last = starts[place + 1] - 1;
        return last - starts[place] + (successor(last) == OTHERS ? 0 : 1);
    }

    /** The successor of a rank, 0 for what followed most often. */
    int successor(int place, int rank) {
        return successor(starts[place] + rank);
    }

    /** The share of a token's successors that are this one; less where little was counted. */
    float share(int place, int rank) {
        // What was seen once or twice was chance as often as not.
        return (times(starts[place] + rank) - 0.5f) / (times[place] + 2f);
    }

    /** Counts. Not thread-safe. */
    public static final class Counter {
        private final Map<Integer, Map<Integer, Integer>> counts = new TreeMap<>();

        /** A token of an answer stands behind another token. */
        public void count(int token, int successor) {
            counts.computeIfAbsent(token, _ -> new HashMap<>()).merge(successor, 1, Integer::sum);
        }

        /** What was counted. */
        public Bigrams result() {
            List<int[]> rows = new ArrayList<>();
            counts.forEach((token, successors) -> {
                List<Map.Entry<Integer, Integer>> sorted = successors.entrySet().stream()
                        .sorted(Map.Entry.<Integer, Integer>comparingByValue()
                                .reversed()
                                .thenComparing(Map.Entry.comparingByKey(Comparator.naturalOrder())))
                        .toList();
                sorted.stream()
                        .limit(RANKS)
                        .forEach(entry -> rows.add(new int[] {token, entry.getKey(), entry.getValue()}));
                int others = sorted.stream()
                        .skip(RANKS)
                        .mapToInt(Map.Entry::getValue)
                        .sum();
                if (others > 0) {
                    rows.add(new int[] {token, OTHERS, others});
                }
            });
            return new Bigrams(rows.stream().flatMapToInt(Arrays::stream).toArray());
        }
    }
}
