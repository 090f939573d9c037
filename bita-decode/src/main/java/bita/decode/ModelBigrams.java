package bita.decode;

/**
 * Drafts what the model most often says behind a token ({@link Bigrams} of its own answers, as the model-derived n-grams of
 * N-Grammys, Stewart et al. 2024, PMLR 262). It knows something where all others are still empty: at the beginning
 * of a text, and behind words that are new in it. Like {@link TokenRecycling} it continues whatever others have drafted.
 *
 * <p>How likely a successor is depends on its share of what was counted, and on whether others have drafted behind the same
 * token: they know the text, and what they have not thought of is seldom right. Not thread-safe.
 */
final class ModelBigrams implements DraftSource {
    /** Most candidates of a tree, those that others have drafted too included. */
    static final int MOST = 16;

    /**
     * How often a successor is right by its share, from 1 down to a half, a quarter, and so on; then the same where others
     * have drafted. Starting values, counted on answers to other questions than those the table is from.
     */
    private static final float[] RIGHT = {
        0.45f, 0.22f, 0.11f, 0.06f, 0.035f, 0.02f, 0.15f, 0.15f, 0.08f, 0.04f, 0.025f, 0.01f
    };

    private static final int RANGES = RIGHT.length / 2;
    private static final int NO_KIND = -1;

    private final Bigrams bigrams;
    private final HitRates rates = new HitRates(RIGHT);
    private int[] places = {}; // of a node's token among the bigrams, or negative
    private int[] nextRanks = {}; // of a node: how many of its successors are in the tree
    private boolean[] besides = {}; // whether others have drafted behind a node
    private int[] kinds = {}; // of a node's next successor, or NO_KIND

    ModelBigrams(Bigrams bigrams) {
        this.bigrams = bigrams;
    }

    @Override
    public DraftOrigin origin() {
        return DraftOrigin.BIGRAM;
    }

    @Override
    public boolean continuesOthers() {
        return true;
    }

    /** The text teaches nothing. */
    @Override
    public void append(int token) {}

    /** Forgets nothing. */
    @Override
    public void truncate(int newSize) {}

    @Override
    public void grow(DraftTree tree) {
        if (places.length < tree.capacity()) {
            places = new int[tree.capacity()];
            nextRanks = new int[tree.capacity()];
            besides = new boolean[tree.capacity()];
            kinds = new int[tree.capacity()];
        }
        int known = 0; // nodes that were looked up
        for (int added = 0; added < MOST; added++) {
            for (; known < tree.size(); known++) {
                places[known] = bigrams.find(tree.token(known));
                nextRanks[known] = 0;
                besides[known] = tree.firstChild(known) != DraftTree.NONE;
                kinds[known] = kind(known);
            }
            int best = DraftTree.NONE;
            float bestProbability = 0;
            for (int node = 0; node < known; node++) {
                if (kinds[node] != NO_KIND) {
                    float probability = tree.probability(node) * rates.of(kinds[node]);
                    if (probability > bestProbability) {
                        best = node;
                        bestProbability = probability;
                    }
                }
            }
            if (best == DraftTree.NONE) {
                return;
            }
            int kind = kinds[best];
            int token = bigrams.successor(places[best], nextRanks[best]++);
            kinds[best] = kind(best);
            if (tree.add(best, token, bestProbability, origin(), kind) == DraftTree.NONE) {
                return;
            }
        }
    }

    private int kind(int node) {
        if (places[node] < 0 || nextRanks[node] == bigrams.successors(places[node])) {
            return NO_KIND;
        }
        float share = bigrams.share(places[node], nextRanks[node]);
        int range = Math.min(RANGES - 1, (int) (-Math.log(share) / Math.log(2)));
        return besides[node] ? RANGES + range : range;
    }

    @Override
    public void learn(int kind, boolean right) {
        rates.learn(kind, right);
    }
}
