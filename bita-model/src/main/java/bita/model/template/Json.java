package bita.model.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** JSON as Python's {@code json} module writes it, and its reader. */
final class Json {
    private static final JsonMapper MAPPER = new JsonMapper();
    private static final String HEX = "0123456789abcdef";

    private final Budget budget;

    Json(Budget budget) {
        this.budget = budget;
    }

    /**
     * How a value is laid out.
     *
     * @param indent what one level is indented with; empty if {@code multiline} is false or for no indentation
     */
    record Layout(
            boolean multiline,
            String indent,
            String itemSeparator,
            String keySeparator,
            boolean sortKeys,
            boolean asciiOnly) {}

    String write(Value value, Layout layout) throws TemplateException {
        TextBuilder text = new TextBuilder(budget);
        write(value, layout, "\n", text);
        return text.toString();
    }

    /** Writes a value whose own lines begin with the given newline and indentation. */
    private void write(Value value, Layout layout, String newline, TextBuilder text) throws TemplateException {
        budget.enter();
        switch (value) {
            case Value.None _ -> text.append("null");
            case Value.Bool bool -> text.append(bool == Value.Bool.TRUE ? "true" : "false");
            case Value.Int(long number) -> text.append(Long.toString(number));
            case Value.Real(double number) -> text.append(real(number));
            case Value.Str(String string, boolean _) -> text.append(quote(string, layout.asciiOnly()));
            case Value.Seq(Value.Kind kind, List<Value> items)
            when kind == Value.Kind.LIST || kind == Value.Kind.TUPLE -> array(items, layout, newline, text);
            case Value.Dict(Map<Value, Value> entries) -> object(entries, layout, newline, text);
            case Value.Undefined(String problem) -> throw new TemplateException(problem);
            default -> throw new TemplateException("A " + value.kindName() + " cannot be written as JSON");
        }
        budget.exit();
    }

    private void array(List<Value> items, Layout layout, String newline, TextBuilder text) throws TemplateException {
        if (items.isEmpty()) {
            text.append("[]");
            return;
        }
        String inner = inner(layout, newline);
        text.append("[");
        String separator = layout.multiline() ? inner : "";
        for (Value item : items) {
            text.append(separator);
            write(item, layout, inner, text);
            separator = layout.itemSeparator() + (layout.multiline() ? inner : "");
        }
        text.append(layout.multiline() ? newline : "").append("]");
    }

    private void object(Map<Value, Value> entries, Layout layout, String newline, TextBuilder text)
            throws TemplateException {
        if (entries.isEmpty()) {
            text.append("{}");
            return;
        }
        budget.elements(entries.size());
        List<Map.Entry<String, Value>> members = new ArrayList<>();
        for (Map.Entry<Value, Value> entry : entries.entrySet()) {
            members.add(Map.entry(key(entry.getKey()), entry.getValue()));
        }
        if (layout.sortKeys()) {
            members.sort(Map.Entry.comparingByKey());
        }
        String inner = inner(layout, newline);
        text.append("{");
        String separator = layout.multiline() ? inner : "";
        for (Map.Entry<String, Value> member : members) {
            text.append(separator)
                    .append(quote(member.getKey(), layout.asciiOnly()))
                    .append(layout.keySeparator());
            write(member.getValue(), layout, inner, text);
            separator = layout.itemSeparator() + (layout.multiline() ? inner : "");
        }
        text.append(layout.multiline() ? newline : "").append("}");
    }

    private String inner(Layout layout, String newline) throws TemplateException {
        if (!layout.multiline()) {
            return newline;
        }
        budget.text((long) newline.length() + layout.indent().length());
        return newline + layout.indent();
    }

    private static String key(Value key) throws TemplateException {
        return switch (key) {
            case Value.Str(String text, boolean _) -> text;
            case Value.Int(long number) -> Long.toString(number);
            case Value.Real(double number) -> real(number);
            case Value.Bool bool -> bool == Value.Bool.TRUE ? "true" : "false";
            case Value.None _ -> "null";
            default -> throw new TemplateException("A " + key.kindName() + " cannot be a key in JSON");
        };
    }

    private static String real(double number) {
        if (Double.isNaN(number)) {
            return "NaN";
        }
        return Double.isInfinite(number) ? (number > 0 ? "Infinity" : "-Infinity") : PythonText.real(number);
    }

    private static String quote(String text, boolean asciiOnly) {
        StringBuilder result = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> result.append("\\\"");
                case '\\' -> result.append("\\\\");
                case '\n' -> result.append("\\n");
                case '\r' -> result.append("\\r");
                case '\t' -> result.append("\\t");
                case '\b' -> result.append("\\b");
                case '\f' -> result.append("\\f");
                default -> {
                    if (c < 0x20 || (asciiOnly && c > 0x7f)) {
                        result.append("\\u");
                        for (int shift = 12; shift >= 0; shift -= 4) {
                            result.append(HEX.charAt((c >> shift) & 0xf));
                        }
                    } else {
                        result.append(c);
                    }
                }
            }
        }
        return result.append('"').toString();
    }

    Value read(String json) throws TemplateException {
        budget.text(json.length());
        try {
            return value(MAPPER.readTree(json));
        } catch (JacksonException e) {
            throw new TemplateException("The text is not JSON: " + e.getOriginalMessage());
        }
    }

    private Value value(JsonNode node) throws TemplateException {
        budget.enter();
        budget.elements(1);
        Value result;
        if (node.isObject()) {
            Map<Value, Value> entries = new LinkedHashMap<>();
            for (Map.Entry<String, JsonNode> member : node.properties()) {
                entries.put(new Value.Str(member.getKey()), value(member.getValue()));
            }
            result = new Value.Dict(entries);
        } else if (node.isArray()) {
            List<Value> items = new ArrayList<>();
            for (JsonNode item : node) {
                items.add(value(item));
            }
            result = Value.Seq.list(items);
        } else if (node.isString()) {
            result = new Value.Str(node.stringValue());
        } else if (node.isBoolean()) {
            result = Value.Bool.of(node.booleanValue());
        } else if (node.isIntegralNumber()) {
            result = new Value.Int(whole(node.bigIntegerValue()));
        } else if (node.isNumber()) {
            result = new Value.Real(Double.parseDouble(node.asString()));
        } else if (node.isNull()) {
            result = Value.None.NONE;
        } else {
            throw new TemplateException("The text is not JSON: it is empty");
        }
        budget.exit();
        return result;
    }

    private static long whole(BigInteger number) throws TemplateException {
        if (number.bitLength() >= Long.SIZE) {
            throw new TemplateException("The JSON has a whole number of more than 64 bits");
        }
        return number.longValue();
    }
}
