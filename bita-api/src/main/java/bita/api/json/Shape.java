package bita.api.json;

/** One kind of value: how it begins, and the frames that read the rest of it. */
sealed interface Shape permits StringShape, LiteralShape, FreeNumber, BoundedNumber, ListShape, ObjectShape {
    /** The height of what has no end. */
    int ENDLESS = 1_000_000;

    /** Adds the stacks behind the first byte of a value. */
    void begin(int b, Stack below, Steps out);

    /** Least depth of objects and lists in a value; 0 if it is neither. */
    default int height() {
        return 0;
    }
}
