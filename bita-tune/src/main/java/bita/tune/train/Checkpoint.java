package bita.tune.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import bita.kernels.NumberFormat;
import bita.model.LearnedTokens;
import bita.model.ModelConfig;
import bita.model.file.ModelFormatException;
import bita.model.file.SafetensorsFile;
import bita.model.file.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;

/**
 * A run as it stands between two steps, in one safetensors file that replaces the one before it when it is complete. All
 * numbers are f32, as they are in memory, so that a run goes on with the very bits it was stopped with.
 */
final class Checkpoint {
    private static final String FORMAT = "bita-checkpoint-1";
    private static final JsonMapper JSON = new JsonMapper();

    private final Path path;
    private final Map<String, String> identity;

    /**
     * @param model   SHA-256 of the model file
     * @param answers fingerprint of the examples
     */
    Checkpoint(Path path, TrainingSettings settings, String model, String answers) {
        this.path = path;
        identity = Map.of(
                "format", FORMAT,
                "settings", JSON.writeValueAsString(settings),
                "model_sha256", model,
                "answers", answers);
    }

    void write(TrainingState state) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("steps", String.valueOf(state.steps()));
        identity.forEach(writer::metadata);
        tensor(writer, "tokens", state.tokens());
        tensor(writer, "mean", state.mean());
        tensor(writer, "square", state.square());
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
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            check(file, "format", "it is not a checkpoint of this version");
            check(file, "model_sha256", "it belongs to another model");
            check(file, "answers", "it belongs to other answers");
            check(file, "settings", "it was made with other settings");
            int steps = steps(file);
            if (steps > settings.steps()) {
                throw new ModelFormatException(path, "it claims " + steps + " steps of " + settings.steps());
            }
            return new TrainingState(
                    tokens(file, "tokens", config, settings),
                    tokens(file, "mean", config, settings),
                    tokens(file, "square", config, settings),
                    steps);
        }
    }

    private void check(SafetensorsFile file, String key, String problem) throws ModelFormatException {
        if (!Optional.ofNullable(file.metadata().get(key)).equals(Optional.ofNullable(identity.get(key)))) {
            throw new ModelFormatException(
                    path, problem + ": remove it to begin anew, or repeat the command that made it");
        }
    }

    private int steps(SafetensorsFile file) throws ModelFormatException {
        String steps = file.metadata().getOrDefault("steps", "");
        try {
            return Integer.parseUnsignedInt(steps);
        } catch (NumberFormatException e) {
            throw new ModelFormatException(path, "its number of steps is \"" + steps + "\"", e);
        }
    }

    private LearnedTokens tokens(SafetensorsFile file, String name, ModelConfig config, TrainingSettings settings)
            throws ModelFormatException {
        LearnedTokens tokens = new LearnedTokens(config, settings.prompts(), settings.masks());
        float[] values = file.floats(name);
        if (values.length != tokens.count()) {
            throw new ModelFormatException(
                    path, "its tensor " + name + " has " + values.length + " numbers, not " + tokens.count());
        }
        MemorySegment.copy(values, 0, tokens.all(), JAVA_FLOAT, 0, values.length);
        return tokens;
    }
}
