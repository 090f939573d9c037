package bita.model.tokenizer;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * The merges of a SentencePiece vocabulary, which has scores instead: each way to make a token of two others, ordered as
 * Hugging Face's converters do it, by the token's score, then the longer left part, then the token's number.
 *
 * <p>Of the ways to make one token only one ever comes about: two neighbours are what merging makes of their text alone,
 * whatever stands around it, and so is the last merge of that text. The others are left out, which halves the list.
 */
final class ScoredMerges {
    /** Longer tokens are refused: SentencePiece makes none of more than 16 characters unless told to. */
    static final int MAX_CHARACTERS = 256;

    /** Tokens whose one way is looked for: the time is quadratic in the length, and few are longer. */
    private static final int MAX_TRIED = 32;

    private static final int LENGTH_BITS = 9;
    private static final int ID_BITS = 32;

    private final List<String> tokens;
    private final TextTable table;
    private final long[] hashes = new long[MAX_CHARACTERS + 1];
    private final int[] symbols = new int[MAX_TRIED]; // of the text that is merged
    private final int[] ranks = new int[MAX_TRIED]; // of its symbols with the next ones
    private int[] pairs; // (merges, 2)
    private int[] made; // (merges), tokens
    private int count;

    private ScoredMerges(List<String> tokens, BitSet text) {
        this.tokens = tokens;
        table = new TextTable(tokens, text);
        pairs = new int[4 * tokens.size()];
        made = new int[2 * tokens.size()];
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
        merges.addAll(text, scores);
        return new Merges.Numbered(tokens, merges.reachable());
    }

    private void addAll(BitSet text, float[] scores) {
        long[] order = text.stream()
                .mapToLong(id -> (long) descending(scores[id]) << ID_BITS | id)
                .toArray();
        Arrays.sort(order);
        int from = 0;
        while (from < order.length) {
            int to = from + 1;
            while (to < order.length && order[to] >> ID_BITS == order[from] >> ID_BITS) {
                to++;
            }
            if (to == from + 1) {
                addAll((int) order[from]);
            } else {
                addAll(Arrays.copyOfRange(order, from, to));
            }
            from = to;
        }
    }

    /** A number that is the smaller the higher the score. */
    private static int descending(float score) {
        int bits = Float.floatToIntBits(score + 0f); // -0 is 0
        return bits >= 0 ? ~bits : bits ^ Integer.MIN_VALUE;
    }

    /** All ways to make a token, the longest left part first. */
    private void addAll(int id) {
        String token = tokens.get(id);
        table.hashes(token, hashes);
        for (int at = token.length() - 1; at > 0; at--) {
            if (!Character.isLowSurrogate(token.charAt(at))) {
                add(id, token, at);
            }
        }
    }

    /** All ways to make tokens of the same score, which are the low bits of what is given. */
    private void addAll(long[] same) {
        long[] keys = new long[same.length];
        int found = 0;
        for (long low : same) {
            String token = tokens.get((int) low);
            int characters = token.codePointCount(0, token.length());
            for (int left = characters - 1; left > 0; left--) {
                if (found == keys.length) {
                    keys = Arrays.copyOf(keys, 2 * found);
                }
                long longestFirst =
                        (long) (MAX_CHARACTERS - left) << LENGTH_BITS | (MAX_CHARACTERS - characters + left);
                keys[found++] = longestFirst << ID_BITS | (int) low;
            }
        }
        Arrays.sort(keys, 0, found);
        for (int i = 0; i < found; i++) {
            String token = tokens.get((int) keys[i]);
            int left = MAX_CHARACTERS - (int) (keys[i] >> (ID_BITS + LENGTH_BITS));
            table.hashes(token, hashes);
            add((int) keys[i], token, token.offsetByCodePoints(0, left));
        }
    }

