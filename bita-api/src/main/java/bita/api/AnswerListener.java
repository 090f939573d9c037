package bita.api;

import bita.decode.DraftOrigin;
import bita.decode.Step;
import bita.decode.TokenLogprobs;

/** Follows an answer while it is made. All methods are called on the generating thread. */
public interface AnswerListener {
    /** Follows nothing. */
    AnswerListener NONE = new AnswerListener() {};

    /** Part of the prompt was read. */
    default void prompt(int tokensRead, int tokens) {}

    /** A pass after the prefill has decided tokens; their text comes in pieces afterwards. */
    default void step(Step step) {}

    /** How likely a decided token was, if that was asked for; its text comes afterwards. */
    default void logprobs(TokenLogprobs logprobs) {}

    /** A piece of the answer's text; the pieces together are the answer. */
    default void text(Piece piece) {}

    /**
     * A piece of text and how its last token came about.
     *
     * @param origin {@link DraftOrigin#ROOT} for the model's own choice, otherwise the source of the accepted draft
     * @param depth  depth in the draft tree, 0 for the model's own choice
     */
    record Piece(String text, DraftOrigin origin, int depth) {}
}
