package bita.tune.data;

import bita.api.Message;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Where finished answers go, and what is there already: a file ({@link AnswerFile}), or what becomes part of one. */
public interface AnswerStore {
    /**
     * The answer to a conversation, if there is one.
     *
     * @param id       of the question
     * @param messages the conversation up to the user's turn to be answered
     * @throws IOException if the store cannot be read, or has an answer to another conversation of this id
     */
    Optional<AnsweredTurn> find(String id, List<Message> messages) throws IOException;

    /**
     * Hands out all answers in the order in which they were added, one at a time.
     *
     * @throws IOException if the store cannot be read
     */
    void forEach(Consumer<AnsweredTurn> consumer) throws IOException;

    /**
     * Adds an answer, unless the store has one to the same turn of the question.
     *
     * @return whether it was added
     * @throws IOException if it could not be written
     * @throws IllegalArgumentException if the answer cannot be written as a line of UTF-8
     */
    boolean append(AnsweredTurn answer) throws IOException;
}