    private void add(int id, String token, int at) {
        int left = table.find(token, 0, at, hashes);
        int right = left < 0 ? -1 : table.find(token, at, token.length(), hashes);
        if (right < 0) {
            return;
        }
        if (count == made.length) {
            made = Arrays.copyOf(made, 2 * count);
            pairs = Arrays.copyOf(pairs, 4 * count);
        }
        pairs[2 * count] = left;
        pairs[2 * count + 1] = right;
        made[count++] = id;
    }

    /** The merges that come about. */
    private int[] reachable() {
        int[] ways = new int[tokens.size()];
        for (int i = 0; i < count; i++) {
            ways[made[i]]++;
        }
        PairTable places = new PairTable(pairs, count);
        int[] last = new int[tokens.size()]; // by token with several ways, its last merge; -1 if unknown
        Arrays.fill(last, -1);
        int[] kept = new int[2 * count];
        int size = 0;
        for (int i = 0; i < count; i++) {
            int id = made[i];
            String token = tokens.get(id);
            boolean tried = ways[id] > 1 && token.length() <= MAX_TRIED;
            if (tried && last[id] < 0) {
                last[id] = lastMerge(token, places);
            }
            if (!tried || last[id] == i) {
                kept[2 * size] = pairs[2 * i];
                kept[2 * size + 1] = pairs[2 * i + 1];
                size++;
            }
        }
        return Arrays.copyOf(kept, 2 * size);
    }

    /** Merges a text; the last merge if it becomes one token, otherwise one that does not exist. */
    private int lastMerge(String text, PairTable places) {
        table.hashes(text, hashes);
        int length = 0;
        for (int at = 0; at < text.length(); ) {
            int next = text.offsetByCodePoints(at, 1);
            symbols[length++] = table.find(text, at, next, hashes);
            at = next;
        }
        for (int i = 0; i + 1 < length; i++) {
            ranks[i] = rank(i, places);
        }
        int last = count;
        while (length > 1) {
            int where = 0;
            for (int i = 1; i + 1 < length; i++) {
                where = ranks[i] < ranks[where] ? i : where;
            }
            last = ranks[where];
            if (last == count) {
                return count;
            }
            symbols[where] = made[last];
            length--;
            System.arraycopy(symbols, where + 2, symbols, where + 1, length - where - 1);
            System.arraycopy(ranks, where + 1, ranks, where, length - where);
            if (where > 0) {
                ranks[where - 1] = rank(where - 1, places);
            }
            if (where + 1 < length) {
                ranks[where] = rank(where, places);
            }
        }
        return last;
    }

    /** The place of the merge of a symbol and the next; behind all merges if there is none. */
    private int rank(int symbol, PairTable places) {
        if (symbols[symbol] < 0 || symbols[symbol + 1] < 0) {
            return count;
        }
        int place = places.find(symbols[symbol], symbols[symbol + 1]);
        return place < 0 ? count : place;
    }

    /** Finds pairs by their tokens. */
    private static final class PairTable {
        private static final long MIX = 0x9e3779b97f4a7c15L;

        private final int[] pairs;
        private final int shift;
        private final int[] slots; // places of pairs plus one; 0 for none

        PairTable(int[] pairs, int count) {
            this.pairs = pairs;
            int bits = Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(1, count)) + 1;
            shift = Long.SIZE - bits;
            slots = new int[1 << bits];
            for (int i = 0; i < count; i++) {
                int slot = slot(pairs[2 * i], pairs[2 * i + 1]);
                if (slots[slot] == 0) {
                    slots[slot] = i + 1;
                }
            }
        }

        /** The place of a pair; -1 if there is none. */
        int find(int left, int right) {
            return slots[slot(left, right)] - 1;
        }

        private int slot(int left, int right) {
            long key = (long) left << Integer.SIZE | right;
            int slot = (int) (((key ^ (key >>> 29)) * MIX) >>> shift);
            while (slots[slot] != 0) {
                int place = slots[slot] - 1;
                if (pairs[2 * place] == left && pairs[2 * place + 1] == right) {
                    return slot;
                }
                slot = (slot + 1) & (slots.length - 1);
            }
            return slot;
        }
    }
}
