package bita.decode;

import java.util.Arrays;

/** A growing list of token ids. */
final class TokenSequence {
    private int[] tokens = new int[256];
    private int size;

    int size() {
        return size;
    }

    void add(int token) {
        if (size == tokens.length) {
            tokens = Arrays.copyOf(tokens, Math.multiplyExact(2, size));
        }
        tokens[size++] = token;
    }

    int last() {
        return tokens[size - 1];
    }

    /** The tokens, and whatever behind them: not to be changed, and not to be kept when more are added. */
    int[] array() {
        return tokens;
    }

    /** @throws IllegalArgumentException if there are fewer */
    void truncate(int newSize) {
        if (newSize < 0 || newSize > size) {
            throw new IllegalArgumentException("A sequence of " + size + " tokens cannot be cut to " + newSize + ".");
        }
        size = newSize;
    }

    /** Length of the common prefix with another sequence. */
    int commonPrefix(int[] other) {
        return commonPrefix(tokens, size, other);
    }

    /** Length of the common prefix of an array's first tokens with another one. */
    static int commonPrefix(int[] tokens, int size, int[] other) {
        int mismatch = Arrays.mismatch(tokens, 0, size, other, 0, other.length);
        return mismatch < 0 ? size : mismatch;
    }
}
