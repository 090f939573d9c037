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

    private final int nodes;
    private final int ranks; // fewer than RANKS only in a vocabulary that has fewer
    private final HitRates rates = new HitRates(RIGHT); // by rank
    private final TokenTable successors; // the likeliest first
    private int[] offsets = {}; // of a node's successors, or -1
    private int[] nextRanks = {}; // of a node: how many of its successors are in the tree
    private int[] top = {};

    /**
     * @param nodes most candidates of a tree, those that others have drafted too included
     */
    TokenRecycling(int vocabulary, int nodes) {
        this.nodes = nodes;
        ranks = ranks(vocabulary);
        successors = new TokenTable(vocabulary, ranks);
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
        if (offsets.length < tree.capacity()) {
            offsets = new int[tree.capacity()];
            nextRanks = new int[tree.capacity()];
        }
        int known = 0; // nodes whose successors are looked up
        for (int added = 0; added < nodes; added++) {
            for (; known < tree.size(); known++) {
                offsets[known] = successors.find(tree.token(known));
                nextRanks[known] = 0;
            }
            int best = DraftTree.NONE;
            float bestProbability = 0;
            for (int node = 0; node < known; node++) {
                if (offsets[node] >= 0 && nextRanks[node] < ranks) {
                    float probability = tree.probability(node) * rates.of(nextRanks[node]);
                    if (probability > bestProbability) {
                        best = node;
                        bestProbability = probability;
                    }
                }
            }
            if (best == DraftTree.NONE) {
                return;
            }
            int rank = nextRanks[best]++;
            int token = successors.numbers()[offsets[best] + rank];
            if (tree.add(best, token, bestProbability, origin(), rank) == DraftTree.NONE) {
                return;
            }
        }
    }

    @Override
    public void learn(int kind, boolean right) {
        rates.learn(kind, right);
    }
}
