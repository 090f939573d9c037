package bita.model.tokenizer;

import java.util.BitSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What a tokenizer is made of, from whatever file it comes.
 *
 * @param tokens  (vocabulary) texts; empty for a number that has no token
 * @param control tokens that steer the model and are no text, and the one for what is unknown
 * @param added   tokens that are found in text as a whole, before merging
 * @param merges  pairs of tokens that become one
 * @param form    how text is prepared before merging, and how tokens are written
 * @param bos     the token a text begins with
 * @param eos     the token a text ends with
 * @param unknown the token for what has no other
 * @param addBos  whether a prompt begins with {@code bos}
 * @param ends    tokens that end the model's turn; all of them control tokens
 */
record Vocabulary(
        List<String> tokens,
        BitSet control,
        List<AddedToken> added,
        Merges merges,
        TextForm form,
        OptionalInt bos,
        OptionalInt eos,
        OptionalInt unknown,
        boolean addBos,
        Set<Integer> ends) {
    /** Most tokens: more than any model has, and few enough for their number to be no danger. */
    static final int MAX_TOKENS = 1 << 22;

    /**
     * A token that is found in text as a whole.
     *
     * @param singleWord only where no letter or digit is beside it
     * @param strip      which blanks beside it belong to it
     * @param normalized whether it is looked for in the normalized text
     */
    record AddedToken(int id, boolean singleWord, Strip strip, boolean normalized) {
        /** One that is found as it stands. */
        static AddedToken literal(int id) {
            return new AddedToken(id, false, Strip.NONE, false);
        }
    }

    /** Blanks that an added token takes in. */
    enum Strip {
        NONE(false, false),
        LEFT(true, false),
        RIGHT(false, true),
        BOTH(true, true);

        private final boolean left;
        private final boolean right;

        Strip(boolean left, boolean right) {
            this.left = left;
            this.right = right;
        }

        static Strip of(boolean left, boolean right) {
            return left ? right ? BOTH : LEFT : right ? RIGHT : NONE;
        }

        boolean left() {
            return left;
        }

        boolean right() {
            return right;
        }
    }

    Vocabulary {
        if (tokens.isEmpty()) {
            throw new IllegalArgumentException("a vocabulary must have a token");
        }
    }
}
