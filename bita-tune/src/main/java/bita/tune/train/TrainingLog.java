package bita.tune.train;

import bita.model.file.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Writes what a run has seen, a JSON object per line: steps and validations. */
final class TrainingLog {
    // Fields, which TrainingHistory reads.
    static final String STEP = "step";
    static final String LOSS = "loss";
    static final String GRADIENT_NORM = "gradient_norm";
    static final String LEARNING_RATE = "learning_rate";
    static final String SECONDS = "seconds";
    static final String VALIDATION_LOSS = "validation_loss";
    static final String CHAIN = "tokens_per_step_chain";
    static final String UPPER_TRIANGLE = "tokens_per_step_upper_triangle";
    static final String TOP1 = "top1";
    static final String TOP5 = "top5";

    private static final JsonMapper JSON = new JsonMapper();

    private final Path path;

    /**
     * Goes on with a log: what it says of later steps, and of how the present ones have turned out, is left out, since it
     * is made again; and so is what is no line of a log, which a kill may leave.
     *
     * @param steps made so far
     */
    TrainingLog(Path path, int steps) throws IOException {
        this.path = path;
        StringBuilder kept = new StringBuilder();
        if (steps > 0 && Files.isRegularFile(path)) {
            // Not readAllLines(), to which bytes that are no UTF-8 are an error.
            for (String line : new String(Files.readAllBytes(path), StandardCharsets.UTF_8)
                    .lines()
                    .toList()) {
                if (isUpTo(steps, line)) {
                    kept.append(line).append('\n');
                }
            }
        }
        try (AtomicFile file = AtomicFile.create(path, true)) {
            file.write(ByteBuffer.wrap(kept.toString().getBytes(StandardCharsets.UTF_8)));
            file.commit();
        }
    }

    private static boolean isUpTo(int steps, String line) {
        try {
            JsonNode object = JSON.readTree(line);
            JsonNode step = object.path(STEP);
            return step.isInt() && step.intValue() <= steps - (object.has(VALIDATION_LOSS) ? 1 : 0);
        } catch (JacksonException e) {
            return false; // half a line, of a run that was killed
        }
    }

    void add(StepReport report) throws IOException {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put(STEP, report.step());
        line.put(LOSS, report.loss());
        line.put(GRADIENT_NORM, report.gradientNorm());
        line.put(LEARNING_RATE, report.learningRate());
        line.put(SECONDS, report.seconds());
        counts(line, report.counts());
        add(line);
    }

    void add(ValidationReport report) throws IOException {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put(STEP, report.steps());
        line.put(VALIDATION_LOSS, report.loss());
        line.put(CHAIN, report.chain());
        line.put(UPPER_TRIANGLE, report.upperTriangle());
        counts(line, report.counts());
        add(line);
    }

    private static void counts(Map<String, Object> line, MaskCounts counts) {
        line.put(TOP1, IntStream.range(0, counts.masks()).mapToObj(counts::top1).toList());
        line.put(TOP5, IntStream.range(0, counts.masks()).mapToObj(counts::top5).toList());
    }

    /** Adds a line, which is on the disk then. */
    private void add(Map<String, Object> line) throws IOException {
        try {
            Files.writeString(
                    path,
                    JSON.writeValueAsString(line) + "\n",
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND,
                    StandardOpenOption.DSYNC);
        } catch (FileSystemException | ClosedByInterruptException e) {
            throw e; // says which file, or is no failure
        } catch (IOException e) {
            throw new IOException(
                    path + ": a line could not be written (" + e.getMessage() + "); make room and start again", e);
        }
    }
}
