package bita.decode;

/**
 * Follows one sequence of a {@link BatchDecoder}. All methods are called by the thread that steps the decoder, behind
 * the pass; they may submit further sequences. What they throw, the step throws when the other sequences have heard.
 */
public interface SequenceListener {
    /** Why a sequence ended. */
    enum Ending {
        /** An end token was decided. */
        END_TOKEN,
        /** There are as many tokens as were asked for, or as the context holds. */
        LENGTH,
        /** The listener had enough. */
        STOPPED,
        /** The sequence was cancelled, or the decoder was closed. */
        CANCELLED
    }

    /**
     * The sequence has joined and the next passes read its prompt.
     *
     * @param reused tokens of the prompt that need not be read, since another sequence has begun with them
     */
    default void joined(int reused) {}

    /** Part of the prompt was read. */
    default void prompt(int tokensRead, int tokens) {}

    /**
     * A pass has decided tokens.
     *
     * @return whether to go on
     */
    boolean step(Step step);

    /** The sequence has ended; nothing follows. */
    void ended(Ending ending);

    /** The sequence cannot go on; nothing follows. The other sequences do go on. */
    void failed(NotANumberException problem);
}
