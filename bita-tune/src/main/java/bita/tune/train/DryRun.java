package bita.tune.train;

import bita.api.MachineMemory;
import bita.model.Engine;
import bita.tune.data.Example;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.SplittableRandom;

/**
 * Measures what tuning costs on windows of random tokens, each as long as the settings allow: all that a run computes,
 * and nothing is written.
 */
public final class DryRun {
    /** Windows whose median counts. */
    public static final int MEASURED = 3;

    /** Windows in all: the first warms up, and the last is only measured, as in a validation. */
    private static final int WINDOWS = 1 + MEASURED + 1;

    private DryRun() {}

    /** Is told how far the measuring has come. */
    @FunctionalInterface
    public interface Listener {
        /** {@code done} of {@code total} windows are done. */
        void progress(int done, int total);
    }

    /**
     * What was measured.
     *
     * @param secondsPerWindow     median, forward and backward
     * @param secondsPerStep       of all its windows
     * @param secondsPerValidation forward passes of about as many anchors as a validation has
     * @param seconds              of all steps and validations
     * @param peakResidentBytes    most memory that this process has held until now, pages of mapped files included; empty
     *                             where the system does not say
     */
    public record Result(
            double secondsPerWindow,
            double secondsPerStep,
            double secondsPerValidation,
            double seconds,
            OptionalLong peakResidentBytes) {}

    /**
     * Measures.
     *
     * @param engine without an adapter
     * @throws ArithmeticException if the loss is not a number
     * @throws UnsupportedOperationException if the engine's kernels have none for tuning
     * @throws InterruptedException if the thread is interrupted; the measuring ends within one window
     */
    public static Result run(
            Engine engine, TrainingSettings settings, Tuning.ValidationSettings validation, Listener listener)
            throws InterruptedException {
        TrainingSettings windowed = settings.withAnswersPerStep(1);
        Schedule schedule = new Schedule(
                windowed, examples(settings, engine.model().config().vocabulary()));
        double[] seconds = new double[MEASURED];
        try (LocalWorkers workers = new LocalWorkers(engine, windowed)) {
            Trainer trainer = new Trainer(workers, windowed);
            TrainingState state = TrainingState.start(workers.start(), workers.config(), windowed);
            for (int i = 0; i <= MEASURED; i++) {
                listener.progress(i, WINDOWS);
                StepReport report = trainer.step(
                                state, schedule, () -> Thread.currentThread().isInterrupted())
                        .orElseThrow(InterruptedException::new);
                state = state.withSteps(state.steps() + 1);
                if (i > 0) {
                    seconds[i - 1] = report.seconds();
                }
            }
            listener.progress(MEASURED + 1, WINDOWS);
            Window window = schedule.step(state.steps()).getFirst();
            long start = System.nanoTime();
            workers.measure(state.tokens(), List.of(window), () -> false);
            double measured = (System.nanoTime() - start) / 1e9;
            listener.progress(WINDOWS, WINDOWS);
            Arrays.sort(seconds);
            double perStep = settings.answersPerStep() * seconds[MEASURED / 2];
            double perValidation = measured * Math.ceilDiv(validation.anchors(), window.count());
            return new Result(
                    seconds[MEASURED / 2],
                    perStep,
                    perValidation,
                    settings.steps() * perStep + validation.times(settings.steps()) * perValidation,
                    MachineMemory.peakResidentBytes());
        }
    }

    /** Answers of full length, which end with as many anchors as a window has. */
    private static List<Example> examples(TrainingSettings settings, int vocabulary) {
        int length = settings.mostTokens();
        int promptLength = Math.max(length - 1 - settings.window(), 1);
        SplittableRandom random = new SplittableRandom(settings.seed());
        return random.splits(WINDOWS)
                .map(own -> Example.of("random", own.ints(length, 0, vocabulary).toArray(), promptLength))
                .toList();
    }
}
