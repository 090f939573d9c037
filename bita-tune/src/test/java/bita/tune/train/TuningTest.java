package bita.tune.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.decode.SamplingSettings;
import bita.kernels.Backend;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.LearnedTokens;
import bita.model.ModelConfig;
import bita.model.TinyModel;
import bita.model.Transformer;
import bita.tune.data.AnswerOrigin;
import bita.tune.data.AnsweredSet;
import bita.tune.data.Examples;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class TuningTest {
    @TempDir
    Path folder;

    private static boolean never() {
        return false;
    }

    private static final class Recorder implements Tuning.Listener {
        final List<StepReport> steps = new ArrayList<>();
        final List<ValidationReport> validations = new ArrayList<>();
        int started = -1;

        @Override
        public void started(int steps) {
            started = steps;
        }

        @Override
        public void step(StepReport report) {
            steps.add(report);
        }

        @Override
        public void validated(ValidationReport report) {
            validations.add(report);
        }
    }

    private Tuning.Result run(
            String name, int threads, TrainingSettings settings, Recorder recorder, BooleanSupplier stopped)
            throws IOException {
        return run(KernelsProvider.best().kernels(), name, threads, settings, recorder, stopped);
    }

    private Tuning.Result run(
            Kernels kernels,
            String name,
            int threads,
            TrainingSettings settings,
            Recorder recorder,
            BooleanSupplier stopped)
            throws IOException {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_1, 2);
                ThreadTeam team = new ThreadTeam(threads)) {
            Engine engine = new Engine(model, kernels, team, Optional.empty());
            try (WindowWorkers workers = new LocalWorkers(engine, settings)) {
                return new Tuning(workers, settings, new Tuning.ValidationSettings(3, 60, 100), recorder)
                        .run(TinyRun.answers(), folder.resolve(name), folder.resolve(name + ".jsonl"), stopped);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void learns(LossFunction loss) throws IOException {
        Recorder recorder = new Recorder();
        Tuning.Result result = run("learns", 2, TinyRun.settings(12, loss), recorder, TuningTest::never);
        assertThat(result.finished()).isTrue();
        assertThat(result.steps()).isEqualTo(12);
        assertThat(recorder.started).isZero();
        assertThat(recorder.steps).extracting(StepReport::step).containsExactly(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
        assertThat(recorder.validations).extracting(ValidationReport::steps).containsExactly(0, 3, 6, 9, 12);
        // The divergence from a random model's own distribution need not make circles likelier.
        if (loss != LossFunction.FORWARD_KL) {
            assertThat(recorder.validations.getLast().loss())
                    .isLessThan(0.7 * recorder.validations.getFirst().loss());
            assertThat(recorder.validations.getLast().upperTriangle())
                    .isGreaterThan(recorder.validations.getFirst().upperTriangle());
        }
    }

    /** A run that is stopped again and again, with other numbers of threads, ends with the bits of one that is not. */
    @Test
    void goesOnWithTheSameBits() throws IOException {
        TrainingSettings settings = TinyRun.settings(7, LossFunction.CROSS_ENTROPY);
        float[] whole = run("whole", 1, settings, new Recorder(), TuningTest::never)
                .tokens()
                .all()
                .toArray(JAVA_FLOAT);
        Random random = new Random(3);
        int stops = 0;
        while (true) {
            int[] questions = {1 + random.nextInt(25)}; // a validation has nine windows
            Recorder recorder = new Recorder();
            Tuning.Result part = run("parts", 1 + random.nextInt(4), settings, recorder, () -> questions[0]-- == 0);
            if (part.finished()) {
                assertThat(part.tokens().all().toArray(JAVA_FLOAT)).isEqualTo(whole);
                break;
            }
            stops++;
        }
        assertThat(stops).isGreaterThan(1);
        List<String> log = Files.readAllLines(folder.resolve("parts.jsonl"));
        assertThat(log.stream().filter(line -> line.contains("gradient_norm"))).hasSize(7);
        // Nothing is left to do.
        Recorder again = new Recorder();
        Tuning.Result finished = run("parts", 2, settings, again, TuningTest::never);
        assertThat(again.started).isEqualTo(7);
        assertThat(again.steps).isEmpty();
        assertThat(finished.validation()).isPresent();
    }

    @Test
    void refusesACheckpointOfAnotherRun() throws IOException {
        run("one", 1, TinyRun.settings(2, LossFunction.CROSS_ENTROPY), new Recorder(), TuningTest::never);
        assertThatThrownBy(() -> run(
                        "one", 1, TinyRun.settings(3, LossFunction.CROSS_ENTROPY), new Recorder(), TuningTest::never))
                .hasMessageContaining("other settings");
        Kernels others = KernelsProvider.of(Backend.SCALAR, Optional.empty()).kernels();
        assertThatThrownBy(() -> run(
                        others,
                        "one",
                        1,
                        TinyRun.settings(2, LossFunction.CROSS_ENTROPY),
                        new Recorder(),
                        TuningTest::never))
                .hasMessageContainingAll("made with kernels", "these are \"scalar generic\"", "--isa");
        byte[] bytes = Files.readAllBytes(folder.resolve("one"));
        Files.write(folder.resolve("half"), Arrays.copyOf(bytes, bytes.length / 2));
        assertThatThrownBy(() -> run(
                        "half", 1, TinyRun.settings(2, LossFunction.CROSS_ENTROPY), new Recorder(), TuningTest::never))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("half");
    }

    /** A validation takes longer than a step, and a run that is to stop does not wait for its end. */
    @Test
    void stopsInAValidation() throws IOException {
        Recorder recorder = new Recorder();
        int[] questions = {2};

        Tuning.Result stopped = run(
                "validating", 1, TinyRun.settings(3, LossFunction.CROSS_ENTROPY), recorder, () -> --questions[0] == 0);

        assertThat(stopped.finished()).isFalse();
        assertThat(recorder.validations).isEmpty();
        assertThat(recorder.steps).isEmpty();
    }

    /** Found in the last validation too, so that no adapter is made of it. */
    @Test
    void endsWhenTheLossIsNoNumber() {
        for (int steps : new int[] {1, 5}) {
            TrainingSettings wild =
                    new TrainingSettings(4, 3, 0, 8, 2, 1, steps, 1e38, 1, 0, 1, 4, LossFunction.CROSS_ENTROPY, 60, 7);
            assertThatThrownBy(() -> run("wild" + steps, 1, wild, new Recorder(), TuningTest::never))
                    .isInstanceOf(DivergedException.class)
                    .hasMessageContaining("lower learning rate");
        }
    }

    /** What a run ends with is the best it has seen, also if it was stopped and went on. */
    @Test
    void endsWhenItGetsNoBetterAndKeepsTheBest() throws IOException {
        // So small a rate that nothing changes.
        TrainingSettings stuck =
                new TrainingSettings(4, 3, 0, 8, 2, 1, 20, 1e-30, 1, 0, 1, 4, LossFunction.CROSS_ENTROPY, 60, 7);
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_1, 2);
                ThreadTeam team = new ThreadTeam(2)) {
            Engine engine = new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty());
            Recorder recorder = new Recorder();
            WindowWorkers workers = new LocalWorkers(engine, stuck);
            Tuning tuning = new Tuning(workers, stuck, new Tuning.ValidationSettings(1, 60, 2), recorder);
            Tuning.Result stopped = tuning.run(
                    TinyRun.answers(),
                    folder.resolve("stuck"),
                    folder.resolve("log"),
                    () -> recorder.steps.size() == 1);
            assertThat(stopped.finished()).isFalse();

            Tuning.Result result =
                    tuning.run(TinyRun.answers(), folder.resolve("stuck"), folder.resolve("log"), TuningTest::never);

            assertThat(result.finished()).isTrue();
            assertThat(result.steps()).isEqualTo(2);
            assertThat(result.validation().orElseThrow().steps()).isZero();
            assertThat(result.validation().orElseThrow().loss())
                    .isEqualTo(recorder.validations.getFirst().loss());
            assertThat(result.tokens().all().toArray(JAVA_FLOAT))
                    .isEqualTo(workers.start().all().toArray(JAVA_FLOAT));
            workers.close();
        }
    }

    @Test
    void refusesAnswersWithoutLabels() {
        try (Transformer model = TinyModel.load(folder, NumberFormat.F32, 2);
                ThreadTeam team = new ThreadTeam(1)) {
            Engine engine = new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty());
            AnsweredSet answers = new AnsweredSet(
                    new AnswerOrigin(TinyRun.MODEL, SamplingSettings.greedy()),
                    List.of(Examples.of(new int[] {1, 2}, 1)),
                    List.of(),
                    new AnsweredSet.Counts(1, 0, 0, 1, 1, 1, 0));
            TrainingSettings settings = TinyRun.settings(1, LossFunction.CROSS_ENTROPY);
            WindowWorkers workers = new LocalWorkers(engine, settings);
            Tuning tuning = new Tuning(workers, settings, Tuning.ValidationSettings.DEFAULT, new Recorder());
            assertThatThrownBy(() -> tuning.run(answers, folder.resolve("c"), folder.resolve("l"), TuningTest::never))
                    .hasMessageContaining("nothing to learn");
            workers.close();
        }
    }

    /** Whoever computes a group, and whatever was computed before: the same sum, for each way to group. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void groupsMayBeComputedApart(int accumulate) throws IOException {
        TrainingSettings settings = new TrainingSettings(
                4, 3, 5, 8, 5, accumulate, 4, 0.1, 1e-3, 2, 1, 4, LossFunction.CROSS_ENTROPY, 60, 7);
        float[] here = run("here" + accumulate, 2, settings, new Recorder(), TuningTest::never)
                .tokens()
                .all()
                .toArray(JAVA_FLOAT);
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_1, 2);
                ThreadTeam team = new ThreadTeam(1)) {
            Engine engine = new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty());
            try (WindowWorkers apart = new LastFirst(engine, settings)) {
                Tuning.Result result = new Tuning(
                                apart, settings, new Tuning.ValidationSettings(3, 60, 100), new Recorder())
                        .run(
                                TinyRun.answers(),
                                folder.resolve("apart" + accumulate),
                                folder.resolve("apart.jsonl"),
                                TuningTest::never);
                assertThat(result.tokens().all().toArray(JAVA_FLOAT)).isEqualTo(here);
            }
        }
    }

    /** Computes what comes last first, each group on other workers. */
    private record LastFirst(Engine engine, TrainingSettings settings) implements WindowWorkers {
        @Override
        public ModelConfig config() {
            return engine.model().config();
        }

        @Override
        public String kernels() {
            return WindowPass.name(engine.kernels());
        }

        @Override
        public LearnedTokens start() {
            return TrainingState.startingTokens(engine.model(), settings);
        }

        @Override
        public boolean gradients(
                LearnedTokens tokens, List<List<Window>> groups, BooleanSupplier stopped, GroupListener inOrder) {
            List<Runnable> told = new ArrayList<>();
            for (List<Window> group : groups.reversed()) {
                try (WindowWorkers own = new LocalWorkers(engine, settings)) {
                    own.gradients(tokens, List.of(group), stopped, (gradient, outcomes) -> {
                        MemorySegment kept = MemorySegment.ofArray(gradient.toArray(JAVA_FLOAT));
                        told.addFirst(() -> inOrder.computed(kept, outcomes));
                    });
                }
            }
            told.forEach(Runnable::run);
            return true;
        }

        @Override
        public Optional<List<WindowOutcome>> measure(
                LearnedTokens tokens, List<Window> windows, BooleanSupplier stopped) {
            List<WindowOutcome> outcomes = new ArrayList<>();
            for (Window window : windows.reversed()) {
                try (WindowWorkers own = new LocalWorkers(engine, settings)) {
                    outcomes.addFirst(own.measure(tokens, List.of(window), stopped)
                            .orElseThrow()
                            .getFirst());
                }
            }
            return Optional.of(outcomes);
        }

        @Override
        public void close() {}
    }
}
