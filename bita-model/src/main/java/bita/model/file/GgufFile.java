package bita.model.file;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A GGUF file, version 2 or 3, little endian, mapped into memory and readable by any thread.
 *
 * <p>Opening checks the whole header against itself and against the size of the file, so that afterwards every tensor's
 * data is known to lie inside the file. The tensors' numbers are not read. While the file is open it must not be
 * shortened or rewritten in place.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">The GGUF format</a>
 */
public final class GgufFile implements AutoCloseable {
    private final Path path;
    private final Arena arena;
    private final MemorySegment bytes;
    private final GgufMetadata metadata;
    private final Map<String, GgufTensor> tensors;

    private GgufFile(
            Path path, Arena arena, MemorySegment bytes, GgufMetadata metadata, Map<String, GgufTensor> tensors) {
        this.path = path;
        this.arena = arena;
        this.bytes = bytes;
        this.metadata = metadata;
        this.tensors = Collections.unmodifiableMap(tensors);
    }

    /**
     * Opens a file.
     *
     * @throws ModelFormatException if it is not a sound GGUF file
     * @throws IOException if it cannot be read
     */
    public static GgufFile open(Path path) throws IOException {
        MappedFile file = MappedFile.open(path, "GGUF");
        try {
            GgufParser.Header header = GgufParser.parse(file);
            return new GgufFile(path, file.arena(), file.bytes(), header.metadata(), header.tensors());
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

    /** The metadata; valid until the file is closed. */
    public GgufMetadata metadata() {
        return metadata;
    }

    /** All tensors in the order of the file. */
    public List<GgufTensor> tensors() {
        return List.copyOf(tensors.values());
    }

    /** The tensor of a name. */
    public Optional<GgufTensor> find(String name) {
        return Optional.ofNullable(tensors.get(name));
    }

    /**
     * The tensor of a name.
     *
     * @throws ModelFormatException if the file has no such tensor
     */
    public GgufTensor require(String name) throws ModelFormatException {
        return find(name)
                .orElseThrow(() -> new ModelFormatException(
                        path,
                        "there is no tensor " + Text.quote(name)
                                + "; the file is of another kind of model, or one part of "
                                + "a model that was split"));
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
