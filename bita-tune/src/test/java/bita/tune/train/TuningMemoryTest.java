package bita.tune.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.api.InsufficientMemoryException;
import bita.kernels.Activations;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.HeldMemory;
import bita.model.MemoryNeed;
import bita.model.ModelConfig;
import bita.model.TinyModel;
import bita.model.Transformer;
import bita.tune.data.Examples;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class TuningMemoryTest {
    private static final long GIGABYTE = 1_000_000_000L;

    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource
    void isWhatARunHolds(LossFunction loss) throws IOException {
        TrainingSettings settings = new TrainingSettings(4, 3, 5, 40, 1, 1, 10, 1e-2, 1e-3, 0, 1, 4, loss, 500, 1);
        int[] tokens = new int[600];
        Arrays.setAll(tokens, i -> i % 50);
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_1, 2);
                ThreadTeam team = new ThreadTeam(2)) {
            TuningMemory memory = TuningMemory.of(model.config(), settings, 2, model.weightBytes(), 0);
            assertThat(memory.weights()).isEqualTo(model.weightBytes());
            Engine engine = new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty());
            TrainingState state = TrainingState.start(
                            TrainingState.startingTokens(model, settings), model.config(), settings)
                    .validated(1);
            Schedule schedule = new Schedule(settings, List.of(Examples.of(tokens, 100)));
            try (LocalWorkers workers = new LocalWorkers(engine, settings)) {
                Trainer trainer = new Trainer(workers, settings);
                assertThat(trainer.step(state, schedule, () -> false)).isPresent();

                long stated = outside(memory) - memory.weights();
                // Held, but no longer in use where there are teachers: memory for the logits of one row.
                long replaced = (long) model.config().vocabulary() * Float.BYTES
                        + Activations.bytes(1, model.config().hidden());
                assertThat(HeldMemory.of(trainer, state)).isBetween(stated - replaced, stated);
            }
        }
    }

    /** All but what Java holds. */
    private static long outside(TuningMemory memory) {
        return memory.total() - memory.java();
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "only Linux says in /proc what a process's memory consists of")
    void aProcessTakesNoMoreThanStated() throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        // As the launcher does it.
        String launcher = Files.readString(Path.of("../bita-dist/src/main/sh/java.sh"));
        command.add("-XX:+UseSerialGC");
        command.addAll(List.of(found(launcher, "tune\\b.*\\) heap=\"(.*)\" ;;").split(" ")));
        command.addAll(List.of(
                "--enable-native-access=ALL-UNNAMED",
                "--add-modules=jdk.incubator.vector",
                "-cp",
                System.getProperty("java.class.path"),
                DryRunProcess.class.getName()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("MALLOC_MMAP_THRESHOLD_", found(launcher, "MALLOC_MMAP_THRESHOLD_:-(\\d+)"));
        Process process = builder.start();
        Path account = Path.of("/proc", Long.toString(process.pid()), "status");
        try (var output = process.inputReader()) {
            long most = 0;
            while (process.isAlive() && !output.ready()) {
                most = Math.max(most, anonymousBytes(account));
                Thread.onSpinWait();
            }
            String[] stated = String.valueOf(output.readLine()).split(" ", 2);
            long total = Long.parseLong(stated[0]);
            long outside = Long.parseLong(stated[1]);

            assertThat(outside).isGreaterThan(MemoryNeed.WORKING_BYTES);
            assertThat(most).as("anonymous memory at most, in bytes").isBetween(outside, total);
        } finally {
            process.destroyForcibly();
        }
    }

    private static String found(String text, String pattern) {
        Matcher matcher = Pattern.compile(pattern).matcher(text);
        assertThat(matcher.find()).as(pattern).isTrue();
        return matcher.group(1);
    }

    private static long anonymousBytes(Path account) throws IOException {
        return Files.readAllLines(account).stream()
                .filter(line -> line.startsWith("RssAnon:"))
                .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                .sum();
    }

    @Test
    void acceptsWhatFits() {
        TuningMemory memory = new TuningMemory(1, 2, 3, 4, 5, 6);
        assertThat(memory.total()).isEqualTo(21);
        memory.require(21);
        memory.require();
    }

    @ParameterizedTest
    @CsvSource({
        "20, 1, 1, 1, 1, 'use a smaller model, or one in a smaller number format'",
        "2, 9, 8, 1, 1, lower --window or --masks",
        "2, 8, 9, 1, 1, lower --max-tokens",
        "2, 3, 1, 1, 9, lower --max-tokens",
        "2, 3, 1, 9, 1, lower --prompt-tokens"
    })
    void saysWhatToLower(int weights, int activations, int cache, int learned, int frozen, String remedy) {
        TuningMemory memory = new TuningMemory(
                weights * GIGABYTE,
                activations * GIGABYTE,
                cache * GIGABYTE,
                learned * GIGABYTE,
                frozen * GIGABYTE,
                GIGABYTE / 2);

        assertThatThrownBy(() -> memory.require(10 * GIGABYTE))
                .isInstanceOf(InsufficientMemoryException.class)
                .hasMessageStartingWith("tuning this model needs ")
                .hasMessageContaining("(weights " + weights + ".00 GB, activations " + activations + ".00 GB, ")
                .hasMessageContaining("everything else 0.50 GB), and this machine has 10.00 GB: ")
                .hasMessageEndingWith(remedy);
    }

    @Test
    void largeSettingsDoNotOverflow() {
        TrainingSettings settings = new TrainingSettings(
                256, 64, 512, 4096, 1, 1, 10, 1e-2, 1e-3, 0, 1, 4, LossFunction.FORWARD_KL, 1 << 20, 1);
        ModelConfig config =
                ModelConfig.llama(4096, 1 << 20, 1 << 22, 4096, 4096, 256, Integer.MAX_VALUE, 1 << 26, 10_000, 1e-5f);
        TuningMemory memory = TuningMemory.of(config, settings, 1024, 1L << 61, 1L << 40);

        assertThat(memory.parts().values()).allMatch(bytes -> bytes > (1 << 20));
        assertThat(memory.total()).isGreaterThan(1L << 61);
    }
}
