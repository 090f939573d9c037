package bita.model;

import bita.kernels.Kernels;
import bita.kernels.NumberFormat;
import bita.kernels.PackedMatrix;
import bita.kernels.RowMap;
import bita.kernels.ThreadTeam;
import bita.model.file.ModelFile;
import bita.model.file.ModelFormatException;
import bita.model.file.ModelTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/** Reads a file's tensors, of expected shapes, into packed memory. */
final class WeightLoader {
    static final long VECTOR_ALIGNMENT = 64;

    private final ModelFile file;
    private final Kernels kernels;
    private final ThreadTeam team;
    private final SegmentAllocator memory;
    private final Set<String> read = new HashSet<>();
    private long bytes;

    WeightLoader(ModelFile file, Arena arena, Kernels kernels, ThreadTeam team) throws ModelFormatException {
        this.file = file;
        this.kernels = kernels;
        this.team = team;
        this.memory = kernels.weightMemory(arena, Transformer.bytes(file));
    }

    boolean has(String name) {
        return file.find(name).isPresent();
    }

    boolean hasRead(String name) {
        return read.contains(name);
    }

    /** Bytes of all that has been read, packed. */
    long bytes() {
        return bytes;
    }

    /** Begins to read the tensors whose names start so: what is packed meanwhile hides how long that takes. */
    void readAhead(String prefix) {
        for (ModelTensor tensor : file.tensors()) {
            if (tensor.name().startsWith(prefix) && tensor.data().isMapped()) {
                kernels.readAhead(tensor.data());
            }
        }
    }

    ModelTensor tensor(String name, long... shape) throws ModelFormatException {
        ModelTensor tensor = file.require(name);
        if (!Arrays.equals(tensor.shape(), shape)) {
            throw new ModelFormatException(
                    file.path(),
                    "tensor " + name + " has the shape " + Arrays.toString(tensor.shape())
                            + " where the model's metadata asks for " + Arrays.toString(shape));
        }
        read.add(name);
        return tensor;
    }

    /** A whole matrix. */
    PackedMatrix matrix(String name, int rows, int columns) throws ModelFormatException {
        return pack(tensor(name, rows, columns), Optional.empty(), columns);
    }

    /**
     * Some rows of a matrix, in another order.
     *
     * @param rows which of the {@code storedRows}
     */
    PackedMatrix matrix(String name, int storedRows, int columns, int[] rows) throws ModelFormatException {
        return pack(tensor(name, storedRows, columns), Optional.of(rows), columns);
    }

    private PackedMatrix pack(ModelTensor tensor, Optional<int[]> rows, int columns) throws ModelFormatException {
        NumberFormat format = tensor.format();
        MemorySegment data = tensor.data();
        int storedRows = (int) tensor.shape()[0];
        RowMap map = stored(tensor, rows)
                .map(order -> RowMap.of(storedRows, order))
                .orElseGet(() -> RowMap.identity(storedRows));
        PackedMatrix matrix = PackedMatrix.allocate(memory, format, map.rows(), columns);
        team.run(member ->
                kernels.pack(format, data, map, matrix, member.from(matrix.panels()), member.to(matrix.panels())));
        if (data.isMapped()) {
            kernels.dropPages(data);
        }
        bytes += matrix.bytes();
        return matrix;
    }

    /** Where in the file some rows, or numbers of a vector, of a tensor are; empty for all of them as they are. */
    private static Optional<int[]> stored(ModelTensor tensor, Optional<int[]> rows) {
        Optional<int[]> order = tensor.order();
        if (rows.isEmpty() || order.isEmpty()) {
            return rows.or(() -> order);
        }
        return Optional.of(
                Arrays.stream(rows.get()).map(row -> order.get()[row]).toArray());
    }

    /** A vector of f32. */
    MemorySegment vector(String name, int length) throws ModelFormatException {
        return vector(tensor(name, length), Optional.empty());
    }

    /**
     * Some numbers of a vector, in another order, in f32.
     *
     * @param numbers which of the {@code storedLength}
     */
    MemorySegment vector(String name, int storedLength, int[] numbers) throws ModelFormatException {
        return vector(tensor(name, storedLength), Optional.of(numbers));
    }

    private MemorySegment vector(ModelTensor tensor, Optional<int[]> numbers) throws ModelFormatException {
        float[] stored = new float[(int) tensor.shape()[0]];
        tensor.format().decode(tensor.data(), 0, stored, 0, stored.length);
        int[] order = stored(tensor, numbers)
                .orElseGet(() -> IntStream.range(0, stored.length).toArray());
        float[] values = new float[order.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = stored[order[i]];
        }
        MemorySegment segment = memory.allocate((long) values.length * Float.BYTES, VECTOR_ALIGNMENT);
        MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_FLOAT, 0, values.length);
        bytes += segment.byteSize();
        return segment;
    }
}
