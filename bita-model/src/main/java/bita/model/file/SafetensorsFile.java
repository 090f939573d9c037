package bita.model.file;

import bita.kernels.NumberFormat;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * A safetensors file, mapped into memory and readable by any thread.
 *
 * <p>Opening checks the whole header against itself and against the size of the file. While the file is open it must not
 * be shortened or rewritten in place.
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">The safetensors format</a>
 */
public final class SafetensorsFile implements AutoCloseable {
    static final String I32 = "I32";

    private static final ValueLayout.OfInt LITTLE_ENDIAN_INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path path;
    private final Arena arena;
    private final MemorySegment bytes;
    private final Map<String, String> metadata;
    private final SequencedMap<String, SafetensorsTensor> tensors;

    private SafetensorsFile(MappedFile file, SafetensorsParser.Header header) {
        this.path = file.path();
        this.arena = file.arena();
        this.bytes = file.bytes();
        this.metadata = Collections.unmodifiableMap(header.metadata());
        this.tensors = Collections.unmodifiableSequencedMap(header.tensors());
    }

    /**
     * Opens a file.
     *
     * @throws ModelFormatException if it is not a sound safetensors file
     * @throws IOException if it cannot be read
     */
    public static SafetensorsFile open(Path path) throws IOException {
        MappedFile file = MappedFile.open(path, "safetensors");
        try {
            return new SafetensorsFile(file, SafetensorsParser.parse(file));
        } catch (IOException | RuntimeException | Error e) {
            file.arena().close();
            throw e;
        }
    }

    /** The path as it was given to {@link #open}. */
    public Path path() {
        return path;
    }

    /** The whole file, mapped for reading; valid until it is closed. */
    public MemorySegment bytes() {
        return bytes;
    }

    /** The strings under {@code __metadata__}, in the order of the file. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** All tensors in the order of the header. */
    public List<SafetensorsTensor> tensors() {
        return List.copyOf(tensors.values());
    }

    /** The tensor of a name. */
    public Optional<SafetensorsTensor> find(String name) {
        return Optional.ofNullable(tensors.get(name));
    }

    /**
     * The tensor of a name.
     *
     * @throws ModelFormatException if the file has no such tensor
     */
    public SafetensorsTensor require(String name) throws ModelFormatException {
        SafetensorsTensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new ModelFormatException(
                    path,
                    "there is no tensor " + Text.quote(name) + "; the file is of another kind, or one part of several");
        }
        return tensor;
    }

    /**
     * The elements of a tensor of type F32, F16 or BF16.
     *
     * @throws ModelFormatException if there is no such tensor, it has another type, or more elements than an array holds
     */
    public float[] floats(String name) throws ModelFormatException {
        SafetensorsTensor tensor = require(name);
        long elements = tensor.data().byteSize() / format(tensor).blockBytes();
        checkCount(name, elements);
        return floats(name, 0, (int) elements);
    }

    /**
     * Consecutive elements of a tensor of type F32, F16 or BF16.
     *
     * @param first index of the first one, counted over all dimensions, the last of which runs fastest
     * @throws ModelFormatException if there is no such tensor, or it has another type
     * @throws IndexOutOfBoundsException if the tensor does not have so many elements
     */
    public float[] floats(String name, long first, int count) throws ModelFormatException {
        SafetensorsTensor tensor = require(name);
        NumberFormat format = format(tensor);
        Objects.checkFromIndexSize(first, count, tensor.data().byteSize() / format.blockBytes());
        float[] floats = new float[count];
        format.decode(tensor.data(), first * format.blockBytes(), floats, 0, count);
        return floats;
    }

    /**
     * The elements of a tensor of type I32.
     *
     * @throws ModelFormatException if there is no such tensor, it has another type, or more elements than an array holds
     */
    public int[] integers(String name) throws ModelFormatException {
        SafetensorsTensor tensor = require(name);
        if (!tensor.dtype().equals(I32)) {
            throw new ModelFormatException(
                    path,
                    "tensor " + Text.quote(name) + " has the type " + Text.quote(tensor.dtype()) + " where " + I32
                            + " is expected");
        }
        checkCount(name, tensor.data().byteSize() / Integer.BYTES);
        return tensor.data().toArray(LITTLE_ENDIAN_INT);
    }

    private void checkCount(String name, long elements) throws ModelFormatException {
        if (elements > Integer.MAX_VALUE - 8) {
            throw new ModelFormatException(
                    path, "tensor " + Text.quote(name) + " has " + elements + " elements, too many to be read at once");
        }
    }

    /**
     * The number format of a tensor of type F32, F16 or BF16.
     *
     * @throws ModelFormatException if it has another type
     */
    public NumberFormat format(SafetensorsTensor tensor) throws ModelFormatException {
        return switch (tensor.dtype()) {
            case "F32" -> NumberFormat.F32;
            case "F16" -> NumberFormat.F16;
            case "BF16" -> NumberFormat.BF16;
            default ->
                throw new ModelFormatException(
                        path,
                        "tensor " + Text.quote(tensor.name()) + " has the type " + Text.quote(tensor.dtype())
                                + ", which is not supported here; convert it to F32, F16 or BF16");
        };
    }

    /**
     * Unmaps the file.
     *
     * @throws IllegalStateException if a thread is reading the file's memory at this moment
     */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
