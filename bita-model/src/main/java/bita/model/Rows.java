package bita.model;

import java.util.Arrays;

/**
 * The rows of one sequence in one forward pass. Each row continues another row, its parent, or the cache; it sees the
 * cache, its ancestors and itself. Rows are tokens or learned mask tokens; parents come before children. Reusable.
 */
public final class Rows {
    /** The parent of a row that directly continues the cache. */
    public static final int CACHE_END = -1;

    private int size;
    private int[] inputs = new int[64]; // token, or -1 - mask
    private int[] parents = new int[64];
    private int[] depths = new int[64];

    /** Removes all rows. */
    public void clear() {
        size = 0;
    }

    public int size() {
        return size;
    }

    /**
     * Adds a token.
     *
     * @param parent an earlier row or {@link #CACHE_END}
     * @return the row's index
     */
    public int addToken(int token, int parent) {
        if (token < 0) {
            throw new IllegalArgumentException("token " + token + " is negative");
        }
        return add(token, parent);
    }

    /**
     * Adds a mask token of the engine's adapter.
     *
     * @param mask   index of the mask, from 0
     * @param parent the row it stands behind: the anchor, or the mask before it
     * @return the row's index
     */
    public int addMask(int mask, int parent) {
        if (mask < 0) {
            throw new IllegalArgumentException("mask " + mask + " is negative");
        }
        return add(-1 - mask, parent);
    }

    private int add(int input, int parent) {
        if (parent < CACHE_END || parent >= size) {
            throw new IllegalArgumentException("row " + size + " cannot have the parent " + parent);
        }
        if (size == inputs.length) {
            inputs = Arrays.copyOf(inputs, 2 * size);
            parents = Arrays.copyOf(parents, 2 * size);
            depths = Arrays.copyOf(depths, 2 * size);
        }
        inputs[size] = input;
        parents[size] = parent;
        depths[size] = parent == CACHE_END ? 0 : depths[parent] + 1;
        return size++;
    }

    public boolean isMask(int row) {
        return inputs[row] < 0;
    }

    /** The token of an ordinary row. */
    public int token(int row) {
        return inputs[row];
    }

    /** The mask index of a mask row. */
    public int mask(int row) {
        return -1 - inputs[row];
    }

    public int parent(int row) {
        return parents[row];
    }

    /** Rows between this one and the cache; a row's position is the cache's length plus its depth. */
    public int depth(int row) {
        return depths[row];
    }
}
