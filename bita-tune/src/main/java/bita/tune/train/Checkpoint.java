package bita.tune.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import bita.kernels.NumberFormat;
import bita.model.LearnedTokens;
import bita.model.ModelConfig;
import bita.model.file.ModelFormatException;
import bita.model.file.SafetensorsFile;
import bita.model.file.SafetensorsWriter;
import bita.model.file.Text;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;

/**
 * A run as it stands between two steps, in one safetensors file that replaces the one before it when it is complete. All
 * numbers are f32, as they are in memory, so that a run goes on with the very bits it was stopped with.
 */
final class Checkpoint {
    private static final String FORMAT = "bita-checkpoint-1";
    private static final String KERNELS = "kernels";
    private static final String BEST = "best";
    private static final String BEST_STEPS = "best_steps";
    private static final String BEST_LOSS = "best_loss";
    private static final String REMEDY = ": remove it to begin anew";
    private static final JsonMapper JSON = new JsonMapper();

    private final Path path;
    private final Map<String, String> identity = new LinkedHashMap<>(); // in an order, for the same bytes everywhere

    /**
     * @param validation which decides what is best
     * @param model      SHA-256 of the model file
     * @param answers    fingerprint of the examples
     * @param kernels    which decide the last bits
     */
    Checkpoint(
            Path path,
            TrainingSettings settings,
            Tuning.ValidationSettings validation,
            String model,
            String answers,
            String kernels) {
        this.path = path;
        identity.put("format", FORMAT);
        identity.put("settings", JSON.writeValueAsString(settings));
        identity.put("validation", JSON.writeValueAsString(validation));
        identity.put("model_sha256", model);
        identity.put("answers", answers);
        identity.put(KERNELS, kernels);
    }

    void write(TrainingState state) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("steps", String.valueOf(state.steps()));
        identity.forEach(writer::metadata);
        tensor(writer, "tokens", state.tokens());
        tensor(writer, "mean", state.mean());
        tensor(writer, "square", state.square());
        state.best().ifPresent(best -> {
            writer.metadata(BEST_STEPS, String.valueOf(best.steps())).metadata(BEST_LOSS, String.valueOf(best.loss()));
            tensor(writer, BEST, best.tokens());
        });
        writer.write(path, true);
    }

    private static void tensor(SafetensorsWriter writer, String name, LearnedTokens tokens) {
        writer.tensor(
                name,
                NumberFormat.F32,
                new long[] {tokens.count()},
                tokens.all().toArray(JAVA_FLOAT));
    }

    /**
     * Reads the state of a run that was stopped.
     *
     * @throws ModelFormatException if the file is no checkpoint, damaged, or of another run
     */
    TrainingState read(ModelConfig config, TrainingSettings settings) throws IOException {
        if (Files.isDirectory(path)) {
            throw new ModelFormatException(path, "this is a folder where the checkpoint should be; remove it");
        }
        try (SafetensorsFile file = open()) {
            check(file, "format", "it is not a checkpoint of this version");
            check(file, "model_sha256", "it belongs to another model");
            check(file, "answers", "it belongs to other answers");
            check(file, "settings", "it was made with other settings");
            check(file, "validation", "it was made with other settings");
            check(
                    file,
                    KERNELS,
                    "it was made with kernels \"" + file.metadata().getOrDefault(KERNELS, "") + "\", and these are \""
                            + identity.get(KERNELS) + "\", whose last bits are others: go on with those (--backend,"
                            + " --isa)");
            int steps = number(file, "steps", settings.steps());
            return new TrainingState(
                    tokens(file, "tokens", config, settings, -Float.MAX_VALUE),
                    tokens(file, "mean", config, settings, -Float.MAX_VALUE),
                    tokens(file, "square", config, settings, 0),
                    steps,
                    best(file, config, settings, steps));
        }
    }

    private void check(SafetensorsFile file, String key, String problem) throws ModelFormatException {
        if (!Optional.ofNullable(file.metadata().get(key)).equals(Optional.ofNullable(identity.get(key)))) {
            throw new ModelFormatException(path, problem + REMEDY + ", or repeat the command that made it");
        }
    }

    private SafetensorsFile open() throws IOException {
        try {
            return SafetensorsFile.open(path);
        } catch (ModelFormatException e) {
            throw new ModelFormatException(path, "it is damaged or no checkpoint" + REMEDY, e);
        }
    }

    private ModelFormatException damaged(String problem) {
        return new ModelFormatException(path, problem + REMEDY);
    }

    private Optional<TrainingState.Best> best(
            SafetensorsFile file, ModelConfig config, TrainingSettings settings, int steps)
            throws ModelFormatException {
        if (file.find(BEST).isEmpty()) {
            return Optional.empty();
        }
        String loss = file.metadata().getOrDefault(BEST_LOSS, "");
        try {
            double number = Double.parseDouble(loss);
            if (Double.isFinite(number)) {
                return Optional.of(new TrainingState.Best(
                        tokens(file, BEST, config, settings, -Float.MAX_VALUE),
                        number,
                        number(file, BEST_STEPS, steps)));
            }
        } catch (NumberFormatException _) {
            // said below
        }
        throw damaged("its best loss is " + Text.quote(loss));
    }

    /** A number of steps in the metadata. */
    private int number(SafetensorsFile file, String key, int most) throws ModelFormatException {
        String steps = file.metadata().getOrDefault(key, "");
        if (steps.matches("[0-9]{1,9}") && Integer.parseInt(steps) <= most) {
            return Integer.parseInt(steps);
        }
        throw damaged("it claims " + Text.quote(steps) + " steps of " + most);
    }

    private LearnedTokens tokens(
            SafetensorsFile file, String name, ModelConfig config, TrainingSettings settings, float least)
            throws ModelFormatException {
        LearnedTokens tokens = settings.zeros(config);
        boolean fits = file.find(name)
                .filter(tensor -> tensor.dtype().equals("F32")
                        && tensor.data().byteSize() == tokens.all().byteSize())
                .isPresent();
        if (!fits) {
            throw damaged("it has no tensor " + name + " of " + tokens.count() + " numbers in F32");
        }
        float[] values = file.floats(name);
        for (float value : values) {
            if (!(value >= least && value <= Float.MAX_VALUE)) { // NaN too
                throw damaged("its tensor " + name + " holds the number " + value);
            }
        }
        MemorySegment.copy(values, 0, tokens.all(), JAVA_FLOAT, 0, values.length);
        return tokens;
    }
}
