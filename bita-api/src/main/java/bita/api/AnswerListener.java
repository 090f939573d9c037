package bita.api;

import bita.decode.DraftOrigin;
import bita.decode.Step;

/** Follows an answer while it is made. All methods are called on the generating thread. */
public interface AnswerListener {
    /** Follows nothing. */
    AnswerListener NONE = new AnswerListener() {};

    /** Part of the prompt was read. */
    default void prompt(int tokensRead, int tokens) {}

    /** A pass after the prefill has decided tokens; their text comes in pieces afterwards. */
    default void step(Step step) {}

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
