package bita.api.json;

import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Whether a value satisfies a schema, by the words of JSON Schema and without the code that is tested. */
final class SchemaChecker {
    private final JsonNode document;

    SchemaChecker(JsonNode document) {
        this.document = document;
    }

    boolean satisfies(JsonNode value) {
        return satisfies(value, document);
    }

    private boolean satisfies(JsonNode value, JsonNode schema) {
        if (schema.isBoolean()) {
            return schema.booleanValue();
        }
        for (String keyword : schema.propertyNames()) {
            if (!satisfies(value, schema, keyword, schema.get(keyword))) {
                return false;
            }
        }
        return true;
    }

    private boolean satisfies(JsonNode value, JsonNode schema, String keyword, JsonNode wanted) {
        return switch (keyword) {
            case "type" ->
                wanted.isString()
                        ? isOfType(value, wanted.stringValue())
                        : wanted.valueStream().anyMatch(type -> isOfType(value, type.stringValue()));
            case "enum" -> wanted.valueStream().anyMatch(value::equals);
            case "const" -> value.equals(wanted);
            case "anyOf" -> wanted.valueStream().anyMatch(s -> satisfies(value, s));
            case "allOf" -> wanted.valueStream().allMatch(s -> satisfies(value, s));
            case "oneOf" ->
                wanted.valueStream().filter(s -> satisfies(value, s)).count() == 1;
            case "$ref" -> satisfies(value, document.at(wanted.stringValue().substring(1)));
            case "properties" ->
                !value.isObject()
                        || wanted.properties().stream()
                                .allMatch(
                                        p -> !value.has(p.getKey()) || satisfies(value.get(p.getKey()), p.getValue()));
            case "required" ->
                !value.isObject() || wanted.valueStream().allMatch(name -> value.has(name.stringValue()));
            case "additionalProperties" ->
                !value.isObject()
                        || value.properties().stream()
                                .allMatch(p ->
                                        schema.path("properties").has(p.getKey()) || satisfies(p.getValue(), wanted));
            case "prefixItems" -> prefixSatisfies(value, wanted);
            case "items" ->
                itemsSatisfy(value, wanted, schema.path("prefixItems").size());
            case "minItems" -> !value.isArray() || value.size() >= wanted.intValue();
            case "maxItems" -> !value.isArray() || value.size() <= wanted.intValue();
            case "minLength" -> !value.isString() || length(value) >= wanted.intValue();
            case "maxLength" -> !value.isString() || length(value) <= wanted.intValue();
            case "minimum" -> !value.isNumber() || compare(value, wanted) >= 0;
            case "maximum" -> !value.isNumber() || compare(value, wanted) <= 0;
            case "exclusiveMinimum" -> !value.isNumber() || compare(value, wanted) > 0;
            case "exclusiveMaximum" -> !value.isNumber() || compare(value, wanted) < 0;
            default -> Set.of("$defs", "title").contains(keyword);
        };
    }

    private static int compare(JsonNode value, JsonNode wanted) {
        return value.decimalValue().compareTo(wanted.decimalValue());
    }

    private static int length(JsonNode value) {
        String text = value.stringValue();
        return text.codePointCount(0, text.length());
    }

    private boolean prefixSatisfies(JsonNode value, JsonNode wanted) {
        for (int i = 0; value.isArray() && i < Math.min(value.size(), wanted.size()); i++) {
            if (!satisfies(value.get(i), wanted.get(i))) {
                return false;
            }
        }
        return true;
    }

    private boolean itemsSatisfy(JsonNode value, JsonNode wanted, int from) {
        for (int i = from; value.isArray() && i < value.size(); i++) {
            if (!satisfies(value.get(i), wanted)) {
                return false;
            }
        }
        return true;
    }

    private static boolean isOfType(JsonNode value, String type) {
        return switch (type) {
            case "object" -> value.isObject();
            case "array" -> value.isArray();
            case "string" -> value.isString();
            case "number" -> value.isNumber();
            case "integer" -> value.isIntegralNumber();
            case "boolean" -> value.isBoolean();
            case "null" -> value.isNull();
            default -> throw new AssertionError(type);
        };
    }
}
