package bita.api.json;

/** What is open where a text stands, the innermost first. Immutable. */
final class Stack {
    /** The whole text has come. */
    static final Stack DONE = new Stack();

    private final Frame top;
    private final Stack below;
    private final int depth;
    private final int hash;

    private Stack() {
        top = new Frame.Done();
        below = this;
        depth = 0;
        hash = 1;
    }

    private Stack(Frame top, Stack below) {
        this.top = top;
        this.below = below;
        depth = below.depth + (top.isNested() ? 1 : 0);
        hash = 31 * below.hash + top.hashCode();
    }

    Stack push(Frame frame) {
        return new Stack(frame, this);
    }

    Frame top() {
        return top;
    }

    Stack below() {
        return below;
    }

    /** Objects and lists that are open. */
    int depth() {
        return depth;
    }

    /** Adds the stacks behind a byte. */
    void step(int b, Steps out) {
        top.step(b, this, out);
    }

    /** Whether the text may end here. */
    boolean isComplete() {
        Stack at = this;
        while (!at.equals(DONE) && at.top.canEnd()) {
            at = at.below;
        }
        return at.equals(DONE);
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof Stack o)) {
            return false;
        }
        Stack mine = this;
        Stack theirs = o;
        while (mine != theirs) {
            if (mine == DONE || theirs == DONE || mine.hash != theirs.hash || !mine.top.equals(theirs.top)) {
                return false;
            }
            mine = mine.below;
            theirs = theirs.below;
        }
        return true;
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
