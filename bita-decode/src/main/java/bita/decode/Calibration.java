package bita.decode;

import java.io.Serializable;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * How often what the masks of an adapter propose is right: counted on answers that it was not tuned on, by mask and rank,
 * and by mask and the probability that the mask itself gives the candidate. A mask speaks of a token behind tokens that
 * it does not know; counted are the places where each token before was among the candidates of the masks before, for
 * only there a tree can reach the candidate. Immutable.
 */
public final class Calibration implements Serializable {
    private static final long serialVersionUID = 1;

    /** Candidates of a mask that are counted. */
    public static final int RANKS = 10;

    /** Ranges of probability, each from p down to p / sqrt(2), the first from 1; the last goes down to 0. */
    private static final int RANGES = 24;

    private static final double RANGES_PER_OCTAVE = 2;

    /** Candidates after which what was counted outweighs what the mask claims. */
    private static final double TRUST = 4;

    private static final String BY_RANK = "by_rank";
    private static final String BY_PROBABILITY = "by_probability";
    private static final JsonMapper JSON = new JsonMapper();
    private static final Calibration NONE = new Calibration(new long[0][0][0], new long[0][0][0]);

    private final long[][][] byRank; // (masks, RANKS, 2): candidates, and the right ones among them
    private final long[][][] byProbability; // (masks, RANGES, 2)
    private final double[][] right; // (masks, RANGES): share of right candidates, smoothed, not ascending

    private Calibration(long[][][] byRank, long[][][] byProbability) {
        this.byRank = byRank;
        this.byProbability = byProbability;
        right = Arrays.stream(byProbability).map(Calibration::shares).toArray(double[][]::new);
    }

    /** Nothing is known: masks are believed. */
    public static Calibration none() {
        return NONE;
    }

    /** Masks that were counted; 0 if nothing is known. */
    public int masks() {
        return byRank.length;
    }

    /** Candidates of a rank, from 0, that were counted under a mask. */
    public long candidates(int mask, int rank) {
        return byRank[mask][rank][0];
    }

    /** The right ones among {@link #candidates}. */
    public long right(int mask, int rank) {
        return byRank[mask][rank][1];
    }

    /**
     * The probability that a candidate is right where the tokens before it are.
     *
     * @param claimed by the mask, 0 to 1
     * @return the same if nothing is known of the mask; never falls where {@code claimed} rises
     */
    float probability(int mask, float claimed) {
        if (mask >= right.length) {
            return claimed;
        }
        double[] shares = right[mask];
        double at = -RANGES_PER_OCTAVE * log2(claimed) - 0.5; // whole in the middle of a range
        if (at <= 0) {
            return (float) shares[0];
        }
        if (at >= RANGES - 1) {
            return (float) shares[RANGES - 1];
        }
        int range = (int) at;
        return (float) (shares[range] + (at - range) * (shares[range + 1] - shares[range]));
    }

    private static double log2(double x) {
        return Math.log(x) / Math.log(2);
    }

    private static int range(float probability) {
        return (int) Math.clamp(-RANGES_PER_OCTAVE * log2(probability), 0, RANGES - 1);
    }

    /** Shares of right candidates; neighbours that would ascend are pooled (isotonic regression). */
    private static double[] shares(long[][] counts) {
        double[] candidates = new double[RANGES];
        double[] hits = new double[RANGES];
        int[] lengths = new int[RANGES];
        int pools = 0;
        for (int range = 0; range < RANGES; range++) {
            double claimed = Math.pow(2, -(range + 0.5) / RANGES_PER_OCTAVE);
            candidates[pools] = counts[range][0] + TRUST;
            hits[pools] = counts[range][1] + TRUST * claimed;
            lengths[pools] = 1;
            while (pools > 0 && hits[pools] / candidates[pools] > hits[pools - 1] / candidates[pools - 1]) {
                candidates[pools - 1] += candidates[pools];
                hits[pools - 1] += hits[pools];
                lengths[pools - 1] += lengths[pools];
                pools--;
            }
            pools++;
        }
        double[] shares = new double[RANGES];
        for (int pool = 0, range = 0; pool < pools; pool++) {
            Arrays.fill(shares, range, range + lengths[pool], hits[pool] / candidates[pool]);
            range += lengths[pool];
        }
        return shares;
    }

