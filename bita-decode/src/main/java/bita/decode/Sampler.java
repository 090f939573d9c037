package bita.decode;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Draws a token from logits. The draw is a pure function of the bits of the logits, the settings (the seed among them),
 * the index of the choice and the position. A draft is accepted when it equals this draw, so drafting cannot change
 * sampled text.
 *
 * <p>Definition, every operation IEEE and in this order:
 *
 * <ol>
 *   <li><b>Order.</b> Tokens are ordered by descending logit, equal logits by ascending id.
 *   <li><b>Top-k</b> keeps the first k tokens.
 *   <li><b>Weight</b> of a token: f32 {@code exp((logit - largest) * (1 / temperature))}; the most likely has weight 1.
 *   <li><b>Top-p</b> keeps the smallest prefix of the ordered, kept tokens whose mass reaches p times that of all kept
 *       tokens. A token's mass is the integer part of its weight times 2^33, so a sum of masses has no order.
 *   <li><b>Min-p</b> keeps the tokens of weight {@code >= minP}.
 *   <li><b>Draw.</b> The weights of the kept tokens are added up in f64 in the order of their ids; the draw is the first
 *       token at which the running sum exceeds u times the total, u uniform in [0, 1) from {@link CounterRandom}.
 * </ol>
 *
 * <p>A sampler owns scratch memory for one vocabulary and belongs to one thread.
 */
public final class Sampler {
    /** Classes of {@code |scaled logit|} by its exponent and six bits of its mantissa; the last has all above 128. */
    private static final int CLASSES = (Float.floatToRawIntBits(128) >>> 17) + 1;

    /** Leaves sums over 2^20 tokens exact in f64. */
    private static final float MASS_UNITS = 0x1p33f;

    private SamplingSettings settings;
    private float inverseTemperature;
    private final long[] classSizes = new long[CLASSES]; // tokens or mass
    private float[] logits = {}; // (vocab)
    private float[] weights = {}; // (vocab), valid for the kept tokens
    private int[] kept = {}; // (vocab), ids of the kept tokens, ascending
    private long[] keys = {}; // (vocab), see key()

    public Sampler(SamplingSettings settings) {
        this.settings = settings;
        inverseTemperature = inverseTemperature(settings);
    }

    private static float inverseTemperature(SamplingSettings settings) {
        return settings.isGreedy() ? 1 : (float) (1 / settings.temperature());
    }

    /** Draws with other settings from now on, in the same scratch memory. */
    void use(SamplingSettings other) {
        settings = other;
        inverseTemperature = inverseTemperature(other);
    }

    public SamplingSettings settings() {
        return settings;
    }

