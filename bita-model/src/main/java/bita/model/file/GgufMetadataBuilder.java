package bita.model.file;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** Builds {@link GgufMetadata}: a new key comes last, a known key keeps its place and has its value replaced. */
public final class GgufMetadataBuilder {
    private final String source;
    private final SequencedMap<String, GgufValue> values;

    GgufMetadataBuilder(String source, SequencedMap<String, GgufValue> values) {
        this.source = source;
        this.values = values;
    }

    /** Sets a string. */
    public GgufMetadataBuilder string(String key, String value) {
        byte[] text = value.getBytes(StandardCharsets.UTF_8);
        return put(
                key,
                GgufType.STRING,
                little(Long.BYTES + text.length).putLong(text.length).put(text));
    }

    /** Sets a UINT32, the type of most integers in GGUF files. */
    public GgufMetadataBuilder uint32(String key, int value) {
        return put(key, GgufType.UINT32, little(Integer.BYTES).putInt(value));
    }

    /** Sets a FLOAT32. */
    public GgufMetadataBuilder float32(String key, float value) {
        return put(key, GgufType.FLOAT32, little(Float.BYTES).putFloat(value));
    }

    /** Sets a truth value. */
    public GgufMetadataBuilder bool(String key, boolean value) {
        return put(key, GgufType.BOOL, little(1).put((byte) (value ? 1 : 0)));
    }

    /** Sets an array of strings. */
    public GgufMetadataBuilder strings(String key, List<String> value) {
        ByteArrayOutputStream elements = new ByteArrayOutputStream();
        for (String element : value) {
            byte[] text = element.getBytes(StandardCharsets.UTF_8);
            elements.writeBytes(little(Long.BYTES).putLong(text.length).array());
            elements.writeBytes(text);
        }
        byte[] bytes = elements.toByteArray();
        return put(
                key,
                GgufType.ARRAY,
                array(GgufType.STRING, value.size(), bytes.length).put(bytes));
    }

    /** Sets an array of INT32. */
    public GgufMetadataBuilder integers(String key, int... value) {
        ByteBuffer bytes = array(GgufType.INT32, value.length, Math.multiplyExact(value.length, Integer.BYTES));
        for (int element : value) {
            bytes.putInt(element);
        }
        return put(key, GgufType.ARRAY, bytes);
    }

    /** Sets an array of FLOAT32. */
    public GgufMetadataBuilder floats(String key, float... value) {
        ByteBuffer bytes = array(GgufType.FLOAT32, value.length, Math.multiplyExact(value.length, Float.BYTES));
        for (float element : value) {
            bytes.putFloat(element);
        }
        return put(key, GgufType.ARRAY, bytes);
    }

    /** Forgets a key, if it is there. */
    public GgufMetadataBuilder remove(String key) {
        values.remove(key);
        return this;
    }

    /** The metadata as set so far. */
    public GgufMetadata build() {
        return new GgufMetadata(source, new LinkedHashMap<>(values));
    }

    private GgufMetadataBuilder put(String key, GgufType type, ByteBuffer bytes) {
        if (key.isEmpty()) {
            throw new IllegalArgumentException("a metadata key must not be empty");
        }
        values.put(key, new GgufValue(type, bytes.flip()));
        return this;
    }

    private static ByteBuffer array(GgufType element, int count, int elementBytes) {
        return little(Math.addExact(GgufValue.ELEMENTS, elementBytes))
                .putInt(element.id())
                .putLong(count);
    }

    private static ByteBuffer little(int capacity) {
        return ByteBuffer.allocate(capacity).order(ByteOrder.LITTLE_ENDIAN);
    }
}
