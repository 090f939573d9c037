package bita.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NativeLibraryTest {
    private static final byte[] LIBRARY = "not really a library".getBytes(java.nio.charset.StandardCharsets.US_ASCII);

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        "Linux, amd64, libc.so.6, linux-x86_64, libbita_kernels.so",
        "Linux, aarch64, libc.so.6, linux-aarch64, libbita_kernels.so",
        "Linux, amd64, ld-musl-x86_64.so.1, linux-x86_64-musl, libbita_kernels.so",
        "Linux, aarch64, ld-musl-aarch64.so.1, linux-aarch64-musl, libbita_kernels.so",
        "Linux, riscv64, libc.so.6, linux-riscv64, libbita_kernels.so",
        "Mac OS X, aarch64, '', macos-aarch64, libbita_kernels.dylib",
        "Mac OS X, x86_64, '', macos-x86_64, libbita_kernels.dylib",
        "Windows 11, amd64, '', windows-x86_64, bita_kernels.dll",
    })
    void aPlatformHasItsNames(String os, String arch, String mapped, String name, String file) throws IOException {
        Path maps = folder.resolve("maps");
        if (!mapped.isEmpty()) {
            Files.writeString(maps, "7f00-7f01 r-xp 00000000 fe:00 1  /lib/" + mapped + "\n");
        }
        assertThat(NativePlatform.of(os, arch, maps)).isEqualTo(new NativePlatform(name, file));
    }

    @Test
    void isLoadedFromTheFolderThatIsNamed() throws Exception {
        assertThat(NativeLibrary.inFolder(folder.toString(), "library.so").problem())
                .hasValueSatisfying(problem -> assertThat(problem).contains(NativeLibrary.PATH, "library.so"));
        NativePlatform platform = NativePlatform.current();
        URL url = NativeLibrary.class.getResource(platform.resource());
        assumeThat(url).isNotNull();
        String library = Path.of(url.toURI()).resolveSibling("").toString();

        assertThat(NativeLibrary.inFolder(library, platform.libraryFile()).lookup())
                .isPresent();
    }

    @Test
    void isUnpackedOnce() throws IOException {
        Path file = UnpackedLibrary.in(folder.resolve("a/b"), LIBRARY, "library.so");
        FileTime first = Files.getLastModifiedTime(file);

        assertThat(UnpackedLibrary.in(folder.resolve("a/b"), LIBRARY, "library.so"))
                .isEqualTo(file);
        assertThat(Files.getLastModifiedTime(file)).isEqualTo(first);
        assertThat(files(folder)).containsExactly(file);
        assumePermissions();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file.getParent())))
                .isEqualTo("rwx------");
    }

    @Test
    void whatIsNotTheLibraryIsReplaced() throws IOException {
        Path file = UnpackedLibrary.in(folder, LIBRARY, "library.so");
        byte[] changed = LIBRARY.clone();
        changed[3]++;
        Files.write(file, changed); // as long as the right one
        Path abandoned = Files.writeString(file.resolveSibling("1.part"), "half");
        Path inWork = Files.writeString(file.resolveSibling("2.part"), "half");
        Files.setLastModifiedTime(abandoned, FileTime.from(Instant.now().minus(Duration.ofHours(1))));

        UnpackedLibrary.in(folder, LIBRARY, "library.so");

        assertThat(file).hasBinaryContent(LIBRARY);
        assertThat(files(folder)).containsExactlyInAnyOrder(file, inWork);
    }

    @Test
    void manyMayUnpackAtATime() throws Exception {
        byte[] large = new byte[4 << 20];
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            Callable<Boolean> task = () -> {
                Path file = UnpackedLibrary.in(folder, large, "library.so");
                return Files.mismatch(file, UnpackedLibrary.in(folder, large, "library.so")) == -1
                        && Files.size(file) == large.length;
            };
            List<Future<Boolean>> whole = threads.invokeAll(java.util.Collections.nCopies(16, task));
            for (Future<Boolean> one : whole) {
                assertThat(one.get()).isTrue();
            }
        }
        assertThat(files(folder)).hasSize(1);
    }

    @Test
    void whatOthersMayChangeIsNotLoaded() throws IOException {
        assumePermissions();
        Path file = UnpackedLibrary.in(folder, LIBRARY, "library.so");
        Files.setPosixFilePermissions(file.getParent(), PosixFilePermissions.fromString("rwxrwxrwx"));

        assertThatThrownBy(() -> UnpackedLibrary.in(folder, LIBRARY, "library.so"))
                .isInstanceOf(IOException.class)
                .hasMessage(file.getParent() + " could be changed by other users: remove it");
    }

    @Test
    void withoutACacheATemporaryFolderWillDo() throws IOException {
        byte[] library;
        try (InputStream in =
                NativeLibrary.class.getResourceAsStream(NativePlatform.current().resource())) {
            assumeThat(in)
                    .as("a library is loaded only where a C compiler has built one")
                    .isNotNull();
            library = java.util.Objects.requireNonNull(in).readAllBytes();
        }
        Path file = Files.writeString(folder.resolve("file"), "no folder");
        List<Path> before = temporaryFolders();

        NativeLibrary.Result result = NativeLibrary.unpacked(library, "bita-test-library", file);

        assertThat(result.problem()).isEmpty();
        assertThat(result.lookup().orElseThrow().find("bita_supports")).isPresent();
        assertThat(temporaryFolders()).containsExactlyInAnyOrderElementsOf(before);
    }

    @Test
    void saysWhatIsWrongAndLeavesNothing() throws IOException {
        List<Path> before = temporaryFolders();

        NativeLibrary.Result result = NativeLibrary.unpacked(LIBRARY, "library.so", folder.resolve("cache"));

        assertThat(result.lookup()).isEmpty();
        assertThat(result.problem().orElseThrow()).contains("library.so", "XDG_CACHE_HOME");
        assertThat(temporaryFolders()).containsExactlyInAnyOrderElementsOf(before);
    }

    private void assumePermissions() {
        assumeThat(folder.getFileSystem().supportedFileAttributeViews())
                .as("a file system with permissions")
                .contains("posix");
    }

    private static List<Path> files(Path below) throws IOException {
        try (Stream<Path> all = Files.walk(below)) {
            return all.filter(Files::isRegularFile).toList();
        }
    }

    private static List<Path> temporaryFolders() throws IOException {
        List<Path> found = new ArrayList<>();
        try (Stream<Path> all = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            all.filter(path -> path.getFileName().toString().startsWith("bita-native"))
                    .forEach(found::add);
        }
        return found;
    }
}
