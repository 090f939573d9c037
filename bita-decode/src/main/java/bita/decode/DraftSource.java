package bita.decode;

/**
 * Proposes tokens that may follow a sequence, which it is told token by token. It only proposes: the model decides, so
 * what a source says can make a session faster or slower, but not change a token. One sequence; not thread-safe.
 */
sealed interface DraftSource permits PromptLookup {
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
}
