package bita.tune.train;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the log of a run says, in the order of its steps.
 *
 * @param steps       made
 * @param validations the last one of each number of steps
 */
public record TrainingHistory(List<Step> steps, List<Validation> validations) {
    /** Hundreds of thousands of steps; a file larger than that is no log. */
    static final long MOST_BYTES = 64L << 20;

    private static final JsonMapper JSON = new JsonMapper();

    public TrainingHistory {
        steps = List.copyOf(steps);
        validations = List.copyOf(validations);
    }

    /**
     * How often each mask is right.
     *
     * @param top1 share of a mask's predictions whose most likely token was the true one
     * @param top5 share of a mask's predictions whose five most likely tokens held the true one
     */
    public record Shares(List<Double> top1, List<Double> top5) {
        public Shares {
            top1 = List.copyOf(top1);
            top5 = List.copyOf(top5);
        }
    }

    /**
     * A {@link StepReport}, as far as it is logged.
     *
     * @param step         from 1
     * @param loss         mean cross-entropy, weighted by mask, in nats
     * @param gradientNorm before it was clipped
     * @param learningRate of the step
     * @param seconds      that it took
     * @param masks        on the step's answers
     */
    public record Step(int step, double loss, double gradientNorm, double learningRate, double seconds, Shares masks) {}

    /**
     * A {@link ValidationReport}, as far as it is logged.
     *
     * @param steps         made before it
     * @param loss          mean cross-entropy, weighted by mask, in nats; not finite if the model or what it learns is not
     * @param chain         tokens per step of a chain
     * @param upperTriangle tokens per step of the reference implementation's tree
     * @param masks         on the validation answers
     */
    public record Validation(int steps, double loss, double chain, double upperTriangle, Shares masks) {}

    /**
     * Reads a log, also one that is being written. Half a line at its end, as a kill leaves it, is ignored.
     *
     * @throws IOException if the file cannot be read, or holds anything but steps and validations; the message says where
     */
    public static TrainingHistory read(Path log) throws IOException {
        long bytes = Files.size(log);
        if (bytes > MOST_BYTES) {
            throw new IOException(log + ": this is no log of a tuning run, which has at most " + MOST_BYTES + " bytes");
        }
        // Not readAllLines: that fails where a character is cut in two.
        String text = new String(Files.readAllBytes(log), StandardCharsets.UTF_8);
        List<String> lines = Arrays.asList(text.split("\n", -1));
        SortedMap<Integer, Step> steps = new TreeMap<>();
        SortedMap<Integer, Validation> validations = new TreeMap<>();
        for (int i = 0; i < lines.size() - 1; i++) { // behind the last line end there is nothing, or half a line
            try {
                add(steps, validations, JSON.readTree(lines.get(i)));
            } catch (JacksonException | DamagedException e) {
                throw new IOException(
                        log + ", line " + (i + 1) + ": this is neither a step nor a validation of a tuning run; the log"
                                + " is damaged",
                        e);
            }
        }
        TrainingHistory history =
                new TrainingHistory(new ArrayList<>(steps.values()), new ArrayList<>(validations.values()));
        if (history.masks().distinct().count() > 1) {
            throw new IOException(log + ": its lines differ in the number of masks; the log is damaged");
        }
        return history;
    }

    private IntStream masks() {
        return Stream.concat(
                        steps.stream().map(Step::masks), validations.stream().map(Validation::masks))
                .mapToInt(shares -> shares.top1().size());
    }

    private static void add(SortedMap<Integer, Step> steps, SortedMap<Integer, Validation> validations, JsonNode line)
            throws DamagedException {
        JsonNode number = line.path(TrainingLog.STEP);
        if (!number.isInt() || number.intValue() < 0) {
            throw new DamagedException(TrainingLog.STEP);
        }
        int step = number.intValue();
        Shares masks = new Shares(shares(line, TrainingLog.TOP1), shares(line, TrainingLog.TOP5));
        if (masks.top1().isEmpty() || masks.top1().size() != masks.top5().size()) {
            throw new DamagedException(TrainingLog.TOP5);
        }
        if (line.has(TrainingLog.VALIDATION_LOSS)) {
            double loss = anyNumber(line.path(TrainingLog.VALIDATION_LOSS));
            double chain = number(line, TrainingLog.CHAIN);
            double upperTriangle = number(line, TrainingLog.UPPER_TRIANGLE);
            validations.put(step, new Validation(step, loss, chain, upperTriangle, masks));
        } else {
            double loss = number(line, TrainingLog.LOSS);
            double norm = number(line, TrainingLog.GRADIENT_NORM);
            double rate = number(line, TrainingLog.LEARNING_RATE);
            steps.put(step, new Step(step, loss, norm, rate, number(line, TrainingLog.SECONDS), masks));
        }
    }

    private static List<Double> shares(JsonNode line, String name) throws DamagedException {
        JsonNode array = line.path(name);
        if (!array.isArray()) {
            throw new DamagedException(name);
        }
        List<Double> shares = new ArrayList<>();
        for (JsonNode share : array) {
            double value = finite(share, name);
            if (value < 0 || value > 1) {
                throw new DamagedException(name);
            }
            shares.add(value);
        }
        return shares;
    }

    /** JSON has no words for what is not finite: Jackson writes a string. */
    private static double anyNumber(JsonNode value) throws DamagedException {
        return switch (value.asString("")) {
            case "NaN" -> Double.NaN;
            case "Infinity" -> Double.POSITIVE_INFINITY;
            default -> finite(value, TrainingLog.VALIDATION_LOSS);
        };
    }

    private static double number(JsonNode line, String name) throws DamagedException {
        return finite(line.path(name), name);
    }

    private static double finite(JsonNode value, String name) throws DamagedException {
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
            throw new DamagedException(name);
        }
        return value.doubleValue();
    }

    /** A field is missing, or is not what it should be. */
    private static final class DamagedException extends Exception {
        private static final long serialVersionUID = 1;

        DamagedException(String field) {
            super(field);
        }
    }
}
