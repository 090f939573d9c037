package bita.model;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** An adapter of the default model, made by another program, that reference data were computed for; rounded to f16. */
public final class GoldenAdapter {
    private GoldenAdapter() {}

    /** Writes its file. */
    public static Path copy(Path folder) throws IOException {
        Path file = folder.resolve("golden-adapter.safetensors");
        try (InputStream resource = GoldenAdapter.class.getResourceAsStream("golden-adapter.safetensors")) {
            if (resource == null) {
                throw new FileNotFoundException("golden-adapter.safetensors");
            }
            Files.copy(resource, file, StandardCopyOption.REPLACE_EXISTING);
            return file;
        }
    }
}
