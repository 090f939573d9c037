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

    private final SuccessorWalk walk = new SuccessorWalk(MOST);
    private final HitRates rates = new HitRates(RIGHT);
    private final SuccessorWalk.Table table;

    ModelBigrams(Bigrams bigrams) {
        table = new SuccessorWalk.Table() {
            @Override
            public int find(int token) {
                return bigrams.find(token);
            }

            @Override
            public int count(int place) {
                return bigrams.successors(place);
            }

            @Override
            public int successor(int place, int rank) {
                return bigrams.successor(place, rank);
            }

            @Override
            public int kind(int place, int rank, boolean beside) {
                int range = Math.min(RANGES - 1, (int) (-Math.log(bigrams.share(place, rank)) / Math.log(2)));
                return beside ? RANGES + range : range;
            }
        };
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
        walk.grow(tree, table, rates, origin());
    }

    @Override
    public void learn(int kind, boolean right) {
        rates.learn(kind, right);
    }
}
