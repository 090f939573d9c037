package bita.tune.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrainingHistoryTest {
    private static final TrainingHistory.Validation FIRST = new TrainingHistory.Validation(
            0, 8.5, 1, 1.25, new TrainingHistory.Shares(List.of(0.5, 0.0), List.of(0.75, 0.0)));
    private static final TrainingHistory.Step STEP = new TrainingHistory.Step(
            1, 8.25, 14.5, 1e-3, 8.125, new TrainingHistory.Shares(List.of(0.25, 0.5), List.of(0.25, 1.0)));

    @TempDir
    Path folder;

    private Path log;

    @BeforeEach
    void choose() {
        log = folder.resolve("log.jsonl");
    }

    /** Ranks of predictions: of four predictions of the first mask, so many had rank 0, and so on. */
    private static MaskCounts counts(int[] first, int[] second) {
        MaskCounts counts = new MaskCounts(2);
        Arrays.stream(first).forEach(rank -> counts.add(0, rank));
        Arrays.stream(second).forEach(rank -> counts.add(1, rank));
        return counts;
    }

    private void write() throws IOException {
        TrainingLog writer = new TrainingLog(log, 0);
        writer.add(new ValidationReport(0, 8.5, counts(new int[] {0, 0, 4, 5}, new int[] {}), 1, 1.25));
        writer.add(new StepReport(1, 8.25, 14.5, 1e-3, 8.125, counts(new int[] {0, 9, 9, 9}, new int[] {0, 1})));
    }

    private void append(String text) throws IOException {
        Files.writeString(log, Files.readString(log) + text);
    }

    @Test
    void readsWhatIsWritten() throws IOException {
        write();

        assertThat(TrainingHistory.read(log)).isEqualTo(new TrainingHistory(List.of(STEP), List.of(FIRST)));
    }

    /** As a model that produces NaN leaves it, or a step too far. */
    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY})
    void readsALossThatIsNotFinite(double loss) throws IOException {
        write();
        new TrainingLog(log, 1).add(new ValidationReport(1, loss, counts(new int[] {0}, new int[] {0}), 1, 1));

        assertThat(TrainingHistory.read(log).validations().getLast().loss()).isEqualTo(Double.valueOf(loss));
    }

    @Test
    void ofALogThatHasJustBegunKnowsNothing() throws IOException {
        Files.writeString(log, "");

        assertThat(TrainingHistory.read(log)).isEqualTo(new TrainingHistory(List.of(), List.of()));
    }

    /** Wherever a kill cuts the last line. */
    @Test
    void ignoresHalfALineAtTheEnd() throws IOException {
        write();
        byte[] whole = Files.readAllBytes(log);
        int firstLine = new String(whole, StandardCharsets.UTF_8).indexOf('\n') + 1;

        for (int length = firstLine; length < whole.length; length++) {
            Files.write(log, Arrays.copyOf(whole, length));
            assertThat(TrainingHistory.read(log)).isEqualTo(new TrainingHistory(List.of(), List.of(FIRST)));
        }
        Files.write(log, whole);
        append("Gr\u00fc\u00df\u0000");
        assertThat(TrainingHistory.read(log).steps()).containsExactly(STEP);
    }

    /** A finished run that is started again measures again. */
    @Test
    void keepsTheLastValidationOfAStep() throws IOException {
        write();
        append("""
                {"step":0,"validation_loss":7,"tokens_per_step_chain":1,"tokens_per_step_upper_triangle":2,\
                "top1":[0,0],"top5":[0,1]}
                """);

        assertThat(TrainingHistory.read(log).validations())
                .extracting(TrainingHistory.Validation::loss)
                .containsExactly(7.0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{\"step\":2,\"los",
                "null",
                "[]",
                "7",
                "{}",
                "{\"step\":2}",
                "{\"step\":2,\"validation_loss\":1,\"top1\":[0,0],\"top5\":[0,0]}",
                "{\"step\":2,\"loss\":1,\"gradient_norm\":1,\"learning_rate\":1,\"seconds\":1}",
                "{\"step\":2,\"loss\":1,\"gradient_norm\":1,\"learning_rate\":1,\"seconds\":1,\"top1\":[0,0],\"top5\":[0]}",
                "{\"step\":2,\"loss\":1,\"gradient_norm\":1,\"learning_rate\":1,\"seconds\":1,\"top1\":[],\"top5\":[]}",
                "{\"step\":2,\"loss\":1,\"gradient_norm\":1,\"learning_rate\":1,\"seconds\":1,\"top1\":[0,2],\"top5\":[0,0]}",
                "{\"step\":2,\"loss\":1,\"gradient_norm\":1,\"learning_rate\":1,\"seconds\":1,\"top1\":[0,\"0\"],\"top5\":[0,0]}",
                "{\"step\":2,\"loss\":\"NaN\",\"gradient_norm\":1,\"learning_rate\":1,\"seconds\":1,\"top1\":[0,0],\"top5\":[0,0]}",
                "{\"step\":2,\"loss\":1e999,\"gradient_norm\":1,\"learning_rate\":1,\"seconds\":1,\"top1\":[0,0],\"top5\":[0,0]}",
                "{\"step\":-2,\"loss\":1,\"gradient_norm\":1,\"learning_rate\":1,\"seconds\":1,\"top1\":[0,0],\"top5\":[0,0]}",
                "{\"step\":1e9999999,\"loss\":1,\"gradient_norm\":1,\"learning_rate\":1,\"seconds\":1,\"top1\":[0,0],\"top5\":[0,0]}",
            })
    void saysWhichLineIsDamaged(String line) throws IOException {
        write();
        append(line + "\n");

        assertThatThrownBy(() -> TrainingHistory.read(log))
                .isInstanceOf(IOException.class)
                .hasMessage(
                        log + ", line 3: this is neither a step nor a validation of a tuning run; the log is damaged");
    }

    @Test
    void refusesLinesOfRunsWithOtherMasks() throws IOException {
        write();
        append("""
                {"step":2,"loss":1,"gradient_norm":1,"learning_rate":1,"seconds":1,"top1":[0],"top5":[0]}
                """);

        assertThatThrownBy(() -> TrainingHistory.read(log)).hasMessageContaining("differ in the number of masks");
    }

    @Test
    void refusesOtherFiles() throws IOException {
        assertThatThrownBy(() -> TrainingHistory.read(log)).isInstanceOf(NoSuchFileException.class);
        Files.writeString(log, "[".repeat(100_000) + "\n");
        assertThatThrownBy(() -> TrainingHistory.read(log)).hasMessageContaining("line 1");
        try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "rw")) {
            file.setLength(TrainingHistory.MOST_BYTES + 1);
        }
        assertThatThrownBy(() -> TrainingHistory.read(log)).hasMessageContaining("no log of a tuning run");
    }
}
