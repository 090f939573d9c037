package bita.decode;

import java.util.Arrays;

/**
 * Prompt lookup decoding (Saxena 2023, github.com/apoorvumang/prompt-lookup-decoding): text repeats itself, so what
 * followed the last words the last time they stood there is drafted again. The longest suffix of the sequence that has
 * an earlier occurrence counts, and of its occurrences the latest; it may overlap the suffix.
 *
 * <p>Each length of n-gram has an index from n-gram to its latest end, brought up to date with every token, in constant
 * time amortised. The index is a hash table of end positions alone: the n-gram is compared in the sequence itself. One
 * sequence; not thread-safe.
 */
public final class PromptLookup implements DraftSource {
    /**
     * What to look for and how much to draft.
     *
     * @param longest tokens of the longest suffix looked for
     * @param shortest tokens of the shortest suffix looked for, at least 1
     * @param length most tokens drafted at a time, at least 1
     */
    public record Settings(int longest, int shortest, int length) {
        public Settings {
            if (shortest < 1 || longest < shortest || longest > 32) {
                throw new IllegalArgumentException("Prompt lookup needs 1 <= shortest <= longest <= 32, not shortest "
                        + shortest + " and longest " + longest + ".");
            }
            if (length < 1) {
                throw new IllegalArgumentException("Prompt lookup drafts at least one token, not " + length + ".");
            }
        }

        /** Suffixes of 4 down to 2 tokens, drafts of up to 8. */
        public static Settings standard() {
            return new Settings(4, 2, 8);
        }
    }

    private static final int NONE = -1;

    /**
     * How often the tokens of a chain are right, given that those before them are; the last goes on. Measured with the
     * default model on Spec-Bench questions.
     */
    private static final float[] RIGHT = {0.55f, 0.8f, 0.85f, 0.88f, 0.9f};

    private final Settings settings;
    private final NgramIndex[] indexes; // longest n-gram first
    private final HitRates rates; // by length of the suffix, then by place in the chain
    private final int[] chain; // what a tree is given
    private final TokenSequence tokens = new TokenSequence();

    public PromptLookup(Settings settings) {
        this.settings = settings;
        rates = HitRates.repeated(settings.longest() - settings.shortest() + 1, RIGHT);
        chain = new int[settings.length()];
        indexes = new NgramIndex[settings.longest() - settings.shortest() + 1];
        for (int i = 0; i < indexes.length; i++) {
            indexes[i] = new NgramIndex(settings.longest() - i);
        }
    }

    /** Tokens known so far. */
    public int size() {
        return tokens.size();
    }

    @Override
    public DraftOrigin origin() {
        return DraftOrigin.LOOKUP;
    }

    /** Adds the next token of the sequence. */
    @Override
    public void append(int token) {
        tokens.add(token);
        for (NgramIndex index : indexes) {
            index.appended(tokens.array(), tokens.size());
        }
    }

    /** Adds the next tokens of the sequence. */
    public void append(int[] next) {
        for (int token : next) {
            append(token);
        }
    }

    /** Forgets all but the first {@code newSize} tokens; takes as long as appending those anew. */
    @Override
    public void truncate(int newSize) {
        int before = tokens.size();
        tokens.truncate(newSize);
        if (newSize == before) {
            return;
        }
        for (NgramIndex index : indexes) {
            index.clear();
        }
        for (int end = 1; end <= newSize; end++) {
            for (NgramIndex index : indexes) {
                index.appended(tokens.array(), end);
            }
        }
    }

    /** Length of the suffix that {@link #draft} continues, 0 if no suffix occurred before. */
    public int matchLength() {
        for (NgramIndex index : indexes) {
            if (index.previousEnd != NONE) {
                return index.n;
            }
        }
        return 0;
    }

    /**
     * Writes the tokens that followed the match, as far as they are known.
     *
     * @return how many were written: at most the settings' length and {@code draft.length}, 0 if nothing matches
     */
    public int draft(int[] draft) {
        for (NgramIndex index : indexes) {
            int from = index.previousEnd;
            if (from != NONE) {
                int count = Math.min(Math.min(settings.length(), draft.length), tokens.size() - from);
                System.arraycopy(tokens.array(), from, draft, 0, count);
                return count;
            }
        }
        return 0;
    }

    @Override
    public void grow(DraftTree tree) {
        int length = draft(chain);
        int firstKind = length == 0 ? 0 : (matchLength() - settings.shortest()) * RIGHT.length;
        int parent = 0;
        float probability = 1;
        for (int i = 0; i < length && parent != DraftTree.NONE; i++) {
            int kind = firstKind + Math.min(i, RIGHT.length - 1);
            probability *= rates.of(kind);
            parent = tree.add(parent, chain[i], probability, origin(), kind);
        }
    }

    @Override
    public void learn(int kind, boolean right) {
        rates.learn(kind, right);
    }

    /** From n-grams to the end (exclusive) of their latest occurrence: open addressing, linear probing, 0 is free. */
    private static final class NgramIndex {
        private static final int INITIAL_SLOTS = 256;

        private final int n;
        private int[] ends = new int[INITIAL_SLOTS]; // a power of two, at most half full
        private int count;
        private int previousEnd = NONE; // of the n-gram that the sequence ends with now

        NgramIndex(int n) {
            this.n = n;
        }

        void clear() {
            Arrays.fill(ends, 0);
            count = 0;
            previousEnd = NONE;
        }

        void appended(int[] tokens, int size) {
            if (size < n) {
                return;
            }
            if (2 * (count + 1) > ends.length) {
                grow(tokens);
            }
            int slot = slot(tokens, size);
            if (ends[slot] == 0) {
                count++;
                previousEnd = NONE;
            } else {
                previousEnd = ends[slot];
            }
            ends[slot] = size;
        }

        private void grow(int[] tokens) {
            int[] old = ends;
            ends = new int[Math.multiplyExact(2, old.length)];
            for (int end : old) {
                if (end != 0) {
                    ends[slot(tokens, end)] = end;
                }
            }
        }

        /** Where the n-gram before {@code end} is, or the free slot where it belongs. */
        private int slot(int[] tokens, int end) {
            int mask = ends.length - 1;
            int slot = hash(tokens, end) & mask;
            while (ends[slot] != 0 && !equal(tokens, ends[slot], end)) {
                slot = (slot + 1) & mask;
            }
            return slot;
        }

        private int hash(int[] tokens, int end) {
            long hash = 0;
            for (int i = end - n; i < end; i++) {
                hash = (hash + tokens[i]) * 0x9e3779b97f4a7c15L;
                hash ^= hash >>> 32;
            }
            return (int) hash;
        }

        private boolean equal(int[] tokens, int end, int otherEnd) {
            return Arrays.equals(tokens, end - n, end, tokens, otherEnd - n, otherEnd);
        }
    }
}
