package bita.api.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/** A store in a temporary home with a small model in its catalogue. */
final class StoreFixture {

    static final HubFile HUB = new HubFile("owner/Tiny-GGUF", "Tiny.Q4_1.gguf");
    static final String HUB_PATH = "/owner/Tiny-GGUF/resolve/main/Tiny.Q4_1.gguf";
    static final PythonPackage PACKAGE = new PythonPackage("llm-tiny", "1.0", "llm_tiny/Tiny.Q4_1.gguf", 300_000);

    final byte[] content = new byte[300_000];
    final Path home;
    final Map<String, String> env = new HashMap<>();
    final CatalogModel model;

    StoreFixture(Path home) throws IOException {
        this.home = home;
        new Random(7).nextBytes(content);
        Path file = Files.write(home.resolve("content"), content);
        model = new CatalogModel(
                "tiny-instruct", List.of("tiny"), HUB, Sha256.of(file), content.length, "MIT", Optional.of(PACKAGE));
        // Nothing listens on this port, so a test that names no hub finds none.
        env.put("HF_ENDPOINT", "http://127.0.0.1:1");
        env.put("PATH", "");
    }

    StorePaths paths() {
        return StorePaths.fromEnvironment(env, home, "Linux");
    }

    ModelStore store() {
        return new ModelStore(
                paths(), env, List.of(model), new HubSettings.Limits(Duration.ofSeconds(2), Duration.ofMillis(500)));
    }

    Path target() {
        return paths().models().resolve("Tiny.Q4_1.gguf");
    }

    Path part() {
        return paths().models().resolve("Tiny.Q4_1.gguf.part");
    }

    /** Names of all files in the models folder except locks. */
    List<String> modelFiles() throws IOException {
        try (var files = Files.walk(paths().models())) {
            return files.filter(Files::isRegularFile)
                    .map(f -> f.getFileName().toString())
                    .filter(n -> !n.endsWith(".lock"))
                    .sorted()
                    .toList();
        }
    }
}
