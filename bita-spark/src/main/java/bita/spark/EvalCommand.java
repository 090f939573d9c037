package bita.spark;

import bita.decode.Method;
import bita.decode.SamplingSettings;
import bita.eval.Question;
import bita.eval.Suite;
import bita.eval.methods.Evaluation;
import bita.eval.methods.EvaluationOptions;
import bita.eval.methods.EvaluationResult;
import bita.eval.methods.JsonReport;
import bita.eval.methods.ResultRow;
import bita.kernels.CacheFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Methods side by side. */
@Command(
        name = "eval",
        description =
                "Compares decoding methods over a suite of questions on many machines. Stopped at any moment, the same"
                        + " command goes on where it was.")
final class EvalCommand implements Callable<Integer> {
    private static final int PER_TASK = 8;

    private final Console console;

    @Mixin
    final ModelChoice model = new ModelChoice();

    @Option(
            names = "--suite",
            required = true,
            paramLabel = "FILE",
            description = "Questions in the format of Spec-Bench, or Parquet with the same fields.")
    String suite = "";

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "FOLDER",
            description = "The folder of the results.")
    String output = "";

    @Option(
            names = "--adapter",
            paramLabel = "FILE|none",
            description = "The adapter that drafts. Default: the one that belongs to the model, if there is one.")
    String adapter = "";

    @Option(
            names = "--methods",
            paramLabel = "METHOD",
            split = ",",
            description = "What to compare with plain decoding: " + Method.SYNTAX + ". Default: as bita eval.")
    List<String> methods = new ArrayList<>();

    @Option(names = "--limit", paramLabel = "N", description = "Most questions. Default: all.")
    int limit = Integer.MAX_VALUE;

    @Option(names = "--max-tokens", paramLabel = "N", description = "Of an answer. Default: ${DEFAULT-VALUE}.")
    int maxTokens = EvaluationOptions.MAX_TOKENS;

    @Option(names = "--repetitions", paramLabel = "N", description = "Of each answer. Default: ${DEFAULT-VALUE}.")
    int repetitions = 1;

    @Option(names = "--rows", paramLabel = "N", description = "Most rows of one step. Default: each method's own.")
    Optional<Integer> rows = Optional.empty();

    @Option(names = "--context", paramLabel = "N", description = "Most tokens of prompt and answer together.")
    Optional<Integer> context = Optional.empty();

    @Option(names = "--cache-type", paramLabel = "f16|f32", description = "Of keys and values. Default: f16.")
    CacheFormat cacheType = CacheFormat.F16;

    @Option(names = "--temperature", paramLabel = "T", description = "0 for greedy answers. Default: 0.")
    double temperature;

    @Option(names = "--seed", paramLabel = "N", description = "Of sampled answers. Default: 0.")
    long seed;

    @Option(names = "--per-task", paramLabel = "N", description = "Questions of a task. Default: ${DEFAULT-VALUE}.")
    int perTask = PER_TASK;

    @Option(
            names = "--max-skipped",
            paramLabel = "N",
            description = "Questions that may be skipped because they cannot be answered. Default: ${DEFAULT-VALUE}.")
    int maxSkipped = 100;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    boolean json;

    @Mixin
    final Main.HelpOption help = new Main.HelpOption();

    @Spec
    CommandSpec spec = CommandSpec.create();

    EvalCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws IOException, JobException {
        EvaluationOptions options = UsageException.check(() -> new EvaluationOptions(
                1,
                repetitions,
                maxTokens,
                new SamplingSettings(temperature, 0, 1, 0, seed),
                toInt(rows),
                toInt(context),
                cacheType));
        List<String> names = UsageException.check(
                () -> methods.stream().map(Method::parse).map(Method::name).toList());
        EvalJob.Settings settings = UsageException.check(() -> new EvalJob.Settings(
                options,
                suite.substring(suite.lastIndexOf('/') + 1),
                names,
                perTask,
                maxSkipped,
                "bita-spark "
                        + String.join(" ", spec.commandLine().getParseResult().originalArgs())));
        if (limit < 1) {
            throw new UsageException("the limit of questions must be at least 1, not " + limit);
        }
        try (WorkFolder results = new WorkFolder();
                WorkFolder work = new WorkFolder();
                Cluster cluster = Cluster.connect("bita eval")) {
            Storage storage = new Storage(cluster);
            List<Question> questions = questions(storage, work.path());
            ModelReference reference =
                    model.find(cluster, shipped(cluster, storage, work.path())).reference();
            EvaluationResult result = new EvalJob(
                            cluster,
                            storage,
                            settings,
                            (done, total) -> console.progress(done + " of " + total + " questions are measured"))
                    .run(reference, questions, output, results.path());
            return report(result, cluster);
        }
    }

    private static OptionalInt toInt(Optional<Integer> value) {
        return value.map(OptionalInt::of).orElseGet(OptionalInt::empty);
    }

    private List<Question> questions(Storage storage, Path work) throws IOException {
        Path local = work.resolve("suite.jsonl");
        storage.fetch(suite, local);
        try {
            List<Question> questions = Suite.read(local, limit);
            Evaluation.check(local, questions);
            return questions;
        } catch (IOException e) {
            throw new IOException(String.valueOf(e.getMessage()).replace(local.toString(), suite), e);
        }
    }

    /** Lets the adapter come with the job. */
    private String shipped(Cluster cluster, Storage storage, Path work) throws IOException {
        if (adapter.isEmpty() || adapter.equals(ModelReference.NONE)) {
            return adapter;
        }
        String name = "adapter.safetensors";
        storage.fetch(adapter, work.resolve(name));
        cluster.spark().addFile(work.resolve(name).toString());
        return name;
    }

    private int report(EvaluationResult result, Cluster cluster) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("output", output);
        object.put("identical", result.identical());
        object.put("results", JsonReport.rows(result));
        String table = result.rows(ResultRow.ALL)
                .map(row -> String.format(
                        Locale.ROOT,
                        "%s: %.2f tokens per step, %.1f rows per step, %.1f tokens/s, speedup %s, identical %d of %d",
                        row.method(),
                        row.tokensPerStep(),
                        row.rowsPerStep(),
                        row.tokensPerSecond(),
                        row.speedup()
                                .map(speedup -> String.format(Locale.ROOT, "%.2f", speedup.ratio()))
                                .orElse("-"),
                        row.identicalPrompts(),
                        row.prompts()))
                .collect(Collectors.joining("\n"));
        result.skipped().forEach(one -> console.note("skipped is " + one.describe()));
        result.leftOut().forEach(console::note);
        console.summary(json, table + "\nreport: " + output + "/report.html", object, cluster.works());
        if (!result.identical()) {
            console.note("not identical to plain decoding: "
                    + result.differences().getFirst().describe());
        }
        return result.identical() ? 0 : 1;
    }
}
