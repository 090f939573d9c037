package bita.tune.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.NumberFormat;
import bita.model.file.SafetensorsFile;
import bita.model.file.SafetensorsWriter;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever happens to a run, or to its files, it ends as if nothing had, or with a sentence that says what to do. */
class TuningSafetyTest {
    private static final int STEPS = 24;

    @TempDir
    static Path home;

    private static TinyRun whole;
    /** Behind each step: the checkpoint, and the log with which it is saved. */
    private static final List<byte[]> CHECKPOINTS = new ArrayList<>();

    private static final List<byte[]> LOGS = new ArrayList<>();

    @TempDir
    Path folder;

    @BeforeAll
    static void runOnce() throws IOException {
        whole = new TinyRun(TinyRun.writeModel(home), home, STEPS, 1);
        Tuning.Result result = whole.run(
                new TinyRun.Silent() {
                    @Override
                    public void step(StepReport report) {
                        try {
                            CHECKPOINTS.add(Files.readAllBytes(whole.checkpoint()));
                            LOGS.add(Files.readAllBytes(whole.log()));
                        } catch (IOException e) {
                            throw new AssertionError(e);
                        }
                    }
                },
                () -> false);
        assertThat(result.finished()).isTrue();
        assertThat(whole.lines()).hasSize(STEPS + STEPS / 3 + 1);
    }

    private TinyRun run(int threads) {
        return new TinyRun(whole.model(), folder, STEPS, threads);
    }

    private static void assertAsWhole(TinyRun run) throws IOException {
        assertAsWhole(run, "run");
    }

