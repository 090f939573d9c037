package bita.spark;

import bita.tune.train.LossFunction;
import bita.tune.train.StepReport;
import bita.tune.train.TrainingSettings;
import bita.tune.train.Tuning;
import bita.tune.train.ValidationReport;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Learns an adapter. */
@Command(
        name = "tune",
        description = "Learns an adapter for a model on many machines. The state of a run lies in FILE.tuning: the same"
                + " command goes on with a run that was stopped, and ends with the same adapter, to the last bit.")
final class TuneCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    final ModelChoice model = new ModelChoice();

    @Option(
            names = "--answers",
            required = true,
            paramLabel = "FILE",
            description =
                    "Answers of the model, from bita distill or its job here: a file, or a folder of them, as JSON"
                            + " or Parquet.")
    String answers = "";

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "FILE",
            description = "The adapter to write.")
    String output = "";

    @Option(names = "--steps", paramLabel = "N", description = "Steps of training. Default: ${DEFAULT-VALUE}.")
    int steps = TrainingSettings.DEFAULT.steps();

    @Option(names = "--prompt-tokens", paramLabel = "N", description = "To learn. Default: ${DEFAULT-VALUE}.")
    int prompts = TrainingSettings.DEFAULT.prompts();

    @Option(names = "--masks", paramLabel = "N", description = "Mask tokens to learn. Default: ${DEFAULT-VALUE}.")
    int masks = TrainingSettings.DEFAULT.masks();

    @Option(
            names = "--rank",
            paramLabel = "N",
            description = "Rank of what is added to linear layers; 0 for nothing. Default: ${DEFAULT-VALUE}.")
    int rank = TrainingSettings.DEFAULT.rank();

    @Option(
            names = "--window",
            paramLabel = "N",
            description = "Anchors of an answer trained together. Default: ${DEFAULT-VALUE}.")
    int window = TrainingSettings.DEFAULT.window();

    @Option(names = "--batch", paramLabel = "N", description = "Answers of a step. Default: ${DEFAULT-VALUE}.")
    int batch = TrainingSettings.DEFAULT.answersPerStep();

    @Option(
            names = "--accumulate",
            paramLabel = "N",
            description = "Answers of a task, whose gradients it gathers before they travel. One machine with the same"
                    + " number ends with the same adapter. Default: ${DEFAULT-VALUE}.")
    int accumulate = TrainingSettings.DEFAULT.accumulate();

    @Option(names = "--learning-rate", paramLabel = "X", description = "The highest. Default: ${DEFAULT-VALUE}.")
    double learningRate = TrainingSettings.DEFAULT.learningRate();

    @Option(
            names = "--low-rank-rate",
            paramLabel = "X",
            description = "The highest of what is added to linear layers. Default: ${DEFAULT-VALUE}.")
    double lowRankRate = TrainingSettings.DEFAULT.lowRankRate();

    @Option(
            names = "--decay",
            paramLabel = "X",
            description = "Mask i counts exp(-(i - 1) / X). Default: ${DEFAULT-VALUE}.")
    double decay = TrainingSettings.DEFAULT.decay();

    @Option(
            names = "--loss",
            paramLabel = "LOSS",
            description = "One of ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    LossFunction loss = TrainingSettings.DEFAULT.loss();

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "Tokens of an answer, with its prompt, that are used. Default: ${DEFAULT-VALUE}.")
    int maxTokens = TrainingSettings.DEFAULT.mostTokens();

    @Option(names = "--seed", paramLabel = "N", description = "Of everything random. Default: ${DEFAULT-VALUE}.")
    long seed = TrainingSettings.DEFAULT.seed();

    @Option(names = "--force", description = "Replace the adapter if it exists.")
    boolean force;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    boolean json;

    @Mixin
    final Main.HelpOption help = new Main.HelpOption();

    TuneCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws IOException, JobException {
        TrainingSettings settings = UsageException.check(() -> new TrainingSettings(
                prompts,
                masks,
                rank,
                window,
                batch,
                accumulate,
                steps,
                learningRate,
                lowRankRate,
                TrainingSettings.DEFAULT.warmup(),
                TrainingSettings.DEFAULT.clip(),
                decay,
                loss,
                maxTokens,
                seed));
        long start = System.nanoTime();
        try (WorkFolder work = new WorkFolder();
                Cluster cluster = Cluster.connect("bita tune")) {
            Storage storage = new Storage(cluster);
            if (!force && storage.exists(output)) {
                throw new JobException(output + ": this file exists already; --force replaces it");
            }
            ModelChoice.Found found = model.find(cluster, ModelReference.NONE);
            TuneJob.Result result = new TuneJob(
                            cluster, storage, settings, Tuning.ValidationSettings.DEFAULT, new Progress())
                    .run(found, answers, output, work.path());
            report(result, (System.nanoTime() - start) / 1e9, cluster);
            return 0;
        }
    }

    private void report(TuneJob.Result result, double seconds, Cluster cluster) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("adapter", output);
        object.put("parameters", result.adapter().parameters());
        object.put("answers", result.answers().training().size());
        object.put("validation_answers", result.answers().validation().size());
        object.put("steps", result.tuning().steps());
        object.put("seconds", seconds);
        result.tuning().validation().ifPresent(validation -> {
            object.put("validation_loss", validation.loss());
            object.put("tokens_per_step_chain", validation.chain());
            object.put("tokens_per_step_upper_triangle", validation.upperTriangle());
        });
        String sentence = String.format(
                Locale.ROOT,
                "%s is complete: %d steps on %d answers in %.1f s%s",
                output,
                result.tuning().steps(),
                result.answers().training().size(),
                seconds,
                result.tuning()
                        .validation()
                        .map(validation -> String.format(
                                Locale.ROOT,
                                "; on %d other answers: loss %.3f, %.2f tokens per step (chain %.2f)",
                                result.answers().validation().size(),
                                validation.loss(),
                                validation.upperTriangle(),
                                validation.chain()))
                        .orElse(""));
        console.summary(json, sentence, object, cluster.works());
    }

    private final class Progress implements Tuning.Listener {
        @Override
        public void started(int made) {
            if (made > 0) {
                console.note("going on behind step " + made);
            }
        }

        @Override
        public void step(StepReport report) {
            console.progress(String.format(
                    Locale.ROOT,
                    "step %d of %d: loss %.3f, %.2f s",
                    report.step(),
                    steps,
                    report.loss(),
                    report.seconds()));
        }

        @Override
        public void validated(ValidationReport report) {
            console.note(String.format(
                    Locale.ROOT,
                    "after %d steps: loss %.3f on answers that are not trained on, %.2f tokens per step",
                    report.steps(),
                    report.loss(),
                    report.upperTriangle()));
        }
    }
}
