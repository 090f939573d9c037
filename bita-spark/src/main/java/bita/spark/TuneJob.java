package bita.spark;

import bita.decode.Adapter;
import bita.decode.Calibration;
import bita.kernels.NumberFormat;
import bita.model.ModelConfig;
import bita.model.ModelFiles;
import bita.model.Transformer;
import bita.model.file.ModelFile;
import bita.tune.data.AnsweredSet;
import bita.tune.data.Split;
import bita.tune.train.StepReport;
import bita.tune.train.TrainingSettings;
import bita.tune.train.TunedAdapter;
import bita.tune.train.Tuning;
import bita.tune.train.ValidationReport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Learns an adapter on many machines. The state of the run lies beside the adapter, in a folder of its name with {@code
 * .tuning} behind it: a checkpoint by its step, and the log.
 */
final class TuneJob {
    private static final String CHECKPOINT = "checkpoint-";
    private static final String LOG = "log.jsonl";

    private final Cluster cluster;
    private final Storage storage;
    private final TrainingSettings settings;
    private final Tuning.ValidationSettings validation;
    private final Tuning.Listener listener;

    /** What it has led to. */
    record Result(Adapter adapter, AnsweredSet answers, Tuning.Result tuning) {}

    TuneJob(
            Cluster cluster,
            Storage storage,
            TrainingSettings settings,
            Tuning.ValidationSettings validation,
            Tuning.Listener listener) {
        this.cluster = cluster;
        this.storage = storage;
        this.settings = settings;
        this.validation = validation;
        this.listener = listener;
    }

    /**
     * Makes the run's steps, or those that are left, and the adapter.
     *
     * @param answers URI of answers
     * @param output  URI of the adapter
     * @param work    folder of this machine, for the job alone
     * @throws JobException if executors cannot work; the state of the last step is kept
     * @throws bita.tune.train.DivergedException if the loss is not a number
     */
    Result run(ModelChoice.Found model, String answers, String output, Path work) throws IOException, JobException {
        String state = output + ".tuning";
        try {
            Path file = work.resolve("answers.jsonl");
            storage.fetch(answers, file);
            ModelConfig config = config(model.file());
            AnsweredSet set = AnsweredSet.read(file, config.vocabulary(), AnsweredSet.SHORTEST, Split.DEFAULT);
            if (!set.origin().modelSha256().equals(model.reference().sha256())) {
                throw new IOException(answers + ": these are the answers of another model file than " + model.file()
                        + "; make some with bita distill");
            }
            Path checkpoint = work.resolve("checkpoint.safetensors");
            Path log = work.resolve(LOG);
            fetch(state, checkpoint, log);
            try (SparkWorkers workers = new SparkWorkers(cluster, model.reference(), settings, config)) {
                Tuning.Result result = new Tuning(workers, settings, validation, new Keeper(state, checkpoint, log))
                        .run(set, checkpoint, log, () -> false);
                return new Result(adapter(model.reference(), config, set, result, output, work), set, result);
            }
        } catch (SparkWorkers.FailedException e) {
            throw e.reason();
        } catch (UncheckedIOException e) {
            throw new IOException(e.getMessage(), e);
        } catch (IOException e) {
            throw new IOException(
                    String.valueOf(e.getMessage())
                            .replace(work.resolve("answers.jsonl").toString(), answers)
                            .replace(work.toString(), state),
                    e);
        }
    }

    private static ModelConfig config(Path model) throws IOException {
        try (ModelFile file = ModelFiles.open(model)) {
            return Transformer.config(file);
        }
    }

    private void fetch(String state, Path checkpoint, Path log) throws IOException {
        List<String> names = storage.names(state);
        for (String name : names) { // in order: the last one stays
            if (name.startsWith(CHECKPOINT)) {
                storage.fetch(state + "/" + name, checkpoint);
            } else if (name.equals(LOG)) {
                storage.fetch(state + "/" + name, log);
            }
        }
    }

    private Adapter adapter(
            ModelReference model, ModelConfig config, AnsweredSet set, Tuning.Result result, String output, Path work)
            throws IOException, JobException {
        Calibration calibration = cluster.one(
                new TuneTasks.Examples(set.validation()),
                new TuneTasks.Calibrate(model, settings, LearnedNumbers.of(result.tokens())));
        Adapter adapter = TunedAdapter.of(
                output, config, model.sha256(), result.tokens(), calibration, TunedAdapter.bigrams(set));
        Path local = work.resolve("adapter.safetensors");
        adapter.write(local, NumberFormat.F16, true);
        storage.put(local, output);
        return adapter;
    }

    /** Carries each step's state to the output. */
    private final class Keeper implements Tuning.Listener {
        private final String state;
        private final Path checkpoint;
        private final Path log;

        Keeper(String state, Path checkpoint, Path log) {
            this.state = state;
            this.checkpoint = checkpoint;
            this.log = log;
        }

        @Override
        public void started(int steps) {
            listener.started(steps);
        }

        @Override
        public void step(StepReport report) {
            try {
                String name = "%s%08d.safetensors".formatted(CHECKPOINT, report.step());
                storage.put(checkpoint, state + "/" + name);
                storage.put(log, state + "/" + LOG);
                for (String older : storage.names(state)) {
                    if (older.startsWith(CHECKPOINT) && !older.equals(name)) {
                        storage.delete(state + "/" + older);
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            listener.step(report);
        }

        @Override
        public void validated(ValidationReport report) {
            listener.validated(report);
        }
    }
}
