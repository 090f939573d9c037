package bita.tune.data;

import bita.api.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A conversation that the model is to answer turn by turn.
 *
 * @param id     as the file names it, or a hash of what is said
 * @param system what the model is told before the first turn; not blank
 * @param turns  what the user says, one turn after the other; at least one, none blank
 */
public record Question(String id, Optional<String> system, List<String> turns) {
    public Question {
        turns = List.copyOf(turns);
        if (id.isBlank()) {
            throw new IllegalArgumentException("a question needs an id");
        }
        if (turns.isEmpty() || turns.stream().anyMatch(String::isBlank)) {
            throw new IllegalArgumentException("question " + id + " needs at least one turn, and none blank");
        }
        if (system.isPresent() && system.get().isBlank()) {
            throw new IllegalArgumentException("the system text of question " + id + " is blank");
        }
    }

    /** A question known by a hash of what it says. */
    public static Question of(Optional<String> system, List<String> turns) {
        return new Question(Fingerprint.of(system, turns).hex(), system, turns);
    }

    /**
     * The conversation up to the first turn that is not answered yet.
     *
     * @param answers to the turns before it, fewer than turns
     */
    public List<Message> conversation(List<String> answers) {
        if (answers.size() >= turns.size()) {
            throw new IllegalArgumentException(
                    "question " + id + " has " + turns.size() + " turns, and " + answers.size() + " are answered");
        }
        List<Message> messages = new ArrayList<>();
        system.map(Message::system).ifPresent(messages::add);
        for (int turn = 0; turn < answers.size(); turn++) {
            messages.add(Message.user(turns.get(turn)));
            messages.add(Message.assistant(answers.get(turn)));
        }
        messages.add(Message.user(turns.get(answers.size())));
        return List.copyOf(messages);
    }
}
