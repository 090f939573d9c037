package bita.decode;

import bita.model.ModelConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;

/** The adapters that come with the program, as resources of this package. */
public final class ShippedAdapters {
    private static final List<String> NAMES = List.of("smollm2-135m-instruct");

    private ShippedAdapters() {}

    /** An adapter whose shapes fit a model of this configuration. */
    public static Optional<Adapter> find(ModelConfig model) throws IOException {
        for (String name : NAMES) {
            Adapter adapter = read(name);
            if (adapter.misfit(model).isEmpty()) {
                return Optional.of(adapter);
            }
        }
        return Optional.empty();
    }

    private static Adapter read(String name) throws IOException {
        Path copy = Files.createTempFile("bita-adapter", ".safetensors");
        try (InputStream resource = ShippedAdapters.class.getResourceAsStream(name + ".safetensors")) {
            if (resource == null) {
                throw new IOException("the shipped adapter " + name + " is missing from the installation");
            }
            Files.copy(resource, copy, StandardCopyOption.REPLACE_EXISTING);
            return Adapter.read(copy, name + " (shipped)");
        } finally {
            Files.deleteIfExists(copy);
        }
    }
}
