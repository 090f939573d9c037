package bita.model.file;

import bita.kernels.NumberFormat;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;

/** A tensor of a {@link GgufFile}. */
public final class GgufTensor {
    private final Path file;
    private final String name;
    private final long[] shape;
    private final GgmlType type;
    private final MemorySegment data;

    GgufTensor(Path file, String name, long[] shape, GgmlType type, MemorySegment data) {
        this.file = file;
        this.name = name;
        this.shape = shape;
        this.type = type;
        this.data = data;
    }

    /** The name, unique in its file. */
    public String name() {
        return name;
    }

    /**
     * The size of each dimension, outermost first: a matrix is (rows, columns), and the elements of a row lie side by
     * side. GGUF files store the reverse order.
     */
    public long[] shape() {
        return shape.clone();
    }

    /** The number of elements. */
    public long elements() {
        return data.byteSize() / type.blockBytes() * type.blockSize();
    }

    /**
     * The number format of the elements.
     *
     * @throws ModelFormatException if ggml knows the type and this library does not
     */
    public NumberFormat format() throws ModelFormatException {
        return type.format()
                .orElseThrow(() -> new ModelFormatException(
                        file,
                        "tensor " + Text.quote(name) + " is stored as " + type
                                + ", which is not supported; use a file in " + "one of the formats "
                                + Arrays.toString(NumberFormat.values())));
    }

    /** The name ggml gives to the type of the elements, also of those that {@link #format} refuses. */
    public String typeName() {
        return type.name();
    }

    GgmlType type() {
        return type;
    }

    /** The stored elements, row after row, read only and without a promised alignment; valid until the file is closed. */
    public MemorySegment data() {
        return data;
    }

    @Override
    public String toString() {
        return name + " " + type + " " + Arrays.toString(shape);
    }
}
