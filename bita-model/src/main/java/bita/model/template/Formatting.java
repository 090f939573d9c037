package bita.model.template;

import bita.model.template.Value.Kind;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's two ways to fill values into a text. */
final class Formatting {
    private static final int MAX_WIDTH = 1000;
    private static final Pattern CONVERSION = Pattern.compile(
            "%(?:\\((?<key>[^()]*)\\))?(?<flags>[-+ 0#]{0,5})(?<width>\\d{1,4})?(?:\\.(?<precision>\\d{1,4}))?(?<type>.?)",
            Pattern.DOTALL);

    private final Budget budget;
    private final PythonText text;

    Formatting(Budget budget, PythonText text) {
        this.budget = budget;
        this.text = text;
    }

    /** {@code format % arguments}: a tuple gives several values, a dict named ones. */
    String percent(String format, Value arguments) throws TemplateException {
        List<Value> values = arguments instanceof Value.Seq(Kind kind, List<Value> items) && kind == Kind.TUPLE
                ? items
                : List.of(arguments);
        int used = 0;
        TextBuilder result = new TextBuilder(budget);
        Matcher matcher = CONVERSION.matcher(format);
        int end = 0;
        while (matcher.find()) {
            result.append(format.substring(end, matcher.start()));
            end = matcher.end();
            if (matcher.group("type").equals("%")) {
                result.append("%");
                continue;
            }
            Value value;
            String key = matcher.group("key");
            if (key != null) {
                Value member = arguments instanceof Value.Dict(Map<Value, Value> entries)
                        ? entries.get(new Value.Str(key))
                        : null;
                if (member == null) {
                    throw new TemplateException("The format names '" + key + "', which is not given");
                }
                value = member;
                used = values.size();
            } else if (used < values.size()) {
                value = values.get(used++);
            } else {
                throw new TemplateException("The format has more conversions than there are values");
            }
            result.append(convert(matcher, value));
        }
        if (used < values.size() && !(arguments instanceof Value.Dict)) {
            throw new TemplateException("The format has fewer conversions than there are values");
        }
        return result.append(format.substring(end)).toString();
    }

    private String convert(Matcher matcher, Value value) throws TemplateException {
        String type = matcher.group("type");
        String flags = Optional.ofNullable(matcher.group("flags")).orElse("");
        int width = size(matcher.group("width") == null ? "0" : matcher.group("width"));
        int precision = size(matcher.group("precision") == null ? "-1" : matcher.group("precision"));
        String body = switch (type) {
            case "s" -> cut(text.str(value), precision);
            case "r" -> cut(text.repr(value), precision);
            case "d", "i", "u" -> Long.toString(whole(type, value));
            case "x" -> Long.toString(whole(type, value), 16);
            case "X" -> Long.toString(whole(type, value), 16).toUpperCase(Locale.ROOT);
            case "f", "F" -> fixed(number(type, value), precision);
            default -> throw new TemplateException("The conversion '" + matcher.group() + "' is not supported");
        };
        boolean numeric = !type.equals("s") && !type.equals("r");
        String sign =
                numeric && !body.startsWith("-") ? (flags.contains("+") ? "+" : flags.contains(" ") ? " " : "") : "";
        String padding = " ".repeat(Math.max(0, width - body.length() - sign.length()));
        if (flags.contains("-")) {
            return sign + body + padding;
        }
        if (numeric && flags.contains("0")) {
            boolean negative = body.startsWith("-");
            return (negative ? "-" : sign) + "0".repeat(padding.length()) + body.substring(negative ? 1 : 0);
        }
        return padding + sign + body;
    }

    private static int size(String digits) throws TemplateException {
        int size = Integer.parseInt(digits);
        if (size > MAX_WIDTH) {
            throw new TemplateException("A format is wider than " + MAX_WIDTH + " characters");
        }
        return size;
    }

    private static String cut(String string, int precision) {
        return precision < 0 || string.codePointCount(0, string.length()) <= precision
                ? string
                : string.substring(0, string.offsetByCodePoints(0, precision));
    }

    private static long whole(String type, Value value) throws TemplateException {
        return value instanceof Value.Int(long whole) ? whole : (long) number(type, value);
    }

    private static double number(String type, Value value) throws TemplateException {
        if (!Operators.isNumber(value)) {
            throw new TemplateException("The conversion '%" + type + "' needs a number, not a " + value.kindName());
        }
        return Operators.real(value);
    }

    private static String fixed(double number, int precision) {
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            return PythonText.real(number);
        }
        // The exact binary value is rounded, as C's printf does; Java's own format rounds the shortest decimal.
        return new java.math.BigDecimal(number)
                .setScale(precision < 0 ? 6 : precision, java.math.RoundingMode.HALF_EVEN)
                .toPlainString();
    }

    /** {@code format.format(...)} with {@code {}}, {@code {0}}, {@code {name}} and no format specification. */
    String braces(String format, Arguments arguments) throws TemplateException {
        TextBuilder result = new TextBuilder(budget);
        int automatic = 0;
        int at = 0;
        while (at < format.length()) {
            int brace = at;
            while (brace < format.length() && format.charAt(brace) != '{' && format.charAt(brace) != '}') {
                brace++;
            }
            result.append(format.substring(at, brace));
            if (brace == format.length()) {
                break;
            }
            char c = format.charAt(brace);
            if (brace + 1 < format.length() && format.charAt(brace + 1) == c) {
                result.append(Character.toString(c));
                at = brace + 2;
                continue;
            }
            int end = format.indexOf('}', brace);
            if (c == '}' || end < 0) {
                throw new TemplateException("The format has a single '" + c + "'");
            }
            String field = format.substring(brace + 1, end);
            String name = field.isEmpty() ? Integer.toString(automatic++) : field;
            result.append(text.str(argument(name, arguments)));
            at = end + 1;
        }
        return result.toString();
    }

    private static Value argument(String name, Arguments arguments) throws TemplateException {
        boolean index = name.length() <= 4 && name.chars().allMatch(c -> c >= '0' && c <= '9');
        if (index && Integer.parseInt(name) < arguments.positional().size()) {
            return arguments.positional().get(Integer.parseInt(name));
        }
        Value named = arguments.named().get(name);
        if (named == null) {
            throw new TemplateException("The format field '{" + name + "}' is not given, or not supported");
        }
        return named;
    }
}
