package bita.decode;

/** Where a node of a {@link DraftTree} comes from. */
public enum DraftOrigin {
    /** The token just decided. */
    ROOT,
    /** Predicted by a mask token. */
    MASK,
    /** Found by {@link PromptLookup}. */
    LOOKUP,
    /** Found by {@link SuffixAutomaton}. */
    AUTOMATON,
    /** From the n-grams of {@link LookaheadDecoding}. */
    LOOKAHEAD,
    /** From the table of {@link TokenRecycling}. */
    RECYCLING,
    /** From the table of {@link ModelBigrams}. */
    BIGRAM
}
