package bita.api.json;

/**
 * One level of what is open, and what has come of it. What follows a value is known by the frame below, which already stands
 * behind the value. Immutable.
 */
sealed interface Frame
        permits Frame.Done,
                Frame.Value,
                Frame.Colon,
                StringShape.Open,
                LiteralShape.Open,
                FreeNumber.Open,
                BoundedNumber.Open,
                ListShape.Open,
                ObjectShape.Open,
                ObjectShape.Name {
    /** Adds the stacks behind a byte, 0 to 255, where {@code at} has this frame on top. */
    void step(int b, Stack at, Steps out);

    /** Whether what this frame reads may end here; then the next byte may be the frame's below. */
    default boolean canEnd() {
        return false;
    }

    /** Whether this is an object or a list. */
    default boolean isNested() {
        return false;
    }

    /**
     * How many plain characters may follow, that is, any characters of a string but control characters, quotes and escapes.
     * Negative if not all of these may.
     */
    default int plainRoom() {
        return -1;
    }

    /** Behind the whole text. */
    record Done() implements Frame {
        @Override
        public void step(int b, Stack at, Steps out) {}

        @Override
        public boolean canEnd() {
            return true;
        }
    }

    /** Before a value. */
    record Value(Choice choice, int blanks) implements Frame {
        @Override
        public void step(int b, Stack at, Steps out) {
            int next = Blanks.next(blanks, b, at.depth());
            if (next >= 0) {
                out.add(at.below().push(new Value(choice, next)));
            } else {
                choice.begin(b, at.below(), out);
            }
        }
    }

    /** Between a name and its value's colon. */
    record Colon(Choice value, int blanks) implements Frame {
        @Override
        public void step(int b, Stack at, Steps out) {
            int next = Blanks.next(blanks, b, at.depth());
            if (next >= 0) {
                out.add(at.below().push(new Colon(value, next)));
            } else if (b == ':') {
                out.add(at.below().push(new Value(value, Blanks.NONE)));
            }
        }
    }
}
