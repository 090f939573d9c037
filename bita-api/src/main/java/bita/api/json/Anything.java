package bita.api.json;

import java.util.List;
import java.util.Optional;

/** Values of any shape. */
final class Anything {
    /** Any value. */
    static final Choice VALUE = new Choice();
    /** Any object. */
    static final Shape OBJECT = new ObjectShape(List.of(), Optional.of(VALUE));
    /** Any list. */
    static final Shape LIST = new ListShape(List.of(), VALUE, 0, Integer.MAX_VALUE);

    static {
        VALUE.set(List.of(
                OBJECT, LIST, StringShape.ANY, FreeNumber.ANY, LiteralShape.of(List.of("true", "false", "null"))));
    }

    private Anything() {}
}
