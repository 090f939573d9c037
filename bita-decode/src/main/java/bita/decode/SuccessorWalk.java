package bita.decode;

/**
 * Grows a tree by walks through a table of successors: the path that is likeliest now comes next, behind whatever nodes the
 * tree has, those that others have drafted too. Reused from step to step; not thread-safe.
 */
final class SuccessorWalk {
    private static final int NO_KIND = -1;

    private final int most;
    private int[] places = {}; // of a node's token in the table, or negative
    private int[] nextRanks = {}; // of a node: how many of its successors are in the tree
    private boolean[] besides = {}; // whether others have drafted behind a node
    private int[] kinds = {}; // of a node's next successor, or NO_KIND

    /** What follows a token, the likeliest first. */
    interface Table {
        /** Where a token's successors are, for the other methods; negative if none are known. */
        int find(int token);

        /** How many successors there are. */
        int count(int place);

        /** The token of a rank, from 0. */
        int successor(int place, int rank);

        /**
         * What the successor of a rank counts as when its source learns how often it is right.
         *
         * @param beside whether others have drafted behind the same node
         */
        int kind(int place, int rank, boolean beside);
    }

    /** @param most candidates of a tree, those that others have drafted too included */
    SuccessorWalk(int most) {
        this.most = most;
    }

    /**
     * Adds candidates.
     *
     * @param rates  how often successors of each kind are right
     * @param origin of the candidates
     */
    void grow(DraftTree tree, Table table, HitRates rates, DraftOrigin origin) {
        if (places.length < tree.capacity()) {
            places = new int[tree.capacity()];
            nextRanks = new int[tree.capacity()];
            besides = new boolean[tree.capacity()];
            kinds = new int[tree.capacity()];
        }
        int known = 0; // nodes that were looked up
        for (int added = 0; added < most; added++) {
            for (; known < tree.size(); known++) {
                places[known] = table.find(tree.token(known));
                nextRanks[known] = 0;
                besides[known] = tree.firstChild(known) != DraftTree.NONE;
                kinds[known] = nextKind(known, table);
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
            int token = table.successor(places[best], nextRanks[best]++);
            kinds[best] = nextKind(best, table);
            if (tree.add(best, token, bestProbability, origin, kind) == DraftTree.NONE) {
                return;
            }
        }
    }

    private int nextKind(int node, Table table) {
        return places[node] < 0 || nextRanks[node] == table.count(places[node])
                ? NO_KIND
                : table.kind(places[node], nextRanks[node], besides[node]);
    }
}
