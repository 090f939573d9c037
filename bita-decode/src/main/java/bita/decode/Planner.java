package bita.decode;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Decides which rows of a step pay. It watches what steps cost and what drafts turn out right, and asks of every row that
 * it brings more tokens than its time is worth at the present speed. On a machine where rows are cheap trees grow to
 * their limit; where nothing pays, decoding is plain but for a rare attempt.
 *
 * <p>What it learns changes how fast a session is, never what it says. One per session; not thread-safe.
 */
final class Planner {
    /** Most rows of a planned step. */
    static final int MOST_ROWS = 16;

    /** What is older than about fifty steps hardly counts. */
    private static final double KEEP = 0.98;
    /** Cost of a row as a share of a step of one row, before anything is measured. */
    private static final double FIRST_ROW_COST = 0.1;
    /** How many rows squared of spread it takes until measured costs outweigh that. */
    private static final double SPREAD = 0.5;
    /** A step this much longer than the average was interrupted. */
    private static final double INTERRUPTED = 4;
    /** Drafts after which what was seen counts as much as what a source claims. */
    private static final double TRUST = 2;
    /** Tokens that the first mask of a group brings the next step, before anything is seen; a deeper one this share. */
    private static final double FIRST_GAIN = 0.4;

    private static final double DEEPER = 0.4;
    private static final double LEARN = 0.05;
    private static final double FORGET = 0.005;

    private double steps; // decayed sums, and so those below
    private double tokens;
    private double time;
    private double rows;
    private double rowsSquared;
    private double rowsTime;

    private final Map<DraftOrigin, TrackRecord> records = new EnumMap<>(DraftOrigin.class);
    private final double[] gains; // tokens that mask i brings, less what its nodes cost

    /**
     * @param masks mask tokens of a group
     */
    Planner(int masks) {
        gains = new double[masks];
        for (int mask = 0; mask < masks; mask++) {
            gains[mask] = firstGain(mask);
        }
    }

    private static double firstGain(int mask) {
        return FIRST_GAIN * Math.pow(DEEPER, mask);
    }

    /** Tokens that a row must bring to be worth its time. */
    double rowPrice() {
        if (steps == 0) {
            return FIRST_ROW_COST;
        }
        double meanRows = rows / steps;
        double meanTime = time / steps;
        double variance = Math.max(0, rowsSquared / steps - meanRows * meanRows);
        double covariance = rowsTime / steps - meanRows * meanTime;
        double expected = FIRST_ROW_COST * meanTime / (1 + FIRST_ROW_COST * (meanRows - 1));
        double rowTime = (covariance + SPREAD * expected) / (variance + SPREAD);
        return Math.clamp(rowTime, expected / 10, meanTime / meanRows) * tokens / time;
    }

    /** The probability of a node as the source claims it, corrected by how often the source was right. */
    double corrected(DraftOrigin origin, float probability) {
        TrackRecord source = record(origin);
        return Math.min(1, probability * (source.right + TRUST) / (source.claimed + TRUST));
    }

    /**
     * How many masks pay behind a node.
     *
     * @param last probability that the node turns out last
     * @return 0 if none do
     */
    int masksWorth(double last) {
        double price = rowPrice();
        double best = 0;
        double sum = 0;
        int count = 0;
        for (int mask = 0; mask < gains.length; mask++) {
            sum += last * gains[mask] - price;
            if (sum > best) {
                best = sum;
                count = mask + 1;
            }
        }
        return count;
    }

    /** Whether a group of {@code masks} pays behind a node. */
    boolean groupPays(double last, int masks) {
        return last * Arrays.stream(gains, 0, masks).sum() > rowPrice() * masks;
    }

    /**
     * Takes in how a step went.
     *
     * @param drafts whose root is the token before {@code decided}
     * @param masks  depth to which masks could draft, 0 if there was no group to draft from
     * @param rows   rows of the step
     * @param nanos  what it took
     */
    void learn(DraftTree drafts, List<Step.Token> decided, int masks, int rows, long nanos) {
        double[] used = new double[gains.length];
        for (int node = 1; node < drafts.size(); node++) {
            if (drafts.depth(node) == 1) {
                record(drafts.origin(node)).claimed += drafts.probability(node);
            }
            if (drafts.origin(node) == DraftOrigin.MASK && drafts.depth(node) <= masks) {
                used[drafts.depth(node) - 1]++;
            }
        }
        double price = rowPrice();
        for (int mask = 0; mask < gains.length; mask++) {
            int depth = mask + 1;
            if (mask < masks) {
                boolean brought = decided.stream()
                        .anyMatch(token -> token.origin() == DraftOrigin.MASK && token.depth() == depth);
                gains[mask] += LEARN * ((brought ? 1 : 0) - price * used[mask] - gains[mask]);
            } else {
                gains[mask] += FORGET * (firstGain(mask) - gains[mask]);
            }
        }
        Step.Token first = decided.getFirst();
        if (first.depth() == 1) {
            record(first.origin()).right++;
        }
        for (TrackRecord record : records.values()) {
            record.claimed *= KEEP;
            record.right *= KEEP;
        }
        add(decided.size(), rows, nanos / 1e6);
    }

    private TrackRecord record(DraftOrigin origin) {
        return records.computeIfAbsent(origin, _ -> new TrackRecord());
    }

    private void add(int decided, int stepRows, double milliseconds) {
        double taken = steps < 1 ? milliseconds : Math.min(milliseconds, INTERRUPTED * time / steps);
        steps = KEEP * steps + 1;
        tokens = KEEP * tokens + decided;
        time = KEEP * time + taken;
        rows = KEEP * rows + stepRows;
        rowsSquared = KEEP * rowsSquared + (double) stepRows * stepRows;
        rowsTime = KEEP * rowsTime + stepRows * taken;
    }

    /** How good a source's nodes behind the root were: decayed sums. */
    private static final class TrackRecord {
        private double claimed; // their probabilities, as the source sees them
        private double right;
    }
}
