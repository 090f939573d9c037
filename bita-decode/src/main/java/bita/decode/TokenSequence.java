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
            tokens = Arrays.copyOf(tokens, 2 * size);
        }
        tokens[size++] = token;
    }

    int last() {
        return tokens[size - 1];
    }

    void truncate(int newSize) {
        size = newSize;
    }

    /** Length of the common prefix with another sequence. */
    int commonPrefix(int[] other) {
        int mismatch = Arrays.mismatch(tokens, 0, size, other, 0, other.length);
        return mismatch < 0 ? size : mismatch;
    }
}