    /** Counts candidates. Not thread-safe. */
    public static final class Counter {
        private final long[][][] byRank;
        private final long[][][] byProbability;

        /** @param masks of a group */
        public Counter(int masks) {
            byRank = new long[masks][RANKS][2];
            byProbability = new long[masks][RANGES][2];
        }

        /**
         * Counts the candidates of a group, whose probabilities are the masks' own.
         *
         * @param truth the tokens that followed the one behind the anchor; fewer than there are masks at a text's end
         */
        public void count(MaskCandidates group, int[] truth) {
            boolean reachable = true;
            for (int mask = 0; mask < Math.min(group.masks(), truth.length) && reachable; mask++) {
                reachable = false;
                for (int rank = 0; rank < Math.min(group.count(mask), RANKS); rank++) {
                    boolean hit = group.token(mask, rank) == truth[mask];
                    add(byRank[mask][rank], hit);
                    add(byProbability[mask][range(group.probability(mask, rank))], hit);
                    reachable |= hit;
                }
            }
        }

        private static void add(long[] counts, boolean hit) {
            counts[0]++;
            counts[1] += hit ? 1 : 0;
        }

        /** What was counted. */
        public Calibration result() {
            return new Calibration(copy(byRank), copy(byProbability));
        }

        private static long[][][] copy(long[][][] counts) {
            return Arrays.stream(counts)
                    .map(mask -> Arrays.stream(mask).map(long[]::clone).toArray(long[][]::new))
                    .toArray(long[][][]::new);
        }
    }

    /** As {@link #parse} reads it. */
    String json() {
        Map<String, Object> object = new LinkedHashMap<>();
        if (masks() > 0) {
            object.put(BY_RANK, byRank);
            object.put(BY_PROBABILITY, byProbability);
        }
        return JSON.writeValueAsString(object);
    }

    /**
     * Reads what an adapter says of its masks.
     *
     * @param masks that the adapter has
     * @throws IllegalArgumentException if it says something else
     */
    static Calibration parse(String json, int masks) {
        JsonNode object;
        try {
            object = JSON.readTree(json);
        } catch (JacksonException e) {
            throw new IllegalArgumentException("it is not JSON", e);
        }
        if (!object.isObject()) {
            throw new IllegalArgumentException("it is no JSON object");
        }
        return object.isEmpty()
                ? NONE
                : new Calibration(counts(object, BY_RANK, masks, RANKS), counts(object, BY_PROBABILITY, masks, RANGES));
    }

    private static long[][][] counts(JsonNode object, String key, int masks, int width) {
        String problem = key + " must be an array of " + masks + " times " + width
                + " pairs of numbers: candidates, and no more right ones";
        JsonNode all = array(object.path(key), masks, problem);
        long[][][] counts = new long[masks][width][2];
        for (int mask = 0; mask < masks; mask++) {
            JsonNode row = array(all.path(mask), width, problem);
            for (int i = 0; i < width; i++) {
                JsonNode pair = array(row.path(i), 2, problem);
                long candidates = count(pair.path(0), problem);
                long right = count(pair.path(1), problem);
                if (right > candidates) {
                    throw new IllegalArgumentException(problem);
                }
                counts[mask][i] = new long[] {candidates, right};
            }
        }
        return counts;
    }

    private static JsonNode array(JsonNode node, int length, String problem) {
        if (!node.isArray() || node.size() != length) {
            throw new IllegalArgumentException(problem);
        }
        return node;
    }

    private static long count(JsonNode node, String problem) {
        if (!node.isIntegralNumber() || !node.canConvertToLong() || node.longValue() < 0) {
            throw new IllegalArgumentException(problem);
        }
        return node.longValue();
    }
}
