package bita.model.template;

/** A piece of a template's source, with the line (from 1) where it starts. */
record Token(Type type, String text, int line) {
    enum Type {
        TEXT,
        BLOCK_BEGIN,
        BLOCK_END,
        OUTPUT_BEGIN,
        OUTPUT_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean is(Type expected) {
        return type == expected;
    }

    boolean isName(String name) {
        return type == Type.NAME && text.equals(name);
    }

    boolean isOperator(String operator) {
        return type == Type.OPERATOR && text.equals(operator);
    }

    /** How a message names this token. */
    String description() {
        return switch (type) {
            case END -> "the end of the template";
            case BLOCK_END, OUTPUT_END -> "the end of the tag";
            default -> "'" + (text.length() > 40 ? text.substring(0, 40) + "..." : text) + "'";
        };
    }
}
