package bita.tune.train;

import bita.api.store.Sha256;
import bita.model.LearnedTokens;
import bita.model.file.FileLock;
import bita.tune.data.AnsweredSet;
import bita.tune.data.Example;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Learns prompt and mask tokens for a frozen model (BiTA, arXiv 2401.12522, section 3.1). A run that was stopped, even by a
 * kill, goes on from its last step when it is started again, and ends with the same bits as one that was not, with any
 * number of threads.
 */
public final class Tuning {
    private final WindowWorkers workers;
    private final TrainingSettings settings;
    private final ValidationSettings validation;
    private final Listener listener;

    /** Is told how a run goes. */
    public interface Listener {
        /** A run begins, or goes on behind some steps. */
        void started(int steps);

        /** A step has been made and saved. */
        void step(StepReport report);

        /** The learned tokens have been measured. */
        void validated(ValidationReport report);
    }

    /**
     * When learned tokens are measured: before the first step, behind the last, and in between.
     *
     * @param every    steps
     * @param anchors  about as many of the validation answers
     * @param patience a run ends early when so many validations in a row have not been better than the best
     */
    public record ValidationSettings(int every, int anchors, int patience) {
        /** Often enough for a curve, and a small part of the time. */
        public static final ValidationSettings DEFAULT = new ValidationSettings(25, 1500, 3);

        public ValidationSettings {
            if (every < 1 || anchors < 1 || patience < 1) {
                throw new IllegalArgumentException("validation needs a positive number of steps, of anchors, and of"
                        + " validations to wait, not " + every + ", " + anchors + " and " + patience);
            }
        }

        /** How often a run of so many steps is validated. */
        int times(int steps) {
            return 1 + Math.ceilDiv(steps, every);
        }
    }

    /**
     * What a run has led to.
     *
     * @param tokens     learned: those with the smallest validation loss if the run is finished
     * @param steps      made
     * @param finished   whether the run has ended by itself; if not, it was stopped and can go on
     * @param validation of these tokens; empty without answers for validation
     */
    public record Result(LearnedTokens tokens, int steps, boolean finished, Optional<ValidationReport> validation) {}

    /**
     * A run.
     *
     * @param workers with the same settings
     */
    public Tuning(WindowWorkers workers, TrainingSettings settings, ValidationSettings validation, Listener listener) {
        this.workers = workers;
        this.settings = settings;
        this.validation = validation;
        this.listener = listener;
    }

    /**
     * Makes the run's steps, or those that are left.
     *
     * @param checkpoint file of the run's state, read if it exists; locked until the run ends
     * @param log        file of a JSON object per step and validation
     * @param stopped    asked between windows; the step or validation that is being made is then dropped
     * @throws IOException if a file cannot be read or written, the checkpoint is of another run, or, at once, if another
     *     run works on it; what was saved before is kept
     * @throws DivergedException if the loss is not a number
     */
    public Result run(AnsweredSet answers, Path checkpoint, Path log, BooleanSupplier stopped) throws IOException {
        Schedule schedule = new Schedule(settings, answers.training());
        Validation measurement = new Validation(settings, answers.validation(), validation.anchors());
        Checkpoint saved = new Checkpoint(
                checkpoint,
                settings,
                validation,
                answers.origin().modelSha256(),
                fingerprint(answers.training()),
                workers.kernels());
        try (FileLock _ = FileLock.of(checkpoint)) {
            TrainingState start = Files.exists(checkpoint)
                    ? saved.read(workers.config(), settings)
                    : TrainingState.start(workers.start(), workers.config(), settings);
            return run(start, schedule, measurement, saved, new TrainingLog(log, start.steps()), stopped);
        }
    }

    private Result run(
            TrainingState start,
            Schedule schedule,
            Validation measurement,
            Checkpoint saved,
            TrainingLog lines,
            BooleanSupplier stopped)
            throws IOException {
        TrainingState state = start;
        Optional<ValidationReport> last = Optional.empty();
        listener.started(state.steps());
        Trainer trainer = new Trainer(workers, settings);
        while (true) {
            boolean due = state.steps() % validation.every() == 0 || state.steps() == settings.steps();
            if (due && !measurement.isEmpty()) {
                Optional<ValidationReport> measured = validate(measurement, state, lines, stopped);
                if (measured.isEmpty()) {
                    return stopped(state, last);
                }
                last = measured;
                state = state.validated(measured.get().loss());
            }
            if (state.steps() == settings.steps() || isStalled(state)) {
                return finished(measurement, state, last, stopped);
            }
            Optional<StepReport> report = trainer.step(state, schedule, stopped);
            if (report.isEmpty()) {
                return stopped(state, last);
            }
            state = state.withSteps(state.steps() + 1);
            // In this order: what was not saved is made again, with its line; a missing line never is.
            lines.add(report.get());
            saved.write(state);
            listener.step(report.get());
        }
    }

    private boolean isStalled(TrainingState state) {
        return state.best()
                .map(best -> state.steps() - best.steps() >= (long) validation.patience() * validation.every())
                .orElse(false);
    }

    private static Result stopped(TrainingState state, Optional<ValidationReport> last) {
        return new Result(state.tokens(), state.steps(), false, last);
    }

    private Result finished(
            Validation measurement, TrainingState state, Optional<ValidationReport> last, BooleanSupplier stopped) {
        if (state.best().isEmpty()) {
            return new Result(state.tokens(), state.steps(), true, last);
        }
        TrainingState.Best best = state.best().get();
        Optional<ValidationReport> report = last.filter(latest -> latest.steps() == best.steps())
                .or(() -> measurement.measure(workers, best.tokens(), best.steps(), stopped));
        return report.isEmpty() ? stopped(state, last) : new Result(best.tokens(), state.steps(), true, report);
    }

    /** Empty if stopped. */
    private Optional<ValidationReport> validate(
            Validation measurement, TrainingState state, TrainingLog lines, BooleanSupplier stopped)
            throws IOException {
        Optional<ValidationReport> measured = measurement.measure(workers, state.tokens(), state.steps(), stopped);
        if (measured.isPresent()) {
            ValidationReport report = measured.get();
            if (!Double.isFinite(report.loss())) {
                throw new DivergedException("behind step " + state.steps() + ", on answers that are not trained on,");
            }
            lines.add(report);
            listener.validated(report);
        }
        return measured;
    }

    private static String fingerprint(List<Example> examples) {
        MessageDigest digest = Sha256.digest();
        for (Example example : examples) {
            digest.update(example.id().getBytes(StandardCharsets.UTF_8));
            int[] tokens = example.tokenIds();
            ByteBuffer bytes = ByteBuffer.allocate((tokens.length + 2) * Integer.BYTES);
            bytes.putInt(tokens.length).putInt(example.promptLength());
            for (int token : tokens) {
                bytes.putInt(token);
            }
            digest.update(bytes.flip());
        }
        return Sha256.hex(digest);
    }
}
