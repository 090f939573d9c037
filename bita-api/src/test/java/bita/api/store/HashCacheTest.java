package bita.api.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HashCacheTest {

    /** SHA-256 of "abc", from FIPS 180-2, appendix B.1. */
    private static final String ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    @TempDir
    Path folder;

    private Path cacheFile;
    private Path model;

    @BeforeEach
    void prepare() throws IOException {
        cacheFile = folder.resolve("cache", "hashes.json");
        model = Files.writeString(folder.resolve("model.gguf"), "abc");
    }

    private HashCache cache() {
        return new HashCache(cacheFile);
    }

    @Test
    void readsAFileOnlyOnce() throws IOException {
        FileTime time = FileTime.from(Instant.parse("2026-01-02T03:04:05.678Z"));
        Files.setLastModifiedTime(model, time);
        assertThat(cache().sha256(model)).isEqualTo(ABC);
        // Same size and time: only a cache can still give the old answer.
        Files.writeString(model, "xyz");
        Files.setLastModifiedTime(model, time);
        assertThat(cache().sha256(model)).isEqualTo(ABC);
    }

    @Test
    void readsAChangedFileAgain() throws IOException {
        cache().sha256(model);
        Files.writeString(model, "abcd");
        String longer = cache().sha256(model);
        assertThat(longer).isNotEqualTo(ABC);
        Files.writeString(model, "xyz0");
        Files.setLastModifiedTime(model, FileTime.from(Instant.EPOCH));
        assertThat(cache().sha256(model)).isNotEqualTo(longer);
    }

    @Test
    void remembersWhatItIsTold() throws IOException {
        cache().remember(model, "0".repeat(64));
        assertThat(cache().sha256(model)).isEqualTo("0".repeat(64));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "null", "[1]", "{\"x\":null}", "{\"x\":{\"bytes\":3}}", "{\"\\u0000\":null}"})
    void ignoresAndReplacesADamagedCache(String damaged) throws IOException {
        Files.createDirectories(cacheFile.getParent());
        Files.writeString(cacheFile, damaged);
        assertThat(cache().sha256(model)).isEqualTo(ABC);
        assertThat(Files.readString(cacheFile)).contains(ABC);
    }

    @Test
    void forgetsFilesThatAreGone() throws IOException {
        cache().sha256(model);
        Files.move(model, folder.resolve("other.gguf"));
        cache().sha256(folder.resolve("other.gguf"));
        assertThat(Files.readString(cacheFile)).doesNotContain("model.gguf").contains("other.gguf");
    }

    @Test
    void worksWhereNothingCanBeKept() throws IOException {
        Files.writeString(folder.resolve("cache"), "a file where the folder should be");
        assertThat(cache().sha256(model)).isEqualTo(ABC);
    }

    @Test
    void manyAtOnceLoseNothing() throws Exception {
        List<Future<String>> hashes = new ArrayList<>();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 8; i++) {
                Path file = Files.writeString(folder.resolve("m" + i), "abc");
                Callable<String> hash = () -> cache().sha256(file);
                hashes.add(threads.submit(hash));
            }
        }
        for (int i = 0; i < 8; i++) {
            assertThat(hashes.get(i).get()).isEqualTo(ABC);
            assertThat(Files.readString(cacheFile)).contains("m" + i + "\"");
        }
    }

    @Test
    void aMissingFileIsAnError() {
        assertThatThrownBy(() -> cache().sha256(folder.resolve("none"))).isInstanceOf(NoSuchFileException.class);
    }
}