    private static void assertAsWhole(TinyRun run, String description) throws IOException {
        assertThat(run.lines()).as(description).isEqualTo(whole.lines());
        assertThat(run.checkpoint()).as(description).hasSameBinaryContentAs(whole.checkpoint());
        assertThat(run.adapter()).as(description).hasSameBinaryContentAs(whole.adapter());
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.endsWith(".lock"))
                    .sorted()
                    .toList();
        }
    }

    /** Killed again and again at random moments, and gone on with by other numbers of threads. */
    @Test
    void aKilledRunEndsWithTheSameBits() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int made = 0;
        for (int round = 0; round < 4; round++) {
            int enough = made + 1 + random.nextInt(3);
            // It never gets to the end before it is killed, however long this thread has to wait for a processor.
            Process process = TuningProcess.start(run(1 + random.nextInt(4)), "", enough + random.nextInt(2));
            try (BufferedReader lines = process.inputReader()) {
                String line = lines.readLine();
                while (line != null && Integer.parseInt(line) < enough) {
                    line = lines.readLine();
                }
                Thread.sleep(random.nextInt(40)); // whatever the run is doing then
                // The handle: the process itself would close its output, of which not all is read.
                process.toHandle().destroyForcibly();
                assertThat(process.waitFor()).as("seed %d", seed).isEqualTo(128 + 9);
                for (; line != null; line = lines.readLine()) {
                    made = Integer.parseInt(line);
                }
            } finally {
                process.destroyForcibly();
            }
            assertThat(made).as("steps in round %d, seed %d", round, seed).isBetween(enough, STEPS - 1);
        }
        Process last = TuningProcess.start(run(3), "", STEPS + 1);
        try (BufferedReader lines = last.inputReader()) {
            // At most the step that was being made is made again.
            assertThat(lines.readLine()).as("seed %d", seed).isIn(String.valueOf(made + 1), String.valueOf(made + 2));
            assertThat(lines.lines().toList()).last().isEqualTo(String.valueOf(STEPS));
        } finally {
            last.destroyForcibly();
        }
        assertThat(last.waitFor()).as("seed %d", seed).isZero();
        assertAsWhole(run(1), "seed " + seed);
    }

    /** A kill leaves a checkpoint and the log that had been written until then: any beginning of what was to come. */
    @Test
    void everyStateThatAKillCanLeaveIsGoneOnWith() throws IOException {
        Random random = new Random(5);
        for (int steps = STEPS - 7; steps <= STEPS; steps++) {
            byte[] log = steps < STEPS ? LOGS.get(steps) : Files.readAllBytes(whole.log());
            int least = LOGS.get(steps - 1).length;
            for (int length : List.of(least, least + random.nextInt(log.length - least), log.length)) {
                TinyRun run = run(1 + random.nextInt(2));
                Files.write(run.checkpoint(), CHECKPOINTS.get(steps - 1));
                Files.write(run.log(), Arrays.copyOf(log, length));
                Files.deleteIfExists(run.adapter());
                run.finish();
                assertAsWhole(run);
            }
        }
    }

    @Test
    void whatIsNoLineOfALogIsLeftOut() throws IOException {
        TinyRun run = run(1);
        Files.write(run.checkpoint(), CHECKPOINTS.get(STEPS - 2));
        byte[] log = LOGS.get(STEPS - 2);
        String broken = "\u0000\u00ff\u00fe\n{}\n[1]\nnull\n{\"step\":\"1\"}\n{\"step\":1e99}\n\n{\"step\":4";
        Files.write(run.log(), log);
        Files.write(run.log(), broken.getBytes(StandardCharsets.ISO_8859_1), StandardOpenOption.APPEND);
        run.finish();
        assertAsWhole(run);
    }

    /** Otherwise a run that was killed in between would go on without a line. */
    @Test
    void aStepIsNotSavedBeforeItsLineIs() throws IOException {
        TinyRun run = run(1);
        Files.write(run.checkpoint(), CHECKPOINTS.get(1));
        assertThatThrownBy(() -> run.run(
                        new TinyRun.Silent() {
                            @Override
                            public void started(int steps) {
                                try {
                                    Files.delete(run.log());
                                    Files.createDirectory(run.log());
                                } catch (IOException e) {
                                    throw new AssertionError(e);
                                }
                            }
                        },
                        () -> false))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(run.log().toString());
        assertThat(run.checkpoint()).hasBinaryContent(CHECKPOINTS.get(1));
    }

    @Test
    void aFinishedRunIsMeasuredAgainAndStaysAsItIs() throws IOException {
        TinyRun run = run(2);
        Files.write(run.checkpoint(), CHECKPOINTS.getLast());
        Files.copy(whole.log(), run.log());
        for (int i = 0; i < 2; i++) {
            Tuning.Result result = run.run(new TinyRun.Silent(), () -> false);
            assertThat(result.finished()).isTrue();
            assertThat(result.validation()).isPresent();
            assertAsWhole(run);
        }
    }

    @Test
    void oneRunAtATimeInAProcess() throws IOException {
        TinyRun run = run(1);
        List<Throwable> refusals = new ArrayList<>();
        run.run(
                new TinyRun.Silent() {
                    @Override
                    public void step(StepReport report) {
                        if (report.step() % 8 != 1) {
                            return;
                        }
                        try {
                            run.finish();
                        } catch (IOException e) {
                            refusals.add(e);
                        }
                    }
                },
                () -> false);
        assertThat(refusals)
                .hasSize(3)
                .allSatisfy(e -> assertThat(e)
                        .hasMessage(run.checkpoint()
                                + ": the file is being written by this program already; use another file"));
        assertAsWhole(run);
        run.finish(); // the lock is given back
    }

    @Test
    void oneRunAtATimeAmongProcesses() throws Exception {
        TinyRun run = run(1);
        Process process = TuningProcess.start(run, "", 2);
        try (BufferedReader lines = process.inputReader()) {
            assertThat(lines.readLine()).isEqualTo("1");
            assertThat(lines.readLine()).isEqualTo("2"); // now it waits
            byte[] checkpoint = Files.readAllBytes(run.checkpoint());
            byte[] log = Files.readAllBytes(run.log());
            assertThatThrownBy(run::finish)
                    .isInstanceOf(IOException.class)
                    .hasMessage(run.checkpoint()
                            + ": another program is writing the file; wait until it is done, or use another file");
            Process second = TuningProcess.start(run, "", STEPS);
            assertThat(second.inputReader().lines()).singleElement().asString().contains("another program is writing");
            assertThat(Files.readAllBytes(run.checkpoint())).isEqualTo(checkpoint);
            assertThat(Files.readAllBytes(run.log())).isEqualTo(log);
        } finally {
            process.destroyForcibly();
        }
        process.waitFor();
        run.finish();
        assertAsWhole(run);
    }

    private void assertRefused(TinyRun run, String sentence) throws IOException {
        List<String> before = files();
        assertThatThrownBy(run::finish)
                .isInstanceOf(IOException.class)
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"))
                .hasMessageStartingWith(run.folder().toString())
                .hasMessageContaining(sentence);
        assertThat(files()).isEqualTo(before);
    }

    private void assertCheckpointRefused(byte[] bytes, String sentence) throws IOException {
        TinyRun run = run(1);
        Files.write(run.checkpoint(), bytes);
        Files.write(run.log(), LOGS.get(2));
        assertRefused(run, sentence);
        assertThat(Files.readAllBytes(run.checkpoint())).isEqualTo(bytes);
        assertThat(Files.readAllBytes(run.log())).isEqualTo(LOGS.get(2));
    }

    @Test
    void aDamagedCheckpointIsRefused() throws IOException {
        byte[] sound = CHECKPOINTS.get(2);
        String sentence = "it is damaged or no checkpoint: remove it to begin anew";
        for (int length : new int[] {0, 1, 7, 8, 9, 200, sound.length / 2, sound.length - 1}) {
            assertCheckpointRefused(Arrays.copyOf(sound, length), sentence);
        }
        assertCheckpointRefused(Arrays.copyOf(sound, sound.length + 1), sentence);
        byte[] garbage = new byte[sound.length];
        new Random(3).nextBytes(garbage);
        assertCheckpointRefused(garbage, sentence);
        assertCheckpointRefused("{\"step\":1}\n".getBytes(StandardCharsets.UTF_8), sentence);
        byte[] header = sound.clone();
        header[30] = 0;
        assertCheckpointRefused(header, "remove it to begin anew");
    }

    /** A checkpoint like that behind the third step, but for one tensor or the number of steps. */
    private byte[] checkpoint(String steps, String changed, NumberFormat format, int drop, float poison)
            throws IOException {
        Path sound = Files.write(folder.resolve("sound"), CHECKPOINTS.get(2));
        Path file = folder.resolve("changed");
        try (SafetensorsFile from = SafetensorsFile.open(sound)) {
            SafetensorsWriter to = new SafetensorsWriter();
            from.metadata().forEach((key, value) -> to.metadata(key, key.equals("steps") ? steps : value));
            for (String name : List.of("tokens", "mean", "square", "best")) {
                float[] values = from.floats(name);
                if (name.equals(changed)) {
                    values = Arrays.copyOf(values, values.length - drop);
                    if (poison != 0) {
                        values[values.length / 2] = poison;
                    }
                    if (format.quantized()) {
                        continue; // stands for a tensor that is not there
                    }
                }
                to.tensor(name, name.equals(changed) ? format : NumberFormat.F32, new long[] {values.length}, values);
            }
            to.write(file, true);
        }
        byte[] bytes = Files.readAllBytes(file);
        Files.delete(file);
        Files.delete(sound);
        return bytes;
    }

    @ParameterizedTest
    @CsvSource({
        "tokens, NaN",
        "tokens, Infinity",
        "mean, NaN",
        "mean, -Infinity",
        "square, NaN",
        "square, Infinity",
        "square, -1e-9",
        "best, NaN"
    })
    void numbersThatNoRunMakesAreRefused(String tensor, float poison) throws IOException {
        assertCheckpointRefused(
                checkpoint("3", tensor, NumberFormat.F32, 0, poison),
                "its tensor " + tensor + " holds the number " + poison + ": remove it to begin anew");
    }

    @ParameterizedTest
    @CsvSource({"tokens, F32, 1", "mean, F32, 16", "square, F16, 0", "mean, Q8_0, 0"})
    void tensorsOfAnotherFormAreRefused(String tensor, NumberFormat format, int drop) throws IOException {
        assertCheckpointRefused(checkpoint("3", tensor, format, drop, 0), "it has no tensor " + tensor + " of ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-1", "25", "4294967295", "99999999999999999999", "3.5", "three"})
    void stepsThatCannotBeAreRefused(String steps) throws IOException {
        assertCheckpointRefused(
                checkpoint(steps, "", NumberFormat.F32, 0, 0),
                "it claims \"" + steps + "\" steps of " + STEPS + ": remove it to begin anew");
    }

    @Test
    void aSoundCheckpointIsNotRefused() throws IOException {
        TinyRun run = run(1);
        Files.write(run.checkpoint(), checkpoint("3", "", NumberFormat.F32, 0, 0));
        Files.write(run.log(), LOGS.get(2));
        run.finish();
        assertAsWhole(run);
    }

    @Test
    void foldersInTheWayAreRefused() throws IOException {
        TinyRun run = run(1);
        Files.createDirectory(run.checkpoint());
        assertRefused(run, "this is a folder where the checkpoint should be; remove it");
        Files.delete(run.checkpoint());
        Files.createDirectory(run.log());
        assertRefused(run, "this is a folder; name a file in it");
        Files.write(run.checkpoint(), CHECKPOINTS.getFirst());
        assertRefused(run, "this is a folder; name a file in it");
        Files.delete(run.log());
        run.finish();
        assertThat(run.adapter()).hasSameBinaryContentAs(whole.adapter());
        Path lock = run.checkpoint().resolveSibling("checkpoint.safetensors.lock");
        Files.delete(lock);
        Files.createDirectory(lock);
        assertRefused(run, "name a file in another folder");
    }

    @Test
    void foldersThatAreMissingOrCannotBeWrittenToAreRefused() {
        Path missing = folder.resolve("missing");
        assertThatThrownBy(() -> tune(missing.resolve("c"), folder.resolve("l")))
                .isInstanceOf(IOException.class)
                .hasMessage(missing.resolve("c") + ": its folder does not exist; create it first");
        assertThatThrownBy(() -> tune(folder.resolve("c"), missing.resolve("l")))
                .isInstanceOf(IOException.class)
                .hasMessage(missing.resolve("l") + ": its folder does not exist; create it first");
        // Not even root may write there.
        Path system = Path.of("/sys");
        assertThatThrownBy(() -> tune(system.resolve("c"), folder.resolve("l")))
                .isInstanceOf(IOException.class)
                .hasMessageMatching("/sys/c: its folder cannot be written to \\(.+\\); name a file in another folder");
        assertThatThrownBy(() -> tune(folder.resolve("c"), system.resolve("l")))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("/sys/l: ");
        assertThat(folder.resolve("c")).doesNotExist();
        assertThat(folder.resolve("l")).doesNotExist();
    }

    private void tune(Path checkpoint, Path log) throws IOException {
        run(1).tune(checkpoint, log, new TinyRun.Silent(), () -> false);
    }

    /** A limit on the size of files stands in for a full disk: both end a write before all is written. */
    @ParameterizedTest
    @ValueSource(ints = {1, 16})
    void aFullDiskLeavesTheLastCheckpoint(int blocks) throws Exception {
        TinyRun run = run(1);
        Files.write(run.checkpoint(), CHECKPOINTS.get(1));
        Files.write(run.log(), LOGS.get(1));
        List<String> before = files();
        Process process = TuningProcess.start(run, "ulimit -f " + blocks + " &&", STEPS + 1);
        List<String> output;
        try (BufferedReader reader = process.inputReader()) {
            output = reader.lines().toList();
        }
        assertThat(process.waitFor()).isZero();
        assertThat(output)
                .singleElement()
                .asString()
                .startsWith(folder.toString())
                .containsPattern("could not be written.* \\(.+\\); make room");
        assertThat(run.checkpoint()).hasBinaryContent(CHECKPOINTS.get(1));
        assertThat(files()).as("nothing half-written").isEqualTo(before);
        run.finish();
        assertAsWhole(run);
    }
}
