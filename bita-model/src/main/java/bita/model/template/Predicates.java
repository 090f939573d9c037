package bita.model.template;

import bita.model.template.Expression.ComparisonOperator;
import bita.model.template.Value.Kind;

/** The tests behind {@code is}. */
final class Predicates {
    private final Operators operators;

    Predicates(Operators operators) {
        this.operators = operators;
    }

    boolean test(String name, Value value, Arguments arguments) throws TemplateException {
        return switch (name) {
            case "equalto", "eq", "==" -> compare(ComparisonOperator.EQUAL, name, value, arguments);
            case "ne", "!=" -> compare(ComparisonOperator.NOT_EQUAL, name, value, arguments);
            case "lt", "lessthan", "<" -> compare(ComparisonOperator.LESS, name, value, arguments);
            case "le", "<=" -> compare(ComparisonOperator.LESS_OR_EQUAL, name, value, arguments);
            case "gt", "greaterthan", ">" -> compare(ComparisonOperator.GREATER, name, value, arguments);
            case "ge", ">=" -> compare(ComparisonOperator.GREATER_OR_EQUAL, name, value, arguments);
            case "in" -> compare(ComparisonOperator.IN, name, value, arguments);
            case "divisibleby" ->
                operators.equal(
                        operators.binary(
                                Expression.BinaryOperator.MODULO,
                                value,
                                arguments.bind(name, "num").required(0)),
                        new Value.Int(0));
            default -> {
                arguments.bind(name);
                yield kind(name, value);
            }
        };
    }

    private boolean compare(ComparisonOperator operator, String name, Value value, Arguments arguments)
            throws TemplateException {
        return operators.compare(operator, value, arguments.bind(name, "other").required(0));
    }

    private boolean kind(String name, Value value) throws TemplateException {
        return switch (name) {
            case "defined" -> !(value instanceof Value.Undefined);
            case "undefined" -> value instanceof Value.Undefined;
            case "none" -> value == Value.None.NONE;
            case "boolean" -> value instanceof Value.Bool;
            case "true" -> value == Value.Bool.TRUE;
            case "false" -> value == Value.Bool.FALSE;
            case "integer" -> value instanceof Value.Int;
            case "float" -> value instanceof Value.Real;
            case "number" -> Operators.isNumber(value);
            case "string" -> value instanceof Value.Str;
            case "mapping" -> value instanceof Value.Dict;
            // An undefined value behaves as an empty list here, as in Jinja2.
            case "iterable" ->
                value instanceof Value.Str
                        || value instanceof Value.Seq
                        || value instanceof Value.Dict
                        || value instanceof Value.Undefined;
            case "sequence" ->
                value instanceof Value.Str
                        || value instanceof Value.Dict
                        || value instanceof Value.Undefined
                        || (value instanceof Value.Seq seq && seq.kind() != Kind.GENERATOR && seq.kind() != Kind.VIEW);
            case "callable" ->
                value instanceof Value.Macro || value instanceof Value.Method || value instanceof Value.Function;
            case "odd", "even" -> {
                Value rest = operators.binary(Expression.BinaryOperator.MODULO, value, new Value.Int(2));
                yield operators.equal(rest, new Value.Int(name.equals("odd") ? 1 : 0));
            }
            case "lower" ->
                value instanceof Value.Str(String text, boolean _)
                        && text.equals(text.toLowerCase(java.util.Locale.ROOT));
            case "upper" ->
                value instanceof Value.Str(String text, boolean _)
                        && text.equals(text.toUpperCase(java.util.Locale.ROOT));
            default -> throw new TemplateException("Unknown test '" + name + "'");
        };
    }
}
