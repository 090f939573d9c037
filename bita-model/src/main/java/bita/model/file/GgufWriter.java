package bita.model.file;

import bita.kernels.NumberFormat;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes a GGUF file, version 3: first all tensors are declared, then the data of each is written, in the same order and
 * in pieces of any size, then {@link #finish} is called.
 *
 * <p>The file gets its name when it is complete. If anything fails, or if the writer is closed before it has finished,
 * nothing remains, and a file that was to be overwritten is untouched. A writer is used by one thread at a time.
 */
public final class GgufWriter implements AutoCloseable {
    private static final int VERSION = 3;
    private static final long PIECE = 1 << 24;

    private final AtomicFile file;
    private final GgufMetadata metadata;
    private final long alignment;
    private final Set<String> names = new HashSet<>();
    private final List<Long> sizes = new ArrayList<>();
    private final ByteArrayOutputStream descriptions = new ByteArrayOutputStream();
    private long nextOffset;
    private boolean headerWritten;
    private int current;
    private long writtenOfCurrent;

    private GgufWriter(AtomicFile file, GgufMetadata metadata, long alignment) {
        this.file = file;
        this.metadata = metadata;
        this.alignment = alignment;
    }

    /**
     * Starts a file.
     *
     * @param target the file's name; its folder must exist
     * @param metadata copied bit by bit; its {@code general.alignment}, or 32, is the alignment of the tensors
     * @param overwrite whether an existing file is replaced rather than refused
     * @throws java.nio.file.FileAlreadyExistsException if the file exists and must not be overwritten
     * @throws IllegalArgumentException if the alignment is not a power of two
     */
    public static GgufWriter create(Path target, GgufMetadata metadata, boolean overwrite) throws IOException {
        long alignment = metadata.integer(GgufParser.ALIGNMENT_KEY).orElse(GgufParser.DEFAULT_ALIGNMENT);
        if (!GgufParser.isAlignment(alignment)) {
            throw new IllegalArgumentException("the alignment " + alignment + " is not a power of two below 2^31");
        }
        return new GgufWriter(AtomicFile.create(target, overwrite), metadata, alignment);
    }

    /**
     * Declares the next tensor.
     *
     * @param name a name that no other tensor has
     * @param shape one to four positive sizes, outermost first as in {@link ModelTensor#shape}; the last is a multiple of
     *     the format's block size
     * @param format the number format of the data
     */
    public void declare(String name, long[] shape, NumberFormat format) {
        declare(name, shape, GgmlType.of(format));
    }

    /** Declares a tensor with the name, shape and type of another, whose data may then be copied. */
    public void declare(ModelTensor like) {
        declare(like.name(), like.shape(), like.type());
    }

    private void declare(String name, long[] shape, GgmlType type) {
        if (headerWritten) {
            throw new IllegalStateException("tensors must be declared before the data of the first is written");
        }
        if (name.isEmpty() || shape.length < 1 || shape.length > GgufParser.MAX_DIMENSIONS) {
            throw new IllegalArgumentException("a tensor needs a name and 1 to 4 dimensions");
        }
        long elements = 1;
        for (long size : shape) {
            if (size <= 0) {
                throw new IllegalArgumentException("tensor " + name + " has a dimension of size " + size);
            }
            elements = Math.multiplyExact(elements, size);
        }
        if (shape[shape.length - 1] % type.blockSize() != 0) {
            throw new IllegalArgumentException("tensor " + name + " has rows of " + shape[shape.length - 1]
                    + " elements, not a multiple of the " + type + " block of " + type.blockSize());
        }
        if (!names.add(name)) {
            throw new IllegalArgumentException("there are two tensors with the name " + name);
        }
        long size = Math.multiplyExact(elements / type.blockSize(), (long) type.blockBytes());
        byte[] text = name.getBytes(StandardCharsets.UTF_8);
        byte[] bytes = new byte[8 + text.length + 4 + 8 * shape.length + 4 + 8];
        ByteBuffer description = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        description.putLong(text.length).put(text).putInt(shape.length);
        for (int i = shape.length - 1; i >= 0; i--) {
            description.putLong(shape[i]);
        }
        description.putInt(type.id()).putLong(nextOffset);
        descriptions.writeBytes(bytes);
        sizes.add(size);
        nextOffset = Math.addExact(nextOffset, Math.addExact(size, padding(size)));
    }

    /**
     * Writes the next piece of the data of the current tensor: the first declared one whose data is not complete.
     *
     * @throws IllegalStateException if all data has been written
     * @throws IllegalArgumentException if the piece is larger than what the current tensor lacks
     */
    public void write(MemorySegment data) throws IOException {
        if (current == sizes.size()) {
            throw new IllegalStateException("the data of all declared tensors has been written");
        }
        long missing = sizes.get(current) - writtenOfCurrent;
        if (data.byteSize() > missing) {
            throw new IllegalArgumentException(
                    "the current tensor lacks " + missing + " bytes, not " + data.byteSize());
        }
        if (!headerWritten) {
            writeHeader();
        }
        for (long start = 0; start < data.byteSize(); start += PIECE) {
            MemorySegment piece = data.asSlice(start, Math.min(PIECE, data.byteSize() - start));
            // Arrays other than of bytes have no view as a ByteBuffer.
            file.write(piece.isNative() ? piece.asByteBuffer() : ByteBuffer.wrap(piece.toArray(ValueLayout.JAVA_BYTE)));
        }
        writtenOfCurrent += data.byteSize();
        if (data.byteSize() == missing) {
            pad(writtenOfCurrent);
            current++;
            writtenOfCurrent = 0;
        }
    }

    /**
     * Makes the file durable and gives it its name.
     *
     * @throws IllegalStateException if data of a declared tensor is missing
     */
    public void finish() throws IOException {
        if (current < sizes.size()) {
            throw new IllegalStateException("the data of " + (sizes.size() - current) + " declared tensors is missing");
        }
        if (!headerWritten) {
            writeHeader();
        }
        file.commit();
    }

    /** Gives the file up unless it has been finished. */
    @Override
    public void close() throws IOException {
        file.close();
    }

    private void writeHeader() throws IOException {
        headerWritten = true;
        Map<String, GgufValue> values = metadata.values();
        long written = put(little(4 + 4 + 8 + 8)
                .putInt(GgufParser.MAGIC)
                .putInt(VERSION)
                .putLong(sizes.size())
                .putLong(values.size()));
        for (Map.Entry<String, GgufValue> entry : values.entrySet()) {
            byte[] key = entry.getKey().getBytes(StandardCharsets.UTF_8);
            GgufValue value = entry.getValue();
            written += put(little(8 + key.length + 4)
                    .putLong(key.length)
                    .put(key)
                    .putInt(value.type().id()));
            written += value.bytes().limit();
            file.write(value.bytes().duplicate());
        }
        written += descriptions.size();
        file.write(ByteBuffer.wrap(descriptions.toByteArray()));
        pad(written);
    }

    private int put(ByteBuffer filled) throws IOException {
        file.write(filled.flip());
        return filled.limit();
    }

    private void pad(long written) throws IOException {
        file.write(ByteBuffer.allocate(Math.toIntExact(padding(written))));
    }

    private long padding(long written) {
        return -written & (alignment - 1);
    }

    private static ByteBuffer little(int capacity) {
        return ByteBuffer.allocate(capacity).order(ByteOrder.LITTLE_ENDIAN);
    }
}
