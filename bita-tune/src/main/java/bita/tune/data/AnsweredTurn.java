package bita.tune.data;

import bita.api.Answer;
import bita.api.Message;
import java.util.List;

/**
 * A model's finished answer to one turn of a conversation, with the tokens that tuning learns from.
 *
 * @param id             of the question
 * @param messages       the conversation up to the user's turn that is answered
 * @param promptTokenIds what the model read: the conversation in its chat template; at least one
 * @param answerTokenIds what it decided, an end-of-turn token included; at least one
 * @param finish         why the answer ended; not {@link Answer.Finish#CANCELLED}
 * @param text           the answer without its end-of-turn token
 */
public record AnsweredTurn(
        String id,
        List<Message> messages,
        List<Integer> promptTokenIds,
        List<Integer> answerTokenIds,
        Answer.Finish finish,
        String text) {
    public AnsweredTurn {
        messages = List.copyOf(messages);
        promptTokenIds = List.copyOf(promptTokenIds);
        answerTokenIds = List.copyOf(answerTokenIds);
        if (id.isBlank()) {
            throw new IllegalArgumentException("an answer needs the id of its question");
        }
        if (messages.isEmpty() || messages.getLast().role() != Message.Role.USER) {
            throw new IllegalArgumentException("an answer follows a message of the user");
        }
        if (!Unicode.isValid(id)
                || !Unicode.isValid(text)
                || messages.stream().anyMatch(m -> !Unicode.isValid(m.content()))) {
            throw new IllegalArgumentException("a text holds half a surrogate pair, which has no UTF-8 form");
        }
        if (promptTokenIds.isEmpty() || answerTokenIds.isEmpty()) {
            throw new IllegalArgumentException("prompt and answer have at least one token");
        }
        if (promptTokenIds.stream().anyMatch(t -> t < 0)
                || answerTokenIds.stream().anyMatch(t -> t < 0)) {
            throw new IllegalArgumentException("token ids are not negative");
        }
        if (finish == Answer.Finish.CANCELLED) {
            throw new IllegalArgumentException("a cancelled answer is not finished");
        }
    }

    /** Which of the user's turns is answered, from 1. */
    public int turn() {
        return turn(messages);
    }

    static int turn(List<Message> messages) {
        return (int)
                messages.stream().filter(m -> m.role() == Message.Role.USER).count();
    }
}
