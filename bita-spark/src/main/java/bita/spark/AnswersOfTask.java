package bita.spark;

import bita.api.Message;
import bita.tune.data.AnswerStore;
import bita.tune.data.AnsweredTurn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** Answers of a task on their way to the driver, and those that the driver has already. */
final class AnswersOfTask implements AnswerStore {
    private final Map<Key, AnsweredTurn> all = new LinkedHashMap<>();
    private final List<AnsweredTurn> added = new ArrayList<>();

    private record Key(String id, List<Message> messages) {}

    /** Takes in an answer that the driver has. */
    void know(AnsweredTurn answer) {
        all.put(new Key(answer.id(), answer.messages()), answer);
    }

    List<AnsweredTurn> added() {
        return added;
    }

    @Override
    public Optional<AnsweredTurn> find(String id, List<Message> messages) {
        return Optional.ofNullable(all.get(new Key(id, messages)));
    }

    @Override
    public void forEach(Consumer<AnsweredTurn> consumer) {
        all.values().forEach(consumer);
    }

    @Override
    public boolean append(AnsweredTurn answer) {
        if (all.putIfAbsent(new Key(answer.id(), answer.messages()), answer) != null) {
            return false;
        }
        added.add(answer);
        return true;
    }
}
