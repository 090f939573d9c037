package bita.model.tokenizer;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The merges of a SentencePiece vocabulary, which has scores instead: each way to make a token of two others, ordered as
 * Hugging Face's converters do it, by the token's score, then the longer left part, then the token's number.
 */
final class ScoredMerges {
    /** Longer tokens are refused: SentencePiece makes none of more than 16 characters unless told to. */
    static final int MAX_CHARACTERS = 256;

    private static final int LENGTH_BITS = 9;
    private static final int ID_BITS = 32;

    private final List<String> tokens;
    private final Map<String, Integer> ids;
    private int[] pairs;
    private int count;

    private ScoredMerges(List<String> tokens, BitSet text) {
        this.tokens = tokens;
        ids = HashMap.newHashMap(tokens.size());
        text.stream().forEach(id -> ids.putIfAbsent(tokens.get(id), id));
        pairs = new int[4 * tokens.size()];
    }

    /**
     * The merges.
     *
     * @param text   tokens that come about by merging, or are a single character; none longer than
     *     {@link #MAX_CHARACTERS}
     * @param scores (vocabulary) finite, the higher the earlier
     */
    static Merges.Numbered of(List<String> tokens, BitSet text, float[] scores) {
        ScoredMerges merges = new ScoredMerges(tokens, text);
        long[] order = text.stream()
                .mapToLong(id -> (long) descending(scores[id]) << ID_BITS | id)
                .sorted()
                .toArray();
        int from = 0;
        while (from < order.length) {
            int to = from + 1;
            while (to < order.length && order[to] >> ID_BITS == order[from] >> ID_BITS) {
                to++;
            }
            if (to == from + 1) {
                merges.addAll((int) order[from]);
            } else {
                merges.addAll(Arrays.stream(order, from, to)
                        .mapToInt(key -> (int) key)
                        .toArray());
            }
            from = to;
        }
        return new Merges.Numbered(tokens, Arrays.copyOf(merges.pairs, 2 * merges.count));
    }

    /** A number that is the smaller the higher the score. */
    private static int descending(float score) {
        int bits = Float.floatToIntBits(score + 0f); // -0 is 0
        return bits >= 0 ? ~bits : bits ^ Integer.MIN_VALUE;
    }

    /** All ways to make a token, the longest left part first. */
    private void addAll(int id) {
        String token = tokens.get(id);
        for (int at = token.length() - 1; at > 0; at--) {
            if (!Character.isLowSurrogate(token.charAt(at))) {
                add(token, at);
            }
        }
    }

    /** All ways to make tokens of the same score. */
    private void addAll(int[] same) {
        long[] keys = new long[same.length];
        int found = 0;
        for (int id : same) {
            String token = tokens.get(id);
            int characters = token.codePointCount(0, token.length());
            for (int left = characters - 1; left > 0; left--) {
                if (found == keys.length) {
                    keys = Arrays.copyOf(keys, 2 * found);
                }
                long longestFirst =
                        (long) (MAX_CHARACTERS - left) << LENGTH_BITS | (MAX_CHARACTERS - characters + left);
                keys[found++] = longestFirst << ID_BITS | id;
            }
        }
        Arrays.sort(keys, 0, found);
        for (int i = 0; i < found; i++) {
            String token = tokens.get((int) keys[i]);
            int left = MAX_CHARACTERS - (int) (keys[i] >> (ID_BITS + LENGTH_BITS));
            add(token, token.offsetByCodePoints(0, left));
        }
    }

    private void add(String token, int at) {
        Integer left = ids.get(token.substring(0, at));
        if (left == null) {
            return;
        }
        Integer right = ids.get(token.substring(at));
        if (right == null) {
            return;
        }
        if (2 * count == pairs.length) {
            pairs = Arrays.copyOf(pairs, 2 * pairs.length);
        }
        pairs[2 * count] = left;
        pairs[2 * count + 1] = right;
        count++;
    }
}
