package bita.model.template;

import java.math.BigDecimal;
import java.util.List;
import java.util.Map;

/** Values as text the way Python's {@code str()} and {@code repr()} give them. */
final class PythonText {
    private final Budget budget;

    PythonText(Budget budget) {
        this.budget = budget;
    }

    /** What is printed for the value; nothing for an undefined one. */
    String str(Value value) throws TemplateException {
        return switch (value) {
            case Value.Str(String text, boolean _) -> text;
            case Value.Undefined _ -> "";
            default -> repr(value);
        };
    }

    String repr(Value value) throws TemplateException {
        TextBuilder text = new TextBuilder(budget);
        write(value, text);
        return text.toString();
    }

    private void write(Value value, TextBuilder text) throws TemplateException {
        budget.enter();
        switch (value) {
            case Value.Undefined _ -> text.append("Undefined");
            case Value.None _ -> text.append("None");
            case Value.Bool bool -> text.append(bool == Value.Bool.TRUE ? "True" : "False");
            case Value.Int(long number) -> text.append(Long.toString(number));
            case Value.Real(double number) -> text.append(real(number));
            case Value.Str(String string, boolean _) -> text.append(quote(string));
            case Value.Seq seq -> sequence(seq, text);
            case Value.Dict(Map<Value, Value> entries) -> {
                String separator = "{";
                for (Map.Entry<Value, Value> entry : entries.entrySet()) {
                    text.append(separator);
                    write(entry.getKey(), text);
                    text.append(": ");
                    write(entry.getValue(), text);
                    separator = ", ";
                }
                text.append(entries.isEmpty() ? "{}" : "}");
            }
            case Value.Namespace(Map<String, Value> members) -> {
                String separator = "<Namespace {";
                for (Map.Entry<String, Value> member : members.entrySet()) {
                    text.append(separator).append(quote(member.getKey())).append(": ");
                    write(member.getValue(), text);
                    separator = ", ";
                }
                text.append(members.isEmpty() ? "<Namespace {}>" : "}>");
            }
            case Value.Macro macro -> text.append("<Macro " + quote(macro.name()) + ">");
            case Value.Loop loop -> text.append("<LoopContext " + (loop.index + 1) + "/" + loop.items.size() + ">");
            case Value.Method method -> text.append("<method " + quote(method.name()) + ">");
            case Value.Function function -> text.append("<function " + function + ">");
        }
        budget.exit();
    }

    private void sequence(Value.Seq seq, TextBuilder text) throws TemplateException {
        List<Value> items = seq.items();
        String open = switch (seq.kind()) {
            case LIST -> "[";
            case TUPLE -> "(";
            default -> "<" + seq.kindName() + " [";
        };
        String close = switch (seq.kind()) {
            case LIST -> "]";
            case TUPLE -> items.size() == 1 ? ",)" : ")";
            default -> "]>";
        };
        text.append(open);
        String separator = "";
        for (Value item : items) {
            text.append(separator);
            write(item, text);
            separator = ", ";
        }
        text.append(close);
    }

    /** The shortest digits that give the number back, with an exponent below 1e-4 and from 1e16 on. */
    static String real(double number) {
        if (Double.isNaN(number)) {
            return "nan";
        }
        if (Double.isInfinite(number)) {
            return number > 0 ? "inf" : "-inf";
        }
        if (number == 0) {
            return 1 / number < 0 ? "-0.0" : "0.0";
        }
        BigDecimal decimal = new BigDecimal(Double.toString(number)).stripTrailingZeros();
        int exponent = decimal.precision() - decimal.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = decimal.toPlainString();
            return plain.indexOf('.') < 0 ? plain + ".0" : plain;
        }
        String digits = decimal.unscaledValue().abs().toString();
        String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
        String magnitude = Math.abs(exponent) < 10 ? "0" + Math.abs(exponent) : "" + Math.abs(exponent);
        return (number < 0 ? "-" : "") + digits.charAt(0) + fraction + (exponent < 0 ? "e-" : "e+") + magnitude;
    }

    /** The text as a Python literal: in single quotes unless it has some and no double ones. */
    private static String quote(String text) {
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        StringBuilder result = new StringBuilder(text.length() + 2).append(quote);
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            int c = text.codePointAt(i);
            switch (c) {
                case '\\' -> result.append("\\\\");
                case '\n' -> result.append("\\n");
                case '\r' -> result.append("\\r");
                case '\t' -> result.append("\\t");
                default -> {
                    if (c == quote) {
                        result.append('\\').append(quote);
                    } else if (isPrintable(c)) {
                        result.appendCodePoint(c);
                    } else {
                        String format = c <= 0xff ? "\\x%02x" : c <= 0xffff ? "\\u%04x" : "\\U%08x";
                        result.append(String.format(java.util.Locale.ROOT, format, c));
                    }
                }
            }
        }
        return result.append(quote).toString();
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            case Character.SPACE_SEPARATOR -> c == ' ';
            default -> true;
        };
    }
}
