package bita.api;

import static org.assertj.core.api.Assertions.assertThat;

import bita.api.store.ModelStore;
import bita.api.store.PullListener;
import bita.api.store.PullOptions;
import bita.kernels.Backend;
import bita.kernels.CacheFormat;
import bita.kernels.KernelsProvider;
import bita.model.MemoryNeed;
import bita.model.file.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** What a process with the default model takes, against what is stated beforehand. */
@EnabledOnOs(value = OS.LINUX, disabledReason = "only Linux says in /proc what a process's memory consists of")
class MemoryTest {
    private static final int CONTEXT = 2048;
    private static final boolean NATIVE = KernelsProvider.best().kernels().backend() == Backend.NATIVE;
    private static final long MIB = 1 << 20;
    private static final Pattern MAPPING = Pattern.compile("^[0-9a-f]+-[0-9a-f]+ .*");

    @Test
    void takesNoMoreThanStated() throws Exception {
        Path model = ModelStore.ofUser().resolve("smollm2-135m", PullOptions.DEFAULT, PullListener.NONE);
        MemoryNeed need;
        try (GgufFile file = GgufFile.open(model)) {
            need = MemoryNeed.of(file, OptionalInt.of(CONTEXT), CacheFormat.F16);
        }
        Process process = start(model);
        try (var output = process.inputReader()) {
            Path memory = Path.of("/proc", Long.toString(process.pid()), "smaps_rollup");
            long most = 0;
            while (process.isAlive() && !output.ready()) {
                most = Math.max(most, kibibytes(memory, "Anonymous:"));
                Thread.sleep(20);
            }
            // The words of the prompt go on and on, so the answer does too.
            assertThat(output.readLine()).as("tokens of the answer").isEqualTo("100");
            most = Math.max(most, kibibytes(memory, "Anonymous:"));

            assertThat(most * 1024)
                    .as("anonymous memory at most, in bytes")
                    .isLessThanOrEqualTo(need.totalBytes())
                    .isGreaterThan(need.weightBytes() + need.cacheBytes() / 2);
            if (NATIVE) { // kernels in Java cannot tell the system
                assertThat(residentKibibytes(process.pid(), model) * 1024)
                        .as("resident pages of the model file")
                        .isLessThan(8 * MIB);
            }
        } finally {
            process.destroyForcibly();
        }
    }

    private static Process start(Path model) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        // As the launcher does it.
        String launcher = Files.readString(Path.of("../bita-dist/src/main/sh/java.sh"));
        command.add("-XX:+UseSerialGC");
        command.addAll(List.of(found(launcher, "\\*\\) heap=\"(.*)\"").split(" ")));
        if (!NATIVE) {
            command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
        }
        command.addAll(List.of(
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                MemoryHolder.class.getName(),
                model.toString(),
                Integer.toString(CONTEXT)));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("MALLOC_MMAP_THRESHOLD_", found(launcher, "MALLOC_MMAP_THRESHOLD_:-(\\d+)"));
        return builder.start();
    }

    private static String found(String text, String pattern) {
        Matcher matcher = Pattern.compile(pattern).matcher(text);
        assertThat(matcher.find()).as(pattern).isTrue();
        return matcher.group(1);
    }

    private static long kibibytes(Path account, String key) throws IOException {
        return Files.readAllLines(account).stream()
                .filter(line -> line.startsWith(key))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .sum();
    }

    private static long residentKibibytes(long pid, Path file) throws IOException {
        long sum = 0;
        boolean inside = false;
        boolean mapped = false;
        for (String line : Files.readAllLines(Path.of("/proc", Long.toString(pid), "smaps"))) {
            if (MAPPING.matcher(line).matches()) {
                inside = line.endsWith(file.toRealPath().toString());
                mapped |= inside;
            } else if (inside && line.startsWith("Rss:")) {
                sum += Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        assertThat(mapped).as("the file is still mapped, for embeddings").isTrue();
        return sum;
    }
}
