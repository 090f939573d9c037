package bita.api.json;

import java.util.ArrayList;
import java.util.List;

/**
 * Collects where a byte leads. Texts that can be read in more than {@value #MOST} ways, which takes alternatives within
 * alternatives that begin alike, are read in the first ones: what is allowed is valid then too, but not all that is valid is
 * allowed.
 */
final class Steps {
    private static final int MOST = 64;

    private final List<Stack> stacks = new ArrayList<>();

    void add(Stack stack) {
        if (stacks.size() < MOST && (stacks.isEmpty() || !stacks.contains(stack))) {
            stacks.add(stack);
        }
    }

    /** What has been collected; the next one begins empty. */
    State take() {
        State state = State.of(stacks);
        stacks.clear();
        return state;
    }

    /** As {@link #take}, with the state itself where there is nothing else in it. */
    State take(State before) {
        if (stacks.size() == 1 && before.isOnly(stacks.getFirst())) {
            stacks.clear();
            return before;
        }
        return take();
    }
}
