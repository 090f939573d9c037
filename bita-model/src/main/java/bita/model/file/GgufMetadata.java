package bita.model.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.SequencedMap;
import java.util.Set;

/**
 * The metadata of a GGUF file: typed values by key, in the order of the file.
 *
 * <p>A key that is missing is an empty result, or an exception of the {@code require} methods. A value that is present
 * but of another type, or that cannot be represented, is a {@link ModelFormatException} that names file and key. Values
 * are decoded anew by each call; those of a file can be read until the file is closed.
 */
public final class GgufMetadata {
    private final String source;
    private final SequencedMap<String, GgufValue> values;

    GgufMetadata(String source, SequencedMap<String, GgufValue> values) {
        this.source = source;
        this.values = Collections.unmodifiableSequencedMap(values);
    }

    /** Starts metadata for a file to be written. */
    public static GgufMetadataBuilder builder() {
        return new GgufMetadataBuilder("new GGUF metadata", new LinkedHashMap<>());
    }

    /** Starts metadata that has all of these values, unchanged to the last bit where they are not replaced. */
    public GgufMetadataBuilder toBuilder() {
        return new GgufMetadataBuilder(source, new LinkedHashMap<>(values));
    }

    /** All keys, in order. */
    public Set<String> keys() {
        return values.keySet();
    }

    /** The values as they lie in the file, by key, in order. */
    SequencedMap<String, GgufValue> values() {
        return values;
    }

    /** A string. */
    public Optional<String> string(String key) throws ModelFormatException {
        GgufValue value = values.get(key);
        if (value == null) {
            return Optional.empty();
        }
        check(value.type() == GgufType.STRING, key, value, "a string");
        byte[] bytes = bytes(value);
        return Optional.of(text(key, bytes, Long.BYTES, bytes.length - Long.BYTES));
    }

    /** An integer of any width, signed or unsigned. */
    public OptionalLong integer(String key) throws ModelFormatException {
        GgufValue value = values.get(key);
        if (value == null) {
            return OptionalLong.empty();
        }
        check(value.type().integer(), key, value, "an integer");
        OptionalLong integer = value.integerAt(0, value.type());
        check(integer.isPresent(), key, value, "an integer below 2^63");
        return integer;
    }

    /** A number of any type; the nearest f64 of a 64-bit integer. */
    public OptionalDouble number(String key) throws ModelFormatException {
        GgufValue value = values.get(key);
        if (value == null) {
            return OptionalDouble.empty();
        }
        return switch (value.type()) {
            case FLOAT32 -> OptionalDouble.of(value.bytes().getFloat(0));
            case FLOAT64 -> OptionalDouble.of(value.bytes().getDouble(0));
            default -> {
                check(value.type().integer(), key, value, "a number");
                yield OptionalDouble.of((double) integer(key).orElseThrow());
            }
        };
    }

    /** A truth value. */
    public Optional<Boolean> bool(String key) throws ModelFormatException {
        GgufValue value = values.get(key);
        if (value == null) {
            return Optional.empty();
        }
        check(value.type() == GgufType.BOOL, key, value, "a truth value");
        byte bool = value.bytes().get(0);
        check(bool == 0 || bool == 1, key, value, "0 or 1");
        return Optional.of(bool == 1);
    }

    /** An array of strings. */
    public Optional<List<String>> strings(String key) throws ModelFormatException {
        GgufValue value = values.get(key);
        if (value == null) {
            return Optional.empty();
        }
        check(value.arrayOf(GgufType.STRING), key, value, "an array of strings");
        int count = value.elementCount();
        byte[] bytes = bytes(value);
        ByteBuffer lengths = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        List<String> strings = new ArrayList<>(count);
        int position = GgufValue.ELEMENTS;
        for (int i = 0; i < count; i++) {
            int length = (int) lengths.getLong(position);
            position += Long.BYTES;
            strings.add(text(key, bytes, position, length));
            position += length;
        }
        return Optional.of(Collections.unmodifiableList(strings));
    }

