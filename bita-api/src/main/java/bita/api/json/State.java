package bita.api.json;

import java.util.List;

/** Where a text stands: the ways in which it can be read so far. Immutable. */
final class State {
    private static final State DEAD = new State(List.of());

    private final List<Stack> stacks;

    private State(List<Stack> stacks) {
        this.stacks = stacks;
    }

    static State of(List<Stack> stacks) {
        return stacks.isEmpty() ? DEAD : new State(List.copyOf(stacks));
    }

    static State of(Stack stack) {
        return new State(List.of(stack));
    }

    /** The state behind a byte, 0 to 255. */
    State step(int b, Steps scratch) {
        for (Stack stack : stacks) {
            stack.step(b, scratch);
        }
        return scratch.take(this);
    }

    /** Whether no valid text begins like this. */
    boolean isDead() {
        return stacks.isEmpty();
    }

    /** Whether the text may end here. */
    boolean isComplete() {
        return stacks.stream().anyMatch(Stack::isComplete);
    }

    boolean isOnly(Stack stack) {
        return stacks.size() == 1 && stacks.getFirst().equals(stack);
    }

    List<Stack> stacks() {
        return stacks;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof State o && stacks.equals(o.stacks);
    }

    @Override
    public int hashCode() {
        return stacks.hashCode();
    }
}
