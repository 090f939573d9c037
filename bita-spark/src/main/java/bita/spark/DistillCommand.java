package bita.spark;

import bita.tune.DistillationSettings;
import bita.tune.data.Question;
import bita.tune.data.QuestionOptions;
import bita.tune.data.Questions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Answers for tuning. */
@Command(
        name = "distill",
        description =
                "Lets a model answer questions on many machines, for tuning. Stopped at any moment, the same command"
                        + " goes on where it was.")
final class DistillCommand implements Callable<Integer> {
    private static final int SEQUENCES = 16;
    private static final int PER_TASK = 32;

    private final Console console;

    @Mixin
    final ModelChoice model = new ModelChoice();

    @Option(
            names = "--prompts",
            required = true,
            paramLabel = "FILE",
            description = "Questions, as bita distill takes them, or Parquet with the same fields.")
    String prompts = "";

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "FOLDER",
            description = "The folder of answers. What it has is kept and not made again.")
    String output = "";

    @Option(names = "--format", paramLabel = "jsonl|parquet", description = "Of the answers. Default: jsonl.")
    Format format = Format.JSONL;

    @Option(names = "--limit", paramLabel = "N", description = "Most questions of the file. Default: all.")
    int limit = Integer.MAX_VALUE;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "Most tokens of an answer; what is cut off is kept. Default: ${DEFAULT-VALUE}.")
    int maxTokens = DistillationSettings.MAX_TOKENS;

    @Option(names = "--temperature", paramLabel = "T", description = "Of the answers. Default: 0.")
    double temperature;

    @Option(names = "--seed", paramLabel = "N", description = "Seed of varied answers. Default: 0.")
    long seed;

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Answers in the making at a time in a task. Default: ${DEFAULT-VALUE}.")
    int batch = SEQUENCES;

    @Option(names = "--per-task", paramLabel = "N", description = "Questions of a task. Default: ${DEFAULT-VALUE}.")
    int perTask = PER_TASK;

    @Option(
            names = "--max-skipped",
            paramLabel = "N",
            description = "Records that are no questions and questions without an answer, after which the job ends."
                    + " Default: ${DEFAULT-VALUE}.")
    int maxSkipped = QuestionOptions.DEFAULT.mostRefused();

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    boolean json;

    @Mixin
    final Main.HelpOption help = new Main.HelpOption();

    /** Of the output. */
    enum Format {
        JSONL,
        PARQUET
    }

    DistillCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws IOException, JobException {
        DistillationSettings distillation =
                UsageException.check(() -> new DistillationSettings(maxTokens, temperature, seed, batch));
        DistillJob.Settings _ = settings(distillation, 0);
        if (limit < 1) {
            throw new UsageException("the limit of questions must be at least 1, not " + limit);
        }
        try (WorkFolder work = new WorkFolder();
                Cluster cluster = Cluster.connect("bita distill")) {
            Storage storage = new Storage(cluster);
            Path local = work.path().resolve("questions");
            storage.fetch(prompts, local);
            Read read = read(local);
            ModelReference reference = model.find(cluster, ModelReference.NONE).reference();
            DistillJob.Result result = new DistillJob(
                            cluster, storage, settings(distillation, read.refused()), new Progress())
                    .run(reference, read.questions(), output, work.path());
            report(reference, read, result, cluster.works());
            return 0;
        }
    }

    private DistillJob.Settings settings(DistillationSettings distillation, int refused) {
        return UsageException.check(
                () -> new DistillJob.Settings(distillation, perTask, maxSkipped - refused, format == Format.PARQUET));
    }

    private record Read(List<Question> questions, int refused) {}

    private Read read(Path local) throws IOException {
        List<Question> questions = new ArrayList<>();
        QuestionOptions options = new QuestionOptions(QuestionOptions.DEFAULT.mostBytes(), maxSkipped);
        try (Questions file = Questions.open(
                local,
                options,
                (line, problem) -> console.note(prompts + ", line " + line + " is skipped: " + problem))) {
            while (questions.size() < limit) {
                Optional<Question> next = file.next();
                if (next.isEmpty()) {
                    break;
                }
                questions.add(next.get());
            }
            return new Read(questions, Math.toIntExact(file.refused()));
        } catch (IOException e) {
            throw new IOException(String.valueOf(e.getMessage()).replace(local.toString(), prompts), e);
        }
    }

    private void report(ModelReference reference, Read read, DistillJob.Result result, List<Executors.Work> works) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("model", reference.file());
        object.put("model_sha256", reference.sha256());
        object.put("output", output);
        object.put("answers_before", result.answersBefore());
        object.put("answers", result.answers());
        object.put("refused", read.refused());
        object.put("skipped", result.skipped());
        object.put("tokens", result.tokens());
        object.put("seconds", result.seconds());
        String sentence = String.format(
                Locale.ROOT,
                "%s is complete: %d answers, %d of them new; %d tokens in %.1f s, %.1f tokens/s; %d records and %d"
                        + " questions were skipped",
                output,
                result.answersBefore() + result.answers(),
                result.answers(),
                result.tokens(),
                result.seconds(),
                result.tokens() / result.seconds(),
                read.refused(),
                result.skipped());
        console.summary(json, sentence, object, works);
    }

    private final class Progress implements DistillJob.Progress {
        @Override
        public void answered(int questions, int total) {
            console.progress(questions + " of " + total + " questions are answered");
        }

        @Override
        public void skipped(String question, String reason) {
            console.note("question " + question + " is skipped: " + reason);
        }
    }
}
