package bita.kernels;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Finds and loads the C kernels of this {@link NativePlatform}: in the folder that the system property {@value #PATH} names, or in the
 * class path. From a folder the library is loaded where
 * it lies; from a jar it is unpacked once to the user's cache ({@link UnpackedLibrary}), or, where that cannot be written,
 * to a temporary folder that is gone again once the library is loaded.
 */
final class NativeLibrary {
    /** The system property with the folder of the library's file, which is loaded as it lies. */
    static final String PATH = "bita.kernels.path";

    private NativeLibrary() {}

    /** Why no library can be loaded, or empty if one is loaded. */
    static Optional<String> problem() {
        return Loaded.RESULT.problem;
    }

    /** The loaded library's symbols; only when there is no {@link #problem}. */
    static SymbolLookup lookup() {
        return Loaded.RESULT.lookup.orElseThrow(() -> new IllegalStateException("no native library is loaded"));
    }

    record Result(Optional<SymbolLookup> lookup, Optional<String> problem) {
        private static Result loaded(SymbolLookup lookup) {
            return new Result(Optional.of(lookup), Optional.empty());
        }

        private static Result failed(String problem) {
            return new Result(Optional.empty(), Optional.of(problem));
        }
    }

    private static final class Loaded {
        static final Result RESULT = load();
    }

    private static Result load() {
        NativePlatform platform = NativePlatform.current();
        String folder = System.getProperty(PATH);
        if (folder != null) {
            return inFolder(folder, platform.libraryFile());
        }
        URL url = NativeLibrary.class.getResource(platform.resource());
        if (url == null) {
            return Result.failed("no native library for " + platform.name()
                    + " is on the class path: add the artifact bita-kernels with this classifier if there is one, or"
                    + " install a C compiler and build again");
        }
        try {
            if (url.getProtocol().equals("file")) {
                return Result.loaded(open(Path.of(url.toURI())));
            }
            byte[] library;
            try (InputStream in = url.openStream()) {
                library = in.readAllBytes();
            }
            return unpacked(library, platform.libraryFile(), cache());
        } catch (IOException | URISyntaxException | IllegalArgumentException e) {
            return Result.failed("the native library could not be loaded: " + reason(e));
        }
    }

    /** Loads a library that lies in a folder. */
    static Result inFolder(String folder, String name) {
        try {
            return Result.loaded(open(Path.of(folder, name)));
        } catch (IllegalArgumentException e) {
            return Result.failed(
                    "the native library could not be loaded from the folder that " + PATH + " names: " + reason(e));
        }
    }

    /**
     * Loads a library of which only the bytes are there.
     *
     * @param name  of the file that it becomes
     * @param cache where it is kept
     */
    static Result unpacked(byte[] library, String name, Path cache) {
        String first;
        try {
            return Result.loaded(open(UnpackedLibrary.in(cache, library, name)));
        } catch (IOException | IllegalArgumentException e) {
            first = reason(e);
        }
        try {
            Path folder = UnpackedLibrary.temporaryFolder();
            Path file = folder.resolve(name);
            try {
                Files.write(file, library);
                return Result.loaded(open(file));
            } finally {
                // A loaded library outlives its name, but for Windows, where the file stays.
                if (!System.getProperty("os.name").startsWith("Windows")) {
                    Files.deleteIfExists(file);
                    Files.deleteIfExists(folder);
                }
            }
        } catch (IOException | IllegalArgumentException e) {
            return Result.failed("the native library could not be unpacked, neither to the cache (" + first
                    + ") nor to the folder for temporary files (" + reason(e)
                    + "): point XDG_CACHE_HOME to a folder that can be written and holds programs");
        }
    }

    @SuppressWarnings("restricted") // the library is this project's own
    private static SymbolLookup open(Path file) {
        return SymbolLookup.libraryLookup(file, Arena.global());
    }

    private static Path cache() {
        String cache = System.getenv("XDG_CACHE_HOME");
        Path home =
                cache == null || cache.isBlank() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(cache);
        return home.resolve("bita").resolve("native");
    }

    /** The exceptions of files often have nothing but a name for a message. */
    private static String reason(Exception e) {
        return e instanceof FileSystemException file && file.getReason() == null
                ? e.getClass().getSimpleName() + ": " + e.getMessage()
                : String.valueOf(e.getMessage());
    }
}
