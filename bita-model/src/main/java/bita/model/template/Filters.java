package bita.model.template;

import bita.model.template.Arguments.Bound;
import bita.model.template.Value.Kind;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The filters that take one value; those that take a collection are in {@link CollectionFilters}. */
final class Filters {
    private final Budget budget;
    private final Operators operators;
    private final PythonText text;
    private final Methods methods;
    private final Formatting formatting;
    private final Json json;
    private final CollectionFilters collections;

    Filters(Budget budget, Operators operators, PythonText text, Methods methods, Predicates predicates) {
        this.budget = budget;
        this.operators = operators;
        this.text = text;
        this.methods = methods;
        this.formatting = new Formatting(budget, text);
        this.json = new Json(budget);
        this.collections = new CollectionFilters(budget, operators, methods, predicates, this);
    }

    Value apply(String name, Value value, Arguments arguments) throws TemplateException {
        return switch (name) {
            case "tojson" -> toJson(value, arguments.bind(name, "indent", "ensure_ascii", "separators", "sort_keys"));
            case "from_json" -> json.read(subject(name, value));
            case "default", "d" -> {
                Bound bound = arguments.bind(name, "default_value", "boolean");
                boolean absent = value instanceof Value.Undefined || (bound.flag(1) && !Operators.isTrue(value));
                yield absent ? bound.value(0).orElse(Value.Str.EMPTY) : value;
            }
            case "string" -> {
                arguments.bind(name);
                yield value instanceof Value.Str ? value : new Value.Str(text.str(value));
            }
            case "safe" -> {
                arguments.bind(name);
                yield new Value.Str(text.str(value), true);
            }
            case "trim" -> {
                Optional<String> characters = arguments.bind(name, "chars").text(0);
                List<Value> passed = characters.isPresent() ? List.of(new Value.Str(characters.get())) : List.of();
                yield textMethod("strip", value, new Arguments(passed, Map.of()));
            }
            case "upper", "lower", "title", "capitalize" -> {
                arguments.bind(name);
                yield textMethod(name, value, Arguments.NONE);
            }
            case "replace" -> {
                Bound bound = arguments.bind(name, "old", "new", "count");
                yield new Value.Str(methods.replace(
                        text.str(value), bound.requiredText(0), bound.requiredText(1), bound.integer(2, -1)));
            }
            case "indent" -> indent(text.str(value), arguments.bind(name, "width", "first", "blank"));
            case "format" -> {
                Value values = arguments.named().isEmpty()
                        ? new Value.Seq(Kind.TUPLE, arguments.positional())
                        : new Value.Dict(byText(arguments.named()));
                yield new Value.Str(formatting.percent(text.str(value), values));
            }
            case "int" -> integer(value, arguments.bind(name, "default"));
            case "float" -> real(value, arguments.bind(name, "default"));
            case "abs" -> {
                arguments.bind(name);
                boolean negative = operators.order(value, new Value.Int(0)) < 0;
                yield operators.sign(negative, value);
            }
            case "round" -> round(value, arguments.bind(name, "precision", "method"));
            case "escape", "e" -> {
                arguments.bind(name);
                Value.Str string = value instanceof Value.Str already ? already : new Value.Str(text.str(value));
                yield new Value.Str(operators.escape(string), true);
            }
            default -> collections.apply(name, value, arguments);
        };
    }

    private static Map<Value, Value> byText(Map<String, Value> named) {
        Map<Value, Value> result = new LinkedHashMap<>();
        named.forEach((key, value) -> result.put(new Value.Str(key), value));
        return result;
    }

    private static String subject(String name, Value value) throws TemplateException {
        if (value instanceof Value.Str(String string, boolean _)) {
            return string;
        }
        throw new TemplateException("'" + name + "' needs a text, not a " + value.kindName());
    }

    private Value textMethod(String name, Value value, Arguments arguments) throws TemplateException {
        return methods.call(new Value.Method(new Value.Str(text.str(value)), name), arguments);
    }

