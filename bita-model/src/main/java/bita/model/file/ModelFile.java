package bita.model.file;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A model as GGUF describes it, whatever its files are: metadata, and tensors under GGUF's names and in its order of rows. Readable
 * by any thread until it is closed.
 */
public interface ModelFile extends AutoCloseable {
    /** The file or folder, as it was given. */
    Path path();

    /** The metadata; valid until the file is closed. */
    GgufMetadata metadata();

    /** All tensors. */
    List<ModelTensor> tensors();

    /** The tensor of a name. */
    Optional<ModelTensor> find(String name);

    /**
     * The tensor of a name.
     *
     * @throws ModelFormatException if there is no such tensor
     */
    default ModelTensor require(String name) throws ModelFormatException {
        return find(name)
                .orElseThrow(() -> new ModelFormatException(
                        path(),
                        "there is no tensor " + Text.quote(name)
                                + "; the file is of another kind of model, or incomplete"));
    }

    /** The files, mapped for reading; valid until this is closed. */
    List<MemorySegment> mappings();

    /**
     * Unmaps the files.
     *
     * @throws IllegalStateException if a thread is reading the files' memory at this moment
     */
    @Override
    void close();
}
