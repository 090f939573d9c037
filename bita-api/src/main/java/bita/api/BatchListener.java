package bita.api;

import bita.decode.NotANumberException;

/**
 * Follows an answer of a {@link Batch}. All methods are called by the thread that steps the batch, and may submit further
 * prompts. What they throw, the step throws when the other answers' listeners have heard.
 */
public interface BatchListener extends AnswerListener {
    /**
     * The answer has begun: it waits for others no longer.
     *
     * @param reusedTokens of the prompt that are known from another text
     */
    default void began(int reusedTokens) {}

    /** The answer has ended, by itself, by its limit, or cancelled. */
    void finished(Answer answer);

    /** The model's logits are not numbers, so that there is no answer. Other answers go on. */
    void failed(NotANumberException problem);
}