    private Value toJson(Value value, Bound bound) throws TemplateException {
        Value indent = bound.value(0).orElse(Value.None.NONE);
        boolean multiline = indent != Value.None.NONE;
        String unit = "";
        if (indent instanceof Value.Str(String given, boolean _)) {
            unit = given;
        } else if (multiline) {
            unit = spaces(bound.integer(0, 0));
        }
        String items = multiline ? "," : ", ";
        String keys = ": ";
        if (bound.value(2).isPresent() && bound.required(2) != Value.None.NONE) {
            List<Value> separators = operators.iterate(bound.required(2));
            if (separators.size() != 2) {
                throw new TemplateException("'tojson' needs two separators");
            }
            items = subject("tojson", separators.get(0));
            keys = subject("tojson", separators.get(1));
        }
        return new Value.Str(
                json.write(value, new Json.Layout(multiline, unit, items, keys, bound.flag(3), bound.flag(1))));
    }

    private String spaces(long count) throws TemplateException {
        long width = Math.max(0, count);
        budget.text(width);
        return " ".repeat((int) width);
    }

    private Value indent(String string, Bound bound) throws TemplateException {
        Optional<Value> width = bound.value(0);
        String indentation = width.isPresent() && width.get() instanceof Value.Str(String given, boolean _)
                ? given
                : spaces(bound.integer(0, 4));
        boolean blank = bound.flag(2);
        TextBuilder result = new TextBuilder(budget);
        int start = 0;
        for (int line = 0; start <= string.length(); line++) {
            int newline = string.indexOf('\n', start);
            int end = newline < 0 ? string.length() : newline;
            String content = string.substring(start, end);
            boolean indented = line == 0 ? bound.flag(1) : blank || !content.isEmpty();
            result.append(line == 0 ? "" : "\n")
                    .append(indented ? indentation : "")
                    .append(content);
            start = end + 1;
        }
        return new Value.Str(result.toString());
    }

    private static Value integer(Value value, Bound bound) {
        Value fallback = bound.value(0).orElse(new Value.Int(0));
        try {
            return switch (value) {
                case Value.Str(String string, boolean _) -> {
                    String digits = Text.stripEnd(Text.stripStart(string, ""), "");
                    boolean real = digits.matches("[-+]?\\d*\\.?\\d*([eE][-+]?\\d+)?") && !digits.matches("[-+]?\\d+");
                    yield real ? truncate(Double.parseDouble(digits), fallback) : new Value.Int(Long.parseLong(digits));
                }
                case Value.Real(double number) -> truncate(number, fallback);
                case Value.Int _ -> value;
                case Value.Bool bool -> new Value.Int(bool == Value.Bool.TRUE ? 1 : 0);
                default -> fallback;
            };
        } catch (NumberFormatException e) {
            return fallback;
        }
    }

    private static Value truncate(double number, Value fallback) {
        return Math.abs(number) < Long.MAX_VALUE ? new Value.Int((long) number) : fallback;
    }

    private static Value real(Value value, Bound bound) {
        Value fallback = bound.value(0).orElse(new Value.Real(0));
        if (value instanceof Value.Str(String string, boolean _)) {
            try {
                return new Value.Real(Double.parseDouble(Text.stripEnd(Text.stripStart(string, ""), "")));
            } catch (NumberFormatException e) {
                return fallback;
            }
        }
        return Operators.isNumber(value) ? new Value.Real(Operators.real(value)) : fallback;
    }

    private static Value round(Value value, Bound bound) throws TemplateException {
        if (!Operators.isNumber(value)) {
            throw new TemplateException("'round' needs a number, not a " + value.kindName());
        }
        RoundingMode mode = switch (bound.text(1).orElse("common")) {
            case "common" -> RoundingMode.HALF_EVEN;
            case "ceil" -> RoundingMode.CEILING;
            case "floor" -> RoundingMode.FLOOR;
            default -> throw new TemplateException("'round' knows the methods common, ceil and floor");
        };
        double number = Operators.real(value);
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            return value;
        }
        int digits = (int) Math.clamp(bound.integer(0, 0), -400L, 400L);
        return new Value.Real(new BigDecimal(number).setScale(digits, mode).doubleValue());
    }
}
