package bita.decode;

/**
 * How often drafts turn out right, by kinds that their source tells apart: what was seen, on top of what is expected
 * before anything is seen. What was seen long ago counts less.
 */
final class HitRates {
    /** What is expected counts as much as this many drafts. */
    private static final double PRIOR = 6;
    /** After about a hundred drafts of a kind the older ones hardly count. */
    private static final double KEEP = 0.99;

    private final float[] expected;
    private final double[] right; // decayed
    private final double[] seen; // decayed

    /** @param expected share of each kind, 0 to 1; not changed */
    HitRates(float... expected) {
        this.expected = expected.clone();
        right = new double[expected.length];
        seen = new double[expected.length];
    }

    /** The same expectations several times over. */
    static HitRates repeated(int times, float... expected) {
        float[] all = new float[times * expected.length];
        for (int i = 0; i < all.length; i++) {
            all[i] = expected[i % expected.length];
        }
        return new HitRates(all);
    }

    /** The share of right drafts of a kind. */
    float of(int kind) {
        return (float) ((PRIOR * expected[kind] + right[kind]) / (PRIOR + seen[kind]));
    }

    /** A draft of a kind has turned out right or wrong. */
    void learn(int kind, boolean wasRight) {
        seen[kind] = KEEP * seen[kind] + 1;
        right[kind] = KEEP * right[kind] + (wasRight ? 1 : 0);
    }
}
