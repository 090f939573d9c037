package bita.model;

import bita.model.file.GgufFile;
import bita.model.file.ModelFile;
import bita.model.file.ModelFormatException;
import bita.model.folder.ModelFolder;
import java.io.IOException;
import java.nio.file.Path;

/** Opens models, whatever their files are. */
public final class ModelFiles {
    private ModelFiles() {}

    /**
     * Opens a GGUF file, any part of one that was split, or a folder of safetensors files.
     *
     * @throws ModelFormatException if it is not sound, or of a kind that is not supported
     * @throws IOException if it cannot be read
     */
    public static ModelFile open(Path path) throws IOException {
        return ModelFolder.is(path) ? ModelFolder.open(path) : GgufFile.open(path);
    }
}