    /**
     * The token with the largest logit; the lowest id wins a tie.
     *
     * @param logits f32 (vocabulary)
     * @param position of the row the logits come from, for the error message
     * @throws NotANumberException if any logit is NaN
     */
    public static int greedy(MemorySegment logits, int vocabulary, int position) {
        requireVocabulary(vocabulary);
        int best = 0;
        float largest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < vocabulary; i++) {
            float logit = logits.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            if (logit > largest) {
                largest = logit;
                best = i;
            } else if (Float.isNaN(logit)) {
                throw NotANumberException.nan(position);
            }
        }
        return best;
    }

    /**
     * The token of one choice at one position.
     *
     * @param logits f32 (vocabulary); a token that must not be drawn has negative infinity
     * @param position absolute position, from 0, of the row the logits come from
     * @param choice index, from 0, among the answers to one prompt
     * @throws NotANumberException if any logit is NaN, or, unless greedy, if the largest is infinite
     */
    public int sample(MemorySegment logits, int vocabulary, int position, int choice) {
        if (position < 0 || choice < 0) {
            throw new IllegalArgumentException(
                    "Position and choice count from 0, not " + position + " and " + choice + ".");
        }
        if (settings.isGreedy()) {
            return greedy(logits, vocabulary, position);
        }
        requireVocabulary(vocabulary);
        ensureScratch(vocabulary);
        MemorySegment.copy(logits, ValueLayout.JAVA_FLOAT, 0, this.logits, 0, vocabulary);
        float largest = largest(vocabulary, position);

        int count = vocabulary;
        for (int i = 0; i < vocabulary; i++) {
            kept[i] = i;
        }
        if (settings.topK() > 0 && settings.topK() < count) {
            count = prefix(count, largest, false, settings.topK());
        }
        count = weigh(count, largest);
        if (settings.topP() < 1) {
            count = prefix(count, largest, true, settings.topP() * totalMass(count));
        }
        if (settings.minP() > 0) {
            count = minP(count);
        }
        return draw(count, CounterRandom.uniform(settings.seed(), choice, position));
    }

    private static void requireVocabulary(int vocabulary) {
        if (vocabulary < 1) {
            throw new IllegalArgumentException("A vocabulary has at least one token, not " + vocabulary + ".");
        }
    }

    private void ensureScratch(int vocabulary) {
        if (logits.length < vocabulary) {
            logits = new float[vocabulary];
            weights = new float[vocabulary];
            kept = new int[vocabulary];
            keys = new long[vocabulary];
        }
    }

    private float largest(int vocabulary, int position) {
        float largest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < vocabulary; i++) {
            largest = Math.max(largest, logits[i]); // hands a NaN on
        }
        if (Float.isNaN(largest)) {
            throw NotANumberException.nan(position);
        }
        if (Float.isInfinite(largest)) {
            throw NotANumberException.infinite(position);
        }
        return largest;
    }

    /** Sets the weights of the kept tokens and drops those of weight 0, which add nothing to any sum. */
    private int weigh(int count, float largest) {
        int remaining = 0;
        for (int j = 0; j < count; j++) {
            int token = kept[j];
            float weight = exp(scaled(token, largest));
            if (weight > 0) {
                weights[token] = weight;
                kept[remaining++] = token;
            }
        }
        return remaining;
    }

    /**
     * Keeps the smallest prefix, in the token order, that has {@code enough} mass or tokens. Sorting a vocabulary would
     * cost more than everything else, so tokens are first counted in classes of similar logits, and only the class in
     * which the prefix ends is sorted.
     */
    private int prefix(int count, float largest, boolean byMass, double enough) {
        Arrays.fill(classSizes, 0);
        for (int j = 0; j < count; j++) {
            int token = kept[j];
            classSizes[classOf(scaled(token, largest))] += byMass ? mass(token) : 1;
        }
        int lastClass = 0;
        long size = 0;
        while (size + classSizes[lastClass] < enough) {
            size += classSizes[lastClass++];
        }
        int candidates = 0;
        for (int j = 0; j < count; j++) {
            int token = kept[j];
            if (classOf(scaled(token, largest)) == lastClass) {
                keys[candidates++] = key(logits[token], token);
            }
        }
        Arrays.sort(keys, 0, candidates);
        int taken = 0;
        while (size < enough) {
            size += byMass ? mass(token(keys[taken])) : 1;
            taken++;
        }
        long last = keys[taken - 1];
        int remaining = 0;
        for (int j = 0; j < count; j++) {
            int token = kept[j];
            if (key(logits[token], token) <= last) {
                kept[remaining++] = token;
            }
        }
        return remaining;
    }

    private long totalMass(int count) {
        long total = 0;
        for (int j = 0; j < count; j++) {
            total += mass(kept[j]);
        }
        return total;
    }

    private long mass(int token) {
        return (long) (weights[token] * MASS_UNITS);
    }

    private int minP(int count) {
        int remaining = 0;
        for (int j = 0; j < count; j++) {
            if (weights[kept[j]] >= settings.minP()) {
                kept[remaining++] = kept[j];
            }
        }
        return remaining;
    }

    private int draw(int count, double uniform) {
        double target = uniform * sum(count);
        double sum = 0;
        for (int j = 0; j < count; j++) {
            sum += weights[kept[j]];
            if (sum > target) {
                return kept[j];
            }
        }
        // uniform <= 1 - 2^-53, so its product with the same sum, rounded, is below that sum.
        throw new AssertionError("no token at " + target + " of " + sum);
    }

    private double sum(int count) {
        double sum = 0;
        for (int j = 0; j < count; j++) {
            sum += weights[kept[j]];
        }
        return sum;
    }

    /** The exponent of a token's weight: 0 for the most likely, else negative; monotone in the logit. */
    private float scaled(int token, float largest) {
        return (logits[token] - largest) * inverseTemperature;
    }

    private static float exp(float x) {
        return bita.kernels.ScalarMath.exp(x);
    }

    private static int classOf(float scaled) {
        return Math.min(Float.floatToRawIntBits(Math.abs(scaled)) >>> 17, CLASSES - 1);
    }

    /** A number that sorts like the token order: descending logit, then ascending id. */
    private static long key(float logit, int token) {
        int bits = Float.floatToRawIntBits(logit + 0f); // -0 becomes 0
        int ascending = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
        return ((long) ~ascending << 32) | token;
    }

    private static int token(long key) {
        return (int) key;
    }
}
