package bita.model.file;

import bita.kernels.NumberFormat;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/**
 * Writes a safetensors file from arrays: tensors and metadata are added, then {@link #write} is called. The same
 * additions in the same order make the same bytes.
 */
public final class SafetensorsWriter {
    private static final JsonFactory JSON = new JsonFactory();

    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, Entry> tensors = new LinkedHashMap<>();

    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Entry(String name, String dtype, int elementBytes, long[] shape, byte[] data) {}

    /** Adds a string to the metadata. */
    public SafetensorsWriter metadata(String key, String value) {
        if (metadata.putIfAbsent(key, value) != null) {
            throw new IllegalArgumentException("there are two metadata values of " + key);
        }
        return this;
    }

    /**
     * Adds a tensor, whose values are copied.
     *
     * @param name a name that no other tensor has
     * @param format F32, F16 or BF16
     * @param shape the size of each dimension, outermost first
     * @param values the elements, as many as the shape says
     * @throws IllegalArgumentException if the format is quantized, the number of values differs from the shape's, the
     *     name occurs twice, or a finite value is beyond the format's range
     */
    public SafetensorsWriter tensor(String name, NumberFormat format, long[] shape, float[] values) {
        if (format.quantized()) {
            throw new IllegalArgumentException("safetensors files cannot hold " + format);
        }
        checkShape(name, shape, values.length);
        NumberRange.check(values, format);
        byte[] data = new byte[Math.toIntExact(format.bytes(values.length))];
        format.encode(values, 0, values.length, MemorySegment.ofArray(data), 0);
        return add(new Entry(name, format.name(), format.blockBytes(), shape.clone(), data));
    }

    /**
     * Adds a tensor of type I32, whose values are copied.
     *
     * @param name a name that no other tensor has
     * @param shape the size of each dimension, outermost first
     * @param values the elements, as many as the shape says
     * @throws IllegalArgumentException if the number of values differs from the shape's, or the name occurs twice
     */
    public SafetensorsWriter tensor(String name, long[] shape, int[] values) {
        checkShape(name, shape, values.length);
        ByteBuffer data = ByteBuffer.allocate(Math.multiplyExact(Integer.BYTES, values.length))
                .order(ByteOrder.LITTLE_ENDIAN);
        data.asIntBuffer().put(values);
        return add(new Entry(name, SafetensorsFile.I32, Integer.BYTES, shape.clone(), data.array()));
    }

    private static void checkShape(String name, long[] shape, int values) {
        if (name.equals(SafetensorsParser.METADATA)) {
            throw new IllegalArgumentException("a tensor cannot have the name " + name);
        }
        long elements = 1;
        for (long size : shape) {
            if (size < 0) {
                throw new IllegalArgumentException("tensor " + name + " has a dimension of size " + size);
            }
            elements = Math.multiplyExact(elements, size);
        }
        if (elements != values) {
            throw new IllegalArgumentException(
                    "tensor " + name + " has " + values + " values where its shape needs " + elements);
        }
    }

    private SafetensorsWriter add(Entry entry) {
        if (tensors.putIfAbsent(entry.name(), entry) != null) {
            throw new IllegalArgumentException("there are two tensors with the name " + entry.name());
        }
        return this;
    }

    /**
     * Writes the file, which appears when it is complete; if that fails, nothing remains.
     *
     * @param overwrite whether an existing file is replaced rather than refused
     * @throws java.nio.file.FileAlreadyExistsException if the file exists and must not be overwritten
     * @throws IOException if it cannot be written
     */
    public void write(Path target, boolean overwrite) throws IOException {
        // The widest elements first, so that each tensor is aligned to its elements.
        List<Entry> order = new ArrayList<>(tensors.values());
        order.sort(Comparator.comparingInt(Entry::elementBytes).reversed());
        byte[] header = header(order);
        try (AtomicFile file = AtomicFile.create(target, overwrite)) {
            file.write(ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(header.length)
                    .flip());
            file.write(ByteBuffer.wrap(header));
            for (Entry entry : order) {
                file.write(ByteBuffer.wrap(entry.data()));
            }
            file.commit();
        }
    }

    private byte[] header(List<Entry> order) {
        ByteArrayOutputStream json = new ByteArrayOutputStream();
        try (JsonGenerator generator = JSON.createGenerator(ObjectWriteContext.empty(), json)) {
            generator.writeStartObject();
            if (!metadata.isEmpty()) {
                generator.writeObjectPropertyStart(SafetensorsParser.METADATA);
                metadata.forEach(generator::writeStringProperty);
                generator.writeEndObject();
            }
            long begin = 0;
            for (Entry entry : order) {
                long end = begin + entry.data().length;
                generator.writeObjectPropertyStart(entry.name());
                generator.writeStringProperty("dtype", entry.dtype());
                generator.writeName("shape");
                generator.writeArray(entry.shape(), 0, entry.shape().length);
                generator.writeName("data_offsets");
                generator.writeArray(new long[] {begin, end}, 0, 2);
                generator.writeEndObject();
                begin = end;
            }
            generator.writeEndObject();
        }
        while (json.size() % Long.BYTES != 0) {
            json.write(' ');
        }
        return json.toByteArray();
    }
}
