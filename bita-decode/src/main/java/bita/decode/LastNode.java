package bita.decode;

/**
 * Which node of a draft tree will turn out last, the deepest that is right. Mask groups behind it make the next draft,
 * so they go behind the likeliest last nodes.
 */
public final class LastNode {
    private LastNode() {}

    /**
     * The nodes, the root included, in descending probability of turning out last: the node's own probability less
     * those of its children, at least 0. The lower node wins a tie.
     *
     * @return the first {@code count} of them, fewer if the tree has fewer
     */
    public static int[] likeliestLast(DraftTree tree, int count) {
        if (count < 0) {
            throw new IllegalArgumentException("The number of nodes cannot be " + count + ".");
        }
        double[] last = new double[tree.size()];
        for (int node = 0; node < last.length; node++) {
            last[node] = tree.probability(node);
            if (node > 0) {
                last[tree.parent(node)] -= tree.probability(node);
            }
        }
        int[] order = new int[Math.min(count, last.length)];
        int found = 0;
        // Insertion into a short list: trees are small, and of them few nodes are asked for.
        for (int node = 0; node < last.length; node++) {
            last[node] = Math.max(0, last[node]);
            int at = found;
            while (at > 0 && last[order[at - 1]] < last[node]) {
                at--;
            }
            if (at < order.length) {
                found = Math.min(found + 1, order.length);
                System.arraycopy(order, at, order, at + 1, found - at - 1);
                order[at] = node;
            }
        }
        return order;
    }
}
