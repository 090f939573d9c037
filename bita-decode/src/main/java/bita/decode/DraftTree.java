package bita.decode;

import java.util.Arrays;
import java.util.Objects;

/**
 * The candidate tokens that one forward pass verifies. Node 0 is the root, the token just decided; the path from it to a
 * node is one possible continuation of the text. Nodes are numbered as they are added, parents before children, which
 * is also the order of the rows that verify them. No two children of a node have the same token, whatever the number of
 * draft sources. Reused from step to step; not thread-safe.
 */
public final class DraftTree {
    /** No such node. */
    public static final int NONE = -1;

    private final int[] tokens; // (capacity), and so all below
    private final int[] parents;
    private final int[] depths;
    private final float[] probabilities; // that the whole path up to the node is right
    private final DraftOrigin[] origins;
    private final int[] kinds;
    private final int[] firstChildren;
    private final int[] nextSiblings; // descending probability, then ascending node
    private int size;
    private float least; // probability of a new node

    /**
     * A tree of the root alone.
     *
     * @param capacity most nodes, the root included
     */
    public DraftTree(int capacity, int rootToken) {
        if (capacity < 1) {
            throw new IllegalArgumentException("A draft tree has room for its root at least, not " + capacity + ".");
        }
        tokens = new int[capacity];
        parents = new int[capacity];
        depths = new int[capacity];
        probabilities = new float[capacity];
        origins = new DraftOrigin[capacity];
        kinds = new int[capacity];
        Arrays.fill(origins, DraftOrigin.ROOT);
        firstChildren = new int[capacity];
        nextSiblings = new int[capacity];
        clear(rootToken, 0);
    }

    /**
     * Starts over with a new root.
     *
     * @param leastProbability of new nodes: less likely ones are not worth looking at
     */
    public void clear(int rootToken, float leastProbability) {
        size = 0;
        least = leastProbability;
        append(NONE, rootToken, 1, DraftOrigin.ROOT, 0);
    }

    /**
     * Adds a candidate. If {@code parent} has a child with this token already, that one stays, with the larger of both
     * probabilities and its own origin and kind.
     *
     * @param probability that the whole path up to this node is right, 0 to 1
     * @param kind        that the source counts it as when it learns how often it is right; of a mask, its index
     * @return the node, or {@link #NONE} if it would be a new one and the tree is full, or it is too unlikely
     */
    public int add(int parent, int token, float probability, DraftOrigin origin, int kind) {
        checkNode(parent);
        if (!(probability >= 0 && probability <= 1)) {
            throw new IllegalArgumentException("A probability is from 0 to 1, not " + probability + ".");
        }
        if (origin == DraftOrigin.ROOT) {
            throw new IllegalArgumentException("Only the root is of origin ROOT: start over with clear().");
        }
        int node = child(parent, token);
        if (node == NONE) {
            if (isFull() || probability < least) {
                return NONE;
            }
            node = append(parent, token, probability, origin, kind);
            link(node);
        } else if (probability > probabilities[node]) {
            unlink(node);
            probabilities[node] = probability;
            link(node);
        }
        return node;
    }

    private int append(int parent, int token, float probability, DraftOrigin origin, int kind) {
        int node = size++;
        tokens[node] = token;
        parents[node] = parent;
        depths[node] = parent == NONE ? 0 : depths[parent] + 1;
        probabilities[node] = probability;
        origins[node] = origin;
        kinds[node] = kind;
        firstChildren[node] = NONE;
        nextSiblings[node] = NONE;
        return node;
    }

    private void link(int node) {
        int parent = parents[node];
        int before = NONE;
        int after = firstChildren[parent];
        while (after != NONE && comesBefore(after, node)) {
            before = after;
            after = nextSiblings[after];
        }
        nextSiblings[node] = after;
        setNext(parent, before, node);
    }

    private void unlink(int node) {
        int parent = parents[node];
        int before = NONE;
        for (int child = firstChildren[parent]; child != node; child = nextSiblings[child]) {
            before = child;
        }
        setNext(parent, before, nextSiblings[node]);
    }

    private void setNext(int parent, int before, int next) {
        if (before == NONE) {
            firstChildren[parent] = next;
        } else {
            nextSiblings[before] = next;
        }
    }

    private boolean comesBefore(int node, int other) {
        return probabilities[node] > probabilities[other]
                || (probabilities[node] == probabilities[other] && node < other);
    }

    /** The child of {@code node} with this token, or {@link #NONE}. */
    public int child(int node, int token) {
        int child = firstChild(node);
        while (child != NONE && tokens[child] != token) {
            child = nextSiblings[child];
        }
        return child;
    }

    /** The child most likely right, the lower node on a tie, or {@link #NONE}. */
    public int firstChild(int node) {
        return firstChildren[checkNode(node)];
    }

    /** The sibling that follows in descending probability, then ascending node, or {@link #NONE}. */
    public int nextSibling(int node) {
        return nextSiblings[checkNode(node)];
    }

    /** Nodes from the root to {@code node}, both included. */
    public int[] path(int node) {
        int[] path = new int[depth(node) + 1];
        for (int i = path.length - 1, at = node; i >= 0; i--, at = parents[at]) {
            path[i] = at;
        }
        return path;
    }

    /** Nodes, the root included. */
    public int size() {
        return size;
    }

    public int capacity() {
        return tokens.length;
    }

    public boolean isFull() {
        return size == tokens.length;
    }

    public int token(int node) {
        return tokens[checkNode(node)];
    }

    /** The parent, or {@link #NONE} for the root. */
    public int parent(int node) {
        return parents[checkNode(node)];
    }

    /** Steps from the root. */
    public int depth(int node) {
        return depths[checkNode(node)];
    }

    /** Probability, as the draft sources see it, that the whole path up to the node is right; 1 for the root. */
    public float probability(int node) {
        return probabilities[checkNode(node)];
    }

    public DraftOrigin origin(int node) {
        return origins[checkNode(node)];
    }

    /** What its source counts it as. */
    public int kind(int node) {
        return kinds[checkNode(node)];
    }

    private int checkNode(int node) {
        return Objects.checkIndex(node, size);
    }
}
