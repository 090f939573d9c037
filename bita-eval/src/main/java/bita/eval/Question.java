package bita.eval;

import java.io.Serializable;
import java.util.List;

/**
 * A question of a suite.
 *
 * @param id       as the suite names it
 * @param category for instance {@code writing}; may be empty
 * @param turns    what the user says, one turn after the other; at least one
 */
public record Question(String id, String category, List<String> turns) implements Serializable {
    public Question {
        turns = List.copyOf(turns);
        if (turns.isEmpty()) {
            throw new IllegalArgumentException("question " + id + " has no turns");
        }
    }
}
