package bita.model.tokenizer;

import java.util.BitSet;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Finds tokens by parts of texts without making these parts. Built once, then only read. Hashes have a factor that no file
 * can know.
 */
final class TextTable {
    private static final long MIX = 0x9e3779b97f4a7c15L;

    private final List<String> tokens;
    private final long factor = ThreadLocalRandom.current().nextLong() | 1;
    private final int shift;
    private final int[] slots; // tokens plus one; 0 for none
    private final long[] powers = new long[ScoredMerges.MAX_CHARACTERS + 1]; // of the factor

    /**
     * Makes a table.
     *
     * @param some the tokens in it; of equal ones the first
     */
    TextTable(List<String> tokens, BitSet some) {
        this.tokens = tokens;
        int bits = Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(1, some.cardinality())) + 1;
        shift = Long.SIZE - bits;
        slots = new int[1 << bits];
        powers[0] = 1;
        for (int i = 1; i < powers.length; i++) {
            powers[i] = powers[i - 1] * factor;
        }
        long[] hashes = new long[powers.length];
        for (int id = some.nextSetBit(0); id >= 0; id = some.nextSetBit(id + 1)) {
            String token = tokens.get(id);
            hashes(token, hashes);
            int slot = slot(token, 0, token.length(), hashes);
            if (slots[slot] == 0) {
                slots[slot] = id + 1;
            }
        }
    }

    /** Hashes of all beginnings of a text of up to {@link ScoredMerges#MAX_CHARACTERS}, by their length. */
    void hashes(String text, long[] hashes) {
        hashes[0] = 0;
        for (int i = 0; i < text.length(); i++) {
            hashes[i + 1] = hashes[i] * factor + text.charAt(i) + 1;
        }
    }

    /** The token that is a part of a text; -1 if there is none. */
    int find(String text, int from, int to, long[] hashes) {
        return slots[slot(text, from, to, hashes)] - 1;
    }

    private int slot(String text, int from, int to, long[] hashes) {
        long hash = hashes[to] - hashes[from] * powers[to - from];
        int slot = (int) ((hash * MIX) >>> shift);
        while (slots[slot] != 0) {
            String other = tokens.get(slots[slot] - 1);
            if (other.length() == to - from && text.startsWith(other, from)) {
                return slot;
            }
            slot = (slot + 1) & (slots.length - 1);
        }
        return slot;
    }
}
