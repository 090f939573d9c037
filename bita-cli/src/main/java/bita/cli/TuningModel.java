package bita.cli;

import bita.kernels.Kernels;
import bita.kernels.ThreadTeam;
import bita.model.ModelFiles;
import bita.model.Transformer;
import bita.model.file.ModelFile;
import bita.tune.train.TrainingSettings;
import bita.tune.train.TuningMemory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Collectors;

/** Loads the model to tune, after saying what memory that takes, or refusing it. */
final class TuningModel {
    private TuningModel() {}

    /**
     * Loads a model file.
     *
     * @param answerBytes of the file of answers; 0 if there is none
     * @throws bita.api.InsufficientMemoryException if the machine's memory cannot hold it all
     */
    static Transformer load(
            Terminal terminal,
            Path source,
            Kernels kernels,
            ThreadTeam team,
            TrainingSettings settings,
            long answerBytes)
            throws IOException {
        ModelFile file = ModelFiles.open(source);
        try {
            state(terminal, memory(file, settings, team, answerBytes));
            return Transformer.load(file, kernels, team);
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            file.close();
            throw e;
        }
    }

    /** What tuning a file's model needs. */
    static TuningMemory memory(ModelFile file, TrainingSettings settings, ThreadTeam team, long answerBytes)
            throws IOException {
        return TuningMemory.of(
                Transformer.config(file), settings, team.threads(), Transformer.bytes(file), answerBytes);
    }

    /** Says a need in one line, or refuses it. */
    static void state(Terminal terminal, TuningMemory memory) {
        memory.require();
        terminal.note("tuning takes up to " + Format.bytes(memory.total()) + " of memory ("
                + memory.parts().entrySet().stream()
                        .map(part -> part.getKey() + " " + Format.bytes(part.getValue()))
                        .collect(Collectors.joining(", "))
                + ")");
    }
}
