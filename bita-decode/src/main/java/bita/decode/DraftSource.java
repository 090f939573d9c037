package bita.decode;

import bita.model.Rows;

/**
 * Proposes tokens that may follow a sequence, which it is told token by token. It only proposes: the model decides, so
 * what a source says can make a session faster or slower, but not change a token. One sequence; not thread-safe.
 */
sealed interface DraftSource permits PromptLookup, SuffixAutomaton, LookaheadDecoding, TokenRecycling, ModelBigrams {
    /** What its nodes are marked with. */
    DraftOrigin origin();

    /** Takes in the next token of the sequence. */
    void append(int token);

    /**
     * Takes back all but the first tokens of the sequence.
     *
     * @param newSize at most what was appended and not taken back
     */
    void truncate(int newSize);

    /**
     * Adds candidates to a tree whose root is the sequence's last token, each with the probability that its whole path is
     * right. What the tree has already stays; where it has a candidate already, the two merge.
     */
    void grow(DraftTree tree);

    /**
     * A candidate of this source, behind a path that was right, has turned out right or wrong.
     *
     * @param kind as the tree was given it
     */
    void learn(int kind, boolean right);

    /** Whether it drafts behind all nodes that a tree has, and so after all others, rather than behind the root alone. */
    default boolean continuesOthers() {
        return false;
    }

    /** How many rows it adds to each pass beside the tree. */
    default int ownRows() {
        return 0;
    }

    /** How many of its own rows, the last ones, it wants the logits of. */
    default int readRows() {
        return 0;
    }

    /** Adds its own rows to those of a pass, of which row 0 is the tree's root. */
    default void addRows(Rows rows) {}

    /**
     * Learns from a pass.
     *
     * @param tree      that the pass has verified, or its root alone where a prompt was read
     * @param logits    of the tree's nodes, then of what sources have asked for
     * @param firstRead the first of {@code logits} that this source has asked for with {@link #readRows}
     */
    default void observe(DraftTree tree, RowLogits logits, int firstRead) {}
}
