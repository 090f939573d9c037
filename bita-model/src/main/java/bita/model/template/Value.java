package bita.model.template;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The only things a template can hold; named after their Python kinds. */
sealed interface Value {
    /** The Python name of the kind, for messages. */
    String kindName();

    /** A missing value; most uses of it fail with the problem. */
    record Undefined(String problem) implements Value {
        @Override
        public String kindName() {
            return "Undefined";
        }
    }

    enum None implements Value {
        NONE;

        @Override
        public String kindName() {
            return "NoneType";
        }
    }

    enum Bool implements Value {
        FALSE,
        TRUE;

        static Bool of(boolean value) {
            return value ? TRUE : FALSE;
        }

        @Override
        public String kindName() {
            return "bool";
        }
    }

    record Int(long value) implements Value {
        @Override
        public String kindName() {
            return "int";
        }
    }

    record Real(double value) implements Value {
        @Override
        public String kindName() {
            return "float";
        }
    }

    /**
     * A text.
     *
     * @param safe whether it passed the filter {@code safe}: what is added to it is escaped for HTML, as Jinja2 does
     *     even where it escapes nothing else
     */
    record Str(String text, boolean safe) implements Value {
        static final Str EMPTY = new Str("");

        Str(String text) {
            this(text, false);
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Str(String otherText, boolean _) && text.equals(otherText);
        }

        @Override
        public int hashCode() {
            return text.hashCode();
        }

        @Override
        public String kindName() {
            return "str";
        }
    }

    /** How a {@link Seq} came about: decides equality, text and what may be done with it. */
    enum Kind {
        LIST("list"),
        TUPLE("tuple"),
        RANGE("range"),
        VIEW("dict view"),
        GENERATOR("generator");

        final String pythonName;

        Kind(String pythonName) {
            this.pythonName = pythonName;
        }
    }

    /** Values in order; never changed once made. */
    record Seq(Kind kind, List<Value> items) implements Value {
        static Seq list(List<Value> items) {
            return new Seq(Kind.LIST, items);
        }

        static Seq tuple(Value... items) {
            return new Seq(Kind.TUPLE, List.of(items));
        }

        static Seq generator(List<Value> items) {
            return new Seq(Kind.GENERATOR, items);
        }

        @Override
        public String kindName() {
            return kind.pythonName;
        }
    }

    /** Entries in order of insertion, keys as {@link Operators#key} makes them; never changed once made. */
    record Dict(Map<Value, Value> entries) implements Value {
        @Override
        public String kindName() {
            return "dict";
        }
    }

    /** The one kind a template can change: {@code namespace()}. */
    record Namespace(Map<String, Value> members) implements Value {
        @Override
        public String kindName() {
            return "Namespace";
        }
    }

    /** The variable {@code loop} of a for loop. */
    final class Loop implements Value {
        final List<Value> items;
        final int depth;
        int index;

        Loop(List<Value> items, int depth) {
            this.items = items;
            this.depth = depth;
        }

        @Override
        public String kindName() {
            return "LoopContext";
        }
    }

    /** A macro with the scope it was defined in. */
    record Macro(String name, Statement.Signature signature, Scope scope) implements Value {
        @Override
        public String kindName() {
            return "Macro";
        }
    }

    /** A method of a value. */
    record Method(Value receiver, String name) implements Value {
        @Override
        public String kindName() {
            return "method";
        }
    }

    /** A function every template has. */
    enum Function implements Value {
        RANGE,
        NAMESPACE,
        DICT,
        RAISE_EXCEPTION,
        STRFTIME_NOW;

        @Override
        public String kindName() {
            return "function";
        }
    }
}
