package bita.kernels;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;

/**
 * Finds and loads the C kernels, a resource of this module. From a folder of classes the library is loaded where it
 * lies; from a jar it is unpacked once to the user's cache, under its hash, so that versions do not meet.
 */
final class NativeLibrary {
    private NativeLibrary() {}

    /** Why no library can be loaded, or empty if one is loaded. */
    static Optional<String> problem() {
        return Loaded.RESULT.problem;
    }

    /** The loaded library's symbols; only when there is no {@link #problem}. */
    static SymbolLookup lookup() {
        return Loaded.RESULT.lookup.orElseThrow(() -> new IllegalStateException("no native library is loaded"));
    }

    private record Result(Optional<SymbolLookup> lookup, Optional<String> problem) {}

    private static final class Loaded {
        static final Result RESULT = load();
    }

    @SuppressWarnings("restricted") // the library is this project's own
    private static Result load() {
        String resource = resourceName();
        URL url = NativeLibrary.class.getResource(resource);
        if (url == null) {
            return failed("no native library for this platform (" + resource
                    + "): it was built without a C compiler, install one and build again");
        }
        try {
            Path file = url.getProtocol().equals("file") ? Path.of(url.toURI()) : unpack(url);
            return new Result(Optional.of(SymbolLookup.libraryLookup(file, Arena.global())), Optional.empty());
        } catch (IOException | URISyntaxException | IllegalArgumentException e) {
            return failed("the native library could not be loaded: " + e.getMessage());
        }
    }

    private static Result failed(String problem) {
        return new Result(Optional.empty(), Optional.of(problem));
    }

    private static String resourceName() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String arch = System.getProperty("os.arch");
        arch = switch (arch) {
            case "amd64", "x86_64" -> "x64";
            case "aarch64" -> "arm64";
            default -> arch;
        };
        if (os.contains("mac")) {
            return "/native/macos-" + arch + "/libbita_kernels.dylib";
        }
        if (os.contains("win")) {
            return "/native/windows-" + arch + "/bita_kernels.dll";
        }
        return "/native/linux-" + arch + "/libbita_kernels.so";
    }

    private static Path unpack(URL url) throws IOException {
        byte[] bytes;
        try (InputStream in = url.openStream()) {
            bytes = in.readAllBytes();
        }
        String cache = System.getenv("XDG_CACHE_HOME");
        Path home =
                cache == null || cache.isBlank() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(cache);
        Path folder =
                Files.createDirectories(home.resolve("bita").resolve("native").resolve(sha256(bytes)));
        Path file = folder.resolve(Path.of(url.getPath()).getFileName().toString());
        if (Files.exists(file) && Files.size(file) == bytes.length) {
            return file;
        }
        // A rename is atomic: another process sees the whole file or none.
        Path part = Files.createTempFile(folder, "library", ".part");
        try {
            Files.write(part, bytes);
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
        return file;
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
