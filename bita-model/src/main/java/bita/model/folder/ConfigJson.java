package bita.model.folder;

import bita.model.file.ModelFormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/** The fields of a config.json, checked as they are read. A field that is null is one that is missing. */
final class ConfigJson {
    private final Path file;
    private final JsonNode json;

    ConfigJson(Path file, JsonNode json) {
        this.file = file;
        this.json = json;
    }

    /** The object in a field; one without fields if there is none. */
    ConfigJson object(String name) {
        return new ConfigJson(file, json.path(name));
    }

    boolean has(String name) {
        return !json.path(name).isMissingNode() && !json.path(name).isNull();
    }

    /** The first of several fields that is there: families call the same thing by different names. */
    OptionalInt optionalInteger(String... names) throws ModelFormatException {
        for (String name : names) {
            if (has(name)) {
                JsonNode value = json.path(name);
                check(value.isIntegralNumber() && value.canConvertToInt(), name + " is no whole number");
                return OptionalInt.of(value.intValue());
            }
        }
        return OptionalInt.empty();
    }

    int integer(String... names) throws ModelFormatException {
        OptionalInt value = optionalInteger(names);
        check(value.isPresent(), "the field " + names[0] + " is missing");
        return value.getAsInt();
    }

    OptionalDouble optionalNumber(String... names) throws ModelFormatException {
        for (String name : names) {
            if (has(name)) {
                check(json.path(name).isNumber(), name + " is no number");
                return OptionalDouble.of(json.path(name).doubleValue());
            }
        }
        return OptionalDouble.empty();
    }

    double number(String... names) throws ModelFormatException {
        OptionalDouble value = optionalNumber(names);
        check(value.isPresent(), "the field " + names[0] + " is missing");
        return value.getAsDouble();
    }

    boolean bool(String name, boolean otherwise) throws ModelFormatException {
        if (!has(name)) {
            return otherwise;
        }
        check(json.path(name).isBoolean(), name + " is neither true nor false");
        return json.path(name).booleanValue();
    }

    Optional<String> string(String... names) throws ModelFormatException {
        for (String name : names) {
            if (has(name)) {
                check(json.path(name).isString(), name + " is no text");
                return Optional.of(json.path(name).stringValue());
            }
        }
        return Optional.empty();
    }

    float[] numbers(String name) throws ModelFormatException {
        check(json.path(name).isArray(), "the field " + name + " is no list of numbers");
        float[] numbers = new float[json.path(name).size()];
        for (int i = 0; i < numbers.length; i++) {
            check(json.path(name).path(i).isNumber(), name + " is no list of numbers");
            numbers[i] = json.path(name).path(i).floatValue();
        }
        return numbers;
    }

    Optional<List<String>> strings(String name) throws ModelFormatException {
        if (!has(name)) {
            return Optional.empty();
        }
        check(json.path(name).isArray(), name + " is no list of texts");
        List<String> strings = new ArrayList<>();
        for (JsonNode element : json.path(name)) {
            check(element.isString(), name + " is no list of texts");
            strings.add(element.stringValue());
        }
        return Optional.of(strings);
    }

    void check(boolean condition, String problem) throws ModelFormatException {
        if (!condition) {
            throw new ModelFormatException(file, problem);
        }
    }
}
