package bita.decode;

import java.util.Arrays;

/** As many numbers for each token that has any. Numbers start at 0. Not thread-safe. */
final class TokenTable {
    private final int width;
    private final int[] places; // (vocabulary): of the token's numbers among all, counted in widths from 1; 0 for none
    private int[] numbers = {};
    private int count;

    /**
     * @param width numbers of a token
     */
    TokenTable(int vocabulary, int width) {
        this.width = width;
        places = new int[vocabulary];
    }

    /** Where the token's numbers begin in {@link #numbers}, or -1 if it has none. */
    int find(int token) {
        int place = places[token];
        return place == 0 ? -1 : (place - 1) * width;
    }

    /** The same for a token that is to have some; {@link #numbers} may be another array than before. */
    int findOrAdd(int token) {
        if (places[token] == 0) {
            if ((count + 1) * width > numbers.length) {
                numbers = Arrays.copyOf(numbers, Math.multiplyExact(width, Math.max(64, Math.multiplyExact(2, count))));
            }
            places[token] = ++count;
        }
        return find(token);
    }

    int[] numbers() {
        return numbers;
    }
}
