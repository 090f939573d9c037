package bita.tune.train;

import bita.decode.Bigrams;
import bita.decode.Calibration;
import bita.decode.SamplingSettings;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.TinyModel;
import bita.model.Transformer;
import bita.model.file.GgufFile;
import bita.tune.data.AnswerOrigin;
import bita.tune.data.AnsweredSet;
import bita.tune.data.Example;
import bita.tune.data.Examples;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.BooleanSupplier;

/**
 * A run on a tiny model, with its files in one folder.
 *
 * @param model   file of {@link #writeModel}
 * @param threads of which nothing depends but the time
 */
record TinyRun(Path model, Path folder, int steps, int threads) {
    static final String MODEL = "ab".repeat(32);

    /** Hears nothing. */
    static class Silent implements Tuning.Listener {
        @Override
        public void started(int steps) {}

        @Override
        public void step(StepReport report) {}

        @Override
        public void validated(ValidationReport report) {}
    }

    static Path writeModel(Path folder) {
        return TinyModel.write(folder, NumberFormat.Q4_1, 2);
    }

    static TrainingSettings settings(int steps, LossFunction loss) {
        return new TrainingSettings(4, 3, 5, 8, 2, 1, steps, 0.1, 1e-3, 2, 1, 4, loss, 60, 7);
    }

    /** Answers that go round in a circle, so that there is something to learn. */
    static AnsweredSet answers() {
        Random random = new Random(1);
        List<Example> examples = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            int[] tokens = new int[20 + random.nextInt(60)];
            int start = random.nextInt(10);
            for (int k = 0; k < tokens.length; k++) {
                tokens[k] = 10 + (start + k) % 7;
            }
            examples.add(Examples.of("e" + i, tokens, 1 + random.nextInt(10)));
        }
        return new AnsweredSet(
                new AnswerOrigin(MODEL, SamplingSettings.greedy()),
                examples.subList(0, 9),
                examples.subList(9, 12),
                new AnsweredSet.Counts(12, 0, 0, 12, 60, 400, 0));
    }

    Path checkpoint() {
        return folder.resolve("checkpoint.safetensors");
    }

    Path log() {
        return folder.resolve("log.jsonl");
    }

    Path adapter() {
        return folder.resolve("adapter.safetensors");
    }

    /** The lines of the log, without the time that steps took. */
    List<String> lines() throws IOException {
        return Files.readAllLines(log()).stream()
                .map(line -> line.replaceFirst("\"seconds\":[-+.0-9E]+,", ""))
                .toList();
    }

    /** Runs, and writes the adapter at the end. */
    Tuning.Result run(Tuning.Listener listener, BooleanSupplier stopped) throws IOException {
        return tune(checkpoint(), log(), listener, stopped);
    }

    /** The same with files elsewhere. */
    Tuning.Result tune(Path checkpoint, Path log, Tuning.Listener listener, BooleanSupplier stopped)
            throws IOException {
        Kernels kernels = KernelsProvider.best().kernels();
        try (ThreadTeam team = new ThreadTeam(threads);
                Transformer transformer = Transformer.load(GgufFile.open(model), kernels, team)) {
            Engine engine = new Engine(transformer, kernels, team, Optional.empty());
            TrainingSettings settings = settings(steps, LossFunction.CROSS_ENTROPY);
            Tuning.Result result;
            try (WindowWorkers workers = new LocalWorkers(engine, settings)) {
                result = new Tuning(workers, settings, new Tuning.ValidationSettings(3, 60, 100), listener)
                        .run(answers(), checkpoint, log, stopped);
            }
            if (result.finished()) {
                TunedAdapter.of(
                                "tiny",
                                transformer.config(),
                                MODEL,
                                result.tokens(),
                                Calibration.none(),
                                Bigrams.none())
                        .write(adapter(), NumberFormat.F32, true);
            }
            return result;
        }
    }

    /** Runs to the end. */
    void finish() throws IOException {
        run(new Silent(), () -> false);
    }
}
