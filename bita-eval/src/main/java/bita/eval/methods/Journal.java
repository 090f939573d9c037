package bita.eval.methods;

import bita.eval.Question;
import bita.model.file.FileLock;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * The measurements of a run, which begins with its settings: a JSON object per line. Each is on the disk before {@link
 * #append} returns, so that a stop at any moment leaves at most half a line, which the next opening cuts off. One program
 * at a time may have a journal open.
 */
final class Journal implements Measurements, AutoCloseable {
    private static final String FORMAT_NAME = "bita-eval-journal-";
    private static final String FORMAT = FORMAT_NAME + 1;
    private static final String NO_JOURNAL = ", line 1: this is no journal of bita eval; use another folder";

    private static final JsonMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .build();

    private record Header(String format, Map<String, String> settings) {}

    private final Path path;
    private final FileLock lock;
    // Not a channel: an interrupt would close it in the middle of a line.
    private final RandomAccessFile file;
    private final Map<Measurement.Key, Measurement> measurements = new LinkedHashMap<>();
    private long end;

    private Journal(Path path, FileLock lock, RandomAccessFile file) {
        this.path = path;
        this.lock = lock;
        this.file = file;
    }

    /**
     * Opens a journal, or begins one; half a line at its end is cut off.
     *
     * @param replace   whether what the file has is given up
     * @param settings  of the run
     * @param questions that its measurements are about
     * @throws IOException if the file cannot be read or written, another program has it open, it is no journal, or it is
     *     one of another run; then it is left as it was, and the message says what to do
     */
    static Journal open(Path path, boolean replace, RunSettings settings, List<Question> questions) throws IOException {
        FileLock lock = FileLock.of(path);
        try {
            RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw");
            try {
                if (replace) {
                    file.setLength(0);
                }
                Journal journal = new Journal(path, lock, file);
                journal.read(settings, questions);
                return journal;
            } catch (IOException | RuntimeException e) {
                file.close();
                throw e;
            }
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /** The settings of a run that has begun; empty if there is no journal, or not yet its first line. */
    static Optional<RunSettings> settings(Path path) throws IOException {
        if (!Files.exists(path)) {
            return Optional.empty();
        }
        try (InputStream in = new BufferedInputStream(Files.newInputStream(path))) {
            Optional<byte[]> first = line(in);
            return first.isPresent() ? Optional.of(header(path, first.get())) : Optional.empty();
        }
    }

    private void read(RunSettings settings, List<Question> questions) throws IOException {
        // Its descriptor is that of the file, which is closed at the end.
        InputStream in = new BufferedInputStream(new FileInputStream(file.getFD()));
        Optional<byte[]> line = line(in);
        if (line.isPresent()) {
            List<String> differences = settings.differencesFrom(header(path, line.get()));
            if (!differences.isEmpty()) {
                throw new IOException(path + ": the run was begun with other settings ("
                        + String.join("; ", differences) + "): go on with those, or use another folder");
            }
        }
        for (int number = 2; line.isPresent(); number++) {
            end += line.get().length + 1;
            line = line(in);
            if (line.isPresent()) {
                add(number, line.get(), questions);
            }
        }
        file.setLength(end);
        if (end == 0) {
            write(JSON.writeValueAsBytes(new Header(FORMAT, settings.values())));
        }
    }

    /** The next line without its end; empty if none has an end. */
    private static Optional<byte[]> line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next = in.read(); next >= 0; next = in.read()) {
            if (next == '\n') {
                return Optional.of(line.toByteArray());
            }
            line.write(next);
        }
        return Optional.empty();
    }

    private static RunSettings header(Path path, byte[] line) throws IOException {
        JsonNode header;
        try {
            header = JSON.readTree(line);
        } catch (JacksonException e) {
            throw new IOException(path + NO_JOURNAL, e);
        }
        if (!header.path("format").asString("").startsWith(FORMAT_NAME)
                || !header.path("settings").isObject()) {
            throw new IOException(path + NO_JOURNAL);
        }
        if (!header.get("format").asString().equals(FORMAT)) {
            throw new IOException(
                    path + ", line 1: this journal is of another version of bita eval; use another folder");
        }
        Map<String, String> settings = new LinkedHashMap<>();
        header.get("settings").forEachEntry((name, value) -> settings.put(name, value.asString("unknown")));
        return new RunSettings(settings);
    }

    private void add(int number, byte[] line, List<Question> questions) throws IOException {
        Measurement measurement;
        try {
            measurement = measurement(line);
        } catch (JacksonException e) {
            throw new IOException(broken(number, reason(e)), e);
        }
        int question = measurement.question();
        if (question < 0
                || question >= questions.size()
                || !questions.get(question).id().equals(measurement.id())
                || measurement.turn() < 0
                || measurement.turn() >= questions.get(question).turns().size()) {
            throw new IOException(broken(number, "its question is not in the suite"));
        }
        if (measurements.putIfAbsent(measurement.key(), measurement) != null) {
            throw new IOException(broken(number, "it repeats an earlier line"));
        }
    }

    private static String reason(JacksonException e) {
        return e.getCause() instanceof IllegalArgumentException refused
                ? String.valueOf(refused.getMessage())
                : e.getOriginalMessage().lines().findFirst().orElse("");
    }

    private String broken(int number, String reason) {
        return path + ", line " + number + ": this is no measurement (" + reason
                + "): remove the line, whose answer is then made again, or use another folder";
    }

    @Override
    public Optional<Measurement> find(Measurement.Key key) {
        return Optional.ofNullable(measurements.get(key));
    }

    /** A measurement as a line without its end. */
    static byte[] line(Measurement measurement) {
        return JSON.writeValueAsBytes(measurement);
    }

    /**
     * The measurement of a line.
     *
     * @throws JacksonException if it is none
     */
    static Measurement measurement(byte[] line) {
        return JSON.readValue(line, Measurement.class);
    }

    int size() {
        return measurements.size();
    }

    /**
     * Adds a measurement.
     *
     * @throws IOException if it cannot be written, for instance because the disk is full; the journal keeps those before
     */
    @Override
    public void append(Measurement measurement) throws IOException {
        write(line(measurement));
        measurements.put(measurement.key(), measurement);
    }

    private void write(byte[] json) throws IOException {
        byte[] line = Arrays.copyOf(json, json.length + 1);
        line[json.length] = '\n';
        try {
            file.seek(end);
            file.write(line);
            file.getFD().sync();
        } catch (IOException e) {
            throw new IOException(
                    path + ": writing failed (" + e.getMessage() + "); the " + measurements.size()
                            + " answers before are kept, so make room and start again",
                    e);
        }
        end += line.length;
    }

    @Override
    public void close() throws IOException {
        try {
            file.close();
        } finally {
            lock.close();
        }
    }
}
