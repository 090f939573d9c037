package bita.server;

import java.util.HashSet;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** The fields of a JSON object, each of which must be understood; one that is null counts as missing. */
final class Fields {
    private static final int MOST_SHOWN = 100;

    private final JsonNode object;
    private final String path;
    private final Set<String> known = new HashSet<>();

    private Fields(JsonNode object, String path) {
        this.object = object;
        this.path = path;
    }

    /** Of a request's body. */
    static Fields ofBody(byte[] body) {
        JsonNode node = Json.read(body);
        if (!node.isObject()) {
            throw ApiError.invalid(400, "the body must be a JSON object");
        }
        return new Fields(node, "");
    }

    /**
     * Of an object within a request.
     *
     * @param path where it stands, for messages
     */
    static Fields of(JsonNode node, String path) {
        if (!node.isObject()) {
            throw ApiError.field(path, "'" + path + "' must be an object");
        }
        return new Fields(node, path + ".");
    }

    /** Where a field stands in the request. */
    String path(String name) {
        return path + name;
    }

    Optional<JsonNode> any(String name) {
        known.add(name);
        JsonNode value = object.get(name);
        return value == null || value.isNull() ? Optional.empty() : Optional.of(value);
    }

    JsonNode required(String name) {
        return any(name).orElseThrow(() -> ApiError.field(path(name), "'" + path(name) + "' is missing"));
    }

    Optional<String> text(String name) {
        return any(name).map(value -> {
            if (!value.isString()) {
                throw wrong(name, "a text");
            }
            return value.stringValue();
        });
    }

    boolean flag(String name, boolean otherwise) {
        Optional<JsonNode> value = any(name);
        if (value.isEmpty()) {
            return otherwise;
        }
        if (!value.get().isBoolean()) {
            throw wrong(name, "true or false");
        }
        return value.get().booleanValue();
    }

    OptionalInt whole(String name, int least, int most) {
        Optional<JsonNode> value = any(name);
        if (value.isEmpty()) {
            return OptionalInt.empty();
        }
        JsonNode number = value.get();
        if (!number.isIntegralNumber()
                || !number.canConvertToInt()
                || number.intValue() < least
                || number.intValue() > most) {
            throw wrong(
                    name,
                    "a whole number "
                            + (most == Integer.MAX_VALUE ? "from " + least : "from " + least + " to " + most));
        }
        return OptionalInt.of(number.intValue());
    }

    OptionalLong wholeOf64Bits(String name) {
        Optional<JsonNode> value = any(name);
        if (value.isEmpty()) {
            return OptionalLong.empty();
        }
        if (!value.get().isIntegralNumber() || !value.get().canConvertToLong()) {
            throw wrong(name, "a whole number of 64 bits");
        }
        return OptionalLong.of(value.get().longValue());
    }

    OptionalDouble number(String name, double least, double most) {
        Optional<JsonNode> value = any(name);
        if (value.isEmpty()) {
            return OptionalDouble.empty();
        }
        double number = value.get().isNumber() ? value.get().asDouble(Double.NaN) : Double.NaN;
        if (!(number >= least && number <= most)) {
            throw wrong(name, "a number from " + shown(least) + " to " + shown(most));
        }
        return OptionalDouble.of(number);
    }

    private static String shown(double limit) {
        return limit == Math.rint(limit) ? Long.toString((long) limit) : Double.toString(limit);
    }

    /** An error that says what a field must be. */
    ApiError wrong(String name, String expected) {
        return ApiError.field(path(name), "'" + path(name) + "' must be " + expected);
    }

    /** Refuses all fields that were not asked for. */
    void end() {
        for (String name : object.propertyNames()) {
            if (!known.contains(name) && !object.path(name).isNull()) {
                String shown = path(name.length() > MOST_SHOWN ? name.substring(0, MOST_SHOWN) + "..." : name);
                throw ApiError.field(shown, "'" + shown + "' is not supported");
            }
        }
    }
}
