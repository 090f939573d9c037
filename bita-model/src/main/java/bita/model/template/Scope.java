package bita.model.template;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Variables of a block; what it lacks is looked up in the block around it. */
final class Scope {
    private final Optional<Scope> parent;
    private final int loops;
    private final Map<String, Value> variables = new HashMap<>();

    private Scope(Optional<Scope> parent, int loops) {
        this.parent = parent;
        this.loops = loops;
    }

    static Scope root() {
        return new Scope(Optional.empty(), 0);
    }

    Scope inner() {
        return new Scope(Optional.of(this), loops);
    }

    Scope innerLoop() {
        return new Scope(Optional.of(this), loops + 1);
    }

    /** How many loops are around. */
    int loops() {
        return loops;
    }

    void set(String name, Value value) {
        variables.put(name, value);
    }

    Value get(String name) {
        Optional<Scope> scope = Optional.of(this);
        while (scope.isPresent()) {
            Value value = scope.get().variables.get(name);
            if (value != null) {
                return value;
            }
            scope = scope.get().parent;
        }
        return new Value.Undefined("'" + name + "' is undefined");
    }
}