    /** An array of integers of any type, each of which must fit an int. */
    public Optional<int[]> integers(String key) throws ModelFormatException {
        GgufValue value = values.get(key);
        if (value == null) {
            return Optional.empty();
        }
        check(value.arrayOfIntegers(), key, value, "an array of integers");
        int[] integers = new int[value.elementCount()];
        if (value.arrayOf(GgufType.INT32)) {
            // In bulk, because token types are read at start-up, before this code is compiled.
            elements(value).asIntBuffer().get(integers);
            return Optional.of(integers);
        }
        GgufType element = value.elementType();
        for (int i = 0; i < integers.length; i++) {
            OptionalLong integer = value.integerAt(GgufValue.ELEMENTS + i * element.bytes(), element);
            check(
                    integer.isPresent() && integer.getAsLong() == (int) integer.getAsLong(),
                    key,
                    value,
                    "an array of integers of 32 bits");
            integers[i] = (int) integer.getAsLong();
        }
        return Optional.of(integers);
    }

    /** An array of f32. */
    public Optional<float[]> floats(String key) throws ModelFormatException {
        GgufValue value = values.get(key);
        if (value == null) {
            return Optional.empty();
        }
        check(value.arrayOf(GgufType.FLOAT32), key, value, "an array of FLOAT32");
        float[] floats = new float[value.elementCount()];
        elements(value).asFloatBuffer().get(floats);
        return Optional.of(floats);
    }

    /** As {@link #string}; a missing key is a {@link ModelFormatException}. */
    public String requireString(String key) throws ModelFormatException {
        return string(key).orElseThrow(() -> missing(key));
    }

    /** As {@link #integer}; a missing key is a {@link ModelFormatException}. */
    public long requireInteger(String key) throws ModelFormatException {
        return integer(key).orElseThrow(() -> missing(key));
    }

    /** As {@link #number}; a missing key is a {@link ModelFormatException}. */
    public double requireNumber(String key) throws ModelFormatException {
        return number(key).orElseThrow(() -> missing(key));
    }

    /** As {@link #bool}; a missing key is a {@link ModelFormatException}. */
    public boolean requireBool(String key) throws ModelFormatException {
        return bool(key).orElseThrow(() -> missing(key));
    }

    /** As {@link #strings}; a missing key is a {@link ModelFormatException}. */
    public List<String> requireStrings(String key) throws ModelFormatException {
        return strings(key).orElseThrow(() -> missing(key));
    }

    /** As {@link #integers}; a missing key is a {@link ModelFormatException}. */
    public int[] requireIntegers(String key) throws ModelFormatException {
        return integers(key).orElseThrow(() -> missing(key));
    }

    /** As {@link #floats}; a missing key is a {@link ModelFormatException}. */
    public float[] requireFloats(String key) throws ModelFormatException {
        return floats(key).orElseThrow(() -> missing(key));
    }

    private ModelFormatException missing(String key) {
        return new ModelFormatException(source + ": the metadata key " + Text.quote(key)
                + " is missing; convert the model again, or use another");
    }

    private void check(boolean condition, String key, GgufValue value, String expected) throws ModelFormatException {
        if (!condition) {
            throw new ModelFormatException(source + ": the metadata value of " + Text.quote(key) + " (" + value
                    + ") is not " + expected + "; convert the model again, or use another");
        }
    }

    private String text(String key, byte[] bytes, int offset, int length) throws ModelFormatException {
        try {
            return Text.utf8(bytes, offset, length);
        } catch (CharacterCodingException e) {
            throw new ModelFormatException(
                    source + ": the metadata value of " + Text.quote(key)
                            + " is not valid UTF-8; the file is damaged, so download or convert it again",
                    e);
        }
    }

    private static ByteBuffer elements(GgufValue array) {
        return array.bytes()
                .slice(GgufValue.ELEMENTS, array.bytes().limit() - GgufValue.ELEMENTS)
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A copy on the heap, where strings are decoded much faster than out of a mapped file. */
    private static byte[] bytes(GgufValue value) {
        byte[] bytes = new byte[value.bytes().limit()];
        value.bytes().get(0, bytes);
        return bytes;
    }
}
