package bita.kernels;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * What a native library is compiled for: a system and an architecture, on Linux a C library too. The names are those of
 * folders in the class path and of the artifacts' classifiers: {@code linux-x86_64}, {@code linux-aarch64-musl},
 * {@code macos-aarch64}, {@code windows-x86_64}.
 *
 * @param name        of the platform
 * @param libraryFile the name of the library's file
 */
record NativePlatform(String name, String libraryFile) {
    /** The files mapped by this process, by which one knows its C library. */
    private static final Path MAPS = Path.of("/proc/self/maps");

    /** musl's dynamic loader, which is its C library too. */
    private static final String MUSL = "/ld-musl-";

    /** The platform of this process. */
    static NativePlatform current() {
        return of(System.getProperty("os.name"), System.getProperty("os.arch"), MAPS);
    }

    /**
     * As {@link #current()}.
     *
     * @param os   as Java calls it
     * @param arch as Java calls it
     * @param maps the files that a process of Linux has mapped
     */
    static NativePlatform of(String os, String arch, Path maps) {
        String system = os.toLowerCase(Locale.ROOT);
        String processor = switch (arch) {
            case "amd64", "x86_64" -> "x86_64";
            case "aarch64", "arm64" -> "aarch64";
            default -> arch;
        };
        if (system.contains("mac")) {
            return new NativePlatform("macos-" + processor, "libbita_kernels.dylib");
        }
        if (system.contains("win")) {
            return new NativePlatform("windows-" + processor, "bita_kernels.dll");
        }
        return new NativePlatform("linux-" + processor + (usesMusl(maps) ? "-musl" : ""), "libbita_kernels.so");
    }

    private static boolean usesMusl(Path maps) {
        try {
            return Files.readString(maps, StandardCharsets.ISO_8859_1).contains(MUSL);
        } catch (IOException e) {
            return false; // a system that does not tell; the most have glibc
        }
    }

    /** The library's name in the class path. */
    String resource() {
        return "/native/" + name + "/" + libraryFile;
    }
}
