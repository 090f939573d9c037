package bita.model.template;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What has a value. */
sealed interface Expression {
    record Literal(Value value) implements Expression {}

    record Name(String name) implements Expression {}

    record Attribute(Expression target, String name) implements Expression {}

    record Item(Expression target, Expression index) implements Expression {}

    record Slice(Expression target, Optional<Expression> start, Optional<Expression> stop, Optional<Expression> step)
            implements Expression {}

    record Call(Expression callee, CallArguments arguments) implements Expression {}

    record Filter(Expression target, FilterCall call) implements Expression {}

    record Test(Expression target, String name, CallArguments arguments) implements Expression {}

    record Not(Expression operand) implements Expression {}

    record Sign(boolean negative, Expression operand) implements Expression {}

    record Binary(BinaryOperator operator, Expression left, Expression right) implements Expression {}

    record And(Expression left, Expression right) implements Expression {}

    record Or(Expression left, Expression right) implements Expression {}

    /** A chain such as {@code a < b < c}. */
    record Compare(Expression first, List<Comparison> rest) implements Expression {}

    record Concat(List<Expression> parts) implements Expression {}

    record Conditional(Expression condition, Expression then, Optional<Expression> otherwise) implements Expression {}

    record Sequence(Value.Kind kind, List<Expression> items) implements Expression {}

    record Dict(List<Entry> entries) implements Expression {}

    /** One link of a {@link Compare} chain. */
    record Comparison(ComparisonOperator operator, Expression right) {}

    /** One entry of a {@link Dict}. */
    record Entry(Expression key, Expression value) {}

    /** A filter without the value it is applied to. */
    record FilterCall(String name, CallArguments arguments) {}

    /** Arguments not yet evaluated, named ones in their order. */
    record CallArguments(List<Expression> positional, Map<String, Expression> named) {
        static final CallArguments NONE = new CallArguments(List.of(), Map.of());
    }

    /** Arithmetic of two operands. */
    enum BinaryOperator {
        ADD("+"),
        SUBTRACT("-"),
        MULTIPLY("*"),
        DIVIDE("/"),
        FLOOR_DIVIDE("//"),
        MODULO("%"),
        POWER("**");

        final String symbol;

        BinaryOperator(String symbol) {
            this.symbol = symbol;
        }
    }

    /** Comparison of two operands. */
    enum ComparisonOperator {
        EQUAL("=="),
        NOT_EQUAL("!="),
        LESS("<"),
        LESS_OR_EQUAL("<="),
        GREATER(">"),
        GREATER_OR_EQUAL(">="),
        IN("in"),
        NOT_IN("not in");

        final String symbol;

        ComparisonOperator(String symbol) {
            this.symbol = symbol;
        }
    }
}
