package bita.model.file;

import bita.kernels.NumberFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/** A tensor of a {@link ModelFile}. */
public final class ModelTensor {
    private final Path file;
    private final String name;
    private final long[] shape;
    private final GgmlType type;
    private final MemorySegment data;
    private final Optional<int[]> rows;

    private ModelTensor(Path file, String name, long[] shape, GgmlType type, MemorySegment data, Optional<int[]> rows) {
        this.file = file;
        this.name = name;
        this.shape = shape;
        this.type = type;
        this.data = data;
        this.rows = rows;
    }

    ModelTensor(Path file, String name, long[] shape, GgmlType type, MemorySegment data) {
        this(file, name, shape, type, data, Optional.empty());
    }

    /**
     * A tensor of another kind of file.
     *
     * @param data the elements, row after row
     */
    public static ModelTensor of(Path file, String name, long[] shape, NumberFormat format, MemorySegment data) {
        return new ModelTensor(file, name, shape.clone(), GgmlType.of(format), data);
    }

    /**
     * This tensor with its rows, or the numbers of a vector, in another order.
     *
     * @param order which of the stored rows each row is
     */
    public ModelTensor withRows(int[] order) {
        return new ModelTensor(file, name, shape, type, data, Optional.of(order));
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

    /**
     * The elements as they are stored, row after row, read only and without a promised alignment; valid until the file is
     * closed. Their rows are in the tensor's order unless {@link #order} says otherwise.
     */
    public MemorySegment data() {
        return data;
    }

    /** Which of the stored rows, or of a vector's numbers, each row of the tensor is; empty if they are the same. */
    public Optional<int[]> order() {
        return rows.map(int[]::clone);
    }

    /** The elements with their rows in the tensor's order: {@link #data}, or a copy in the arena. */
    MemorySegment dataInOrder(Arena arena) {
        if (rows.isEmpty()) {
            return data;
        }
        long rowBytes = data.byteSize() / shape[0];
        MemorySegment ordered = arena.allocate(data.byteSize(), 64);
        for (int row = 0; row < shape[0]; row++) {
            MemorySegment.copy(data, rows.get()[row] * rowBytes, ordered, row * rowBytes, rowBytes);
        }
        return ordered;
    }

    @Override
    public String toString() {
        return name + " " + type + " " + Arrays.toString(shape);
    }
}
