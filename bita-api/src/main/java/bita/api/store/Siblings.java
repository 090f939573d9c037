package bita.api.store;

import java.nio.file.Path;

/** Paths beside a file. */
final class Siblings {

    private Siblings() {}

    /** The folder a file lies in. */
    static Path folder(Path file) {
        return file.toAbsolutePath().resolveSibling("");
    }

    /** The path with something added to the file's name. */
    static Path of(Path file, String suffix) {
        return file.resolveSibling(file.getFileName() + suffix);
    }
}
