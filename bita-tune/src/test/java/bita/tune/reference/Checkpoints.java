package bita.tune.reference;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** The checkpoints that make_reference_checkpoints.py has made, copied where they may be changed. */
final class Checkpoints {
    private Checkpoints() {}

    static Path resource(String name) throws URISyntaxException {
        return Path.of(Objects.requireNonNull(Checkpoints.class.getResource(name), name)
                .toURI());
    }

    static Path copy(String name, Path folder) throws IOException, URISyntaxException {
        Path target = Files.createDirectories(folder.resolve(name));
        List<Path> files;
        try (Stream<Path> list = Files.list(resource(name))) {
            files = list.toList();
        }
        for (Path file : files) {
            Files.copy(file, target.resolve(file.getFileName()));
        }
        return target;
    }
}
