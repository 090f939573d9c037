package bita.decode;

import java.util.Arrays;

/**
 * Drafts what the model last thought likely behind each token (Token Recycling, Luo et al. 2024, arXiv 2408.08696).
 * Every verified row, right or wrong, leaves its {@value #RANKS} likeliest next tokens with the token it stands for; a
 * draft is a walk through that table. As in the paper, prompts leave nothing but what follows their last token, a token
 * that stands in several rows of a pass keeps the last one's, and the table outlives the sequence: what a session has
 * learned from one prompt drafts for the next.
 *
 * <p>The paper's tree is static, 80 nodes to be verified on a GPU. Where rows cost time the tree must be small, and this
 * one holds the paths likeliest by their ranks. It continues whatever others have drafted, not the root alone. Rows whose
 * logits are not finite teach nothing. Not thread-safe.
 */
final class TokenRecycling implements DraftSource {
    /** Successors that a token keeps, as in the paper. */
    static final int RANKS = 8;

    /**
     * How often a successor is right, by its rank, where the token before it is. Starting values, after the shape of the
     * paper's tree. Those that were drafted and verified had half of it; but what starts there drafts too little.
     */
    private static final float[] RIGHT = {0.4f, 0.12f, 0.06f, 0.04f, 0.03f, 0.02f, 0.015f, 0.01f};

    private final SuccessorWalk walk;
    private final int ranks; // fewer than RANKS only in a vocabulary that has fewer
    private final HitRates rates = new HitRates(RIGHT); // by rank
    private final TokenTable successors; // the likeliest first
    private final SuccessorWalk.Table table;
    private int[] top = {};

    /**
     * @param nodes most candidates of a tree, those that others have drafted too included
     */
    TokenRecycling(int vocabulary, int nodes) {
        walk = new SuccessorWalk(nodes);
        ranks = ranks(vocabulary);
        successors = new TokenTable(vocabulary, ranks);
        table = new SuccessorWalk.Table() {
            @Override
            public int find(int token) {
                return successors.find(token);
            }

            @Override
            public int count(int place) {
                return ranks;
            }

            @Override
            public int successor(int place, int rank) {
                return successors.numbers()[place + rank];
            }

            @Override
            public int kind(int place, int rank, boolean beside) {
                return rank;
            }
        };
    }

    /** Successors that a token of a vocabulary keeps. */
    static int ranks(int vocabulary) {
        return Math.min(RANKS, vocabulary);
    }

    @Override
    public DraftOrigin origin() {
        return DraftOrigin.RECYCLING;
    }

    @Override
    public boolean continuesOthers() {
        return true;
    }

    /** Learns from logits alone. */
    @Override
    public void append(int token) {}

    /** Forgets nothing. */
    @Override
    public void truncate(int newSize) {}

    /** What the model last thought to follow a token, the likeliest first; empty if it was never asked. */
    int[] successors(int token) {
        int offset = successors.find(token);
        return offset < 0 ? new int[0] : Arrays.copyOfRange(successors.numbers(), offset, offset + ranks);
    }

    @Override
    public void observe(DraftTree tree, RowLogits logits, int firstRead) {
        int rows = tree.size();
        if (top.length < rows * ranks) {
            top = new int[rows * ranks];
        }
        logits.top(rows, top);
        for (int node = 0; node < rows; node++) {
            if (top[node * ranks] >= 0) {
                int offset = successors.findOrAdd(tree.token(node));
                System.arraycopy(top, node * ranks, successors.numbers(), offset, ranks);
            }
        }
    }

    @Override
    public void grow(DraftTree tree) {
        walk.grow(tree, table, rates, origin());
    }

    @Override
    public void learn(int kind, boolean right) {
        rates.learn(kind, right);
    }
}
