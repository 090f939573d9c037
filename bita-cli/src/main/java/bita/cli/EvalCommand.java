package bita.cli;

import bita.api.LanguageModel;
import bita.api.store.CatalogModel;
import bita.decode.Adapter;
import bita.decode.Method;
import bita.decode.SamplingSettings;
import bita.eval.Question;
import bita.eval.Suite;
import bita.eval.methods.ComparedMethods;
import bita.eval.methods.Evaluation;
import bita.eval.methods.EvaluationOptions;
import bita.eval.methods.EvaluationResult;
import bita.eval.methods.JsonReport;
import bita.eval.methods.ResultsFolder;
import bita.eval.methods.RunSettings;
import bita.kernels.Processors;
import bita.model.template.TemplateException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Compares decoding methods. */
@Command(
        name = "eval",
        description =
                "Compares decoding methods over questions: tokens per step, speed against plain decoding, and whether"
                        + " every token is identical. Stopped at any moment, the same command goes on where it was. Status 1 if a"
                        + " token differs.",
        footer = {
            "",
            "A suite holds a question per line, as JSON in the format of Spec-Bench. The methods answer in turn, so that a"
                    + " machine's bad minute meets all alike. The folder gets results.json, report.md, report.html, and the"
                    + " answers for Spec-Bench's own scripts. docs/eval.md explains the figures.",
            "",
            "On many machines: bita eval --spark MASTER --help (docs/spark.md).",
            "",
            "Examples:",
            "  bita eval --suite questions.jsonl",
            "  bita eval --suite questions.jsonl --limit 20 --repetitions 5 -o results",
            "  bita eval model.gguf --suite questions.jsonl --methods lookup,masks:best:8 --json"
        })
final class EvalCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Spec
    CommandSpec spec = CommandSpec.create();

    @Parameters(
            arity = "0..1",
            paramLabel = "MODEL",
            description =
                    "A name that \"bita list\" knows, or the path of a GGUF file or a safetensors folder. Default: ${DEFAULT-VALUE}.")
    String model = CatalogModel.DEFAULT.id();

    @Option(names = "--suite", required = true, paramLabel = "FILE", description = "The questions.")
    Path suite = Path.of("");

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            description =
                    "The folder of the results. Default: eval-SUITE-N in the current folder, with the first N that"
                            + " is free or whose run is to go on.")
    Optional<Path> output = Optional.empty();

    @Option(names = "--force", description = "Measure anew what the folder of -o has results of, and replace them.")
    boolean force;

    @Option(names = "--limit", paramLabel = "N", description = "Most questions. Default: all.")
    int limit = Integer.MAX_VALUE;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "Most tokens of an answer. Default: " + EvaluationOptions.MAX_TOKENS + ".")
    int maxTokens = EvaluationOptions.MAX_TOKENS;

    @Option(
            names = "--methods",
            paramLabel = "METHOD",
            split = ",",
            converter = DecodingOptions.MethodConverter.class,
            description = "What to compare with plain decoding: " + Method.SYNTAX + ". Default: the reference"
                    + " implementation's trees, each other source alone, and what is used by default.")
    List<Method> methods = new ArrayList<>();

    @Option(names = "--batch", paramLabel = "N", description = "Questions that are answered at a time. Default: 1.")
    int batch = 1;

    @Option(
            names = "--repetitions",
            paramLabel = "N",
            description = "Answers of each method to each prompt, of whose times the median counts. Default: 1.")
    int repetitions = 1;

    @Option(
            names = "--json",
            description = "Print a JSON list with an object per method and category and nothing else.")
    boolean json;

    @Mixin
    final SamplingOptions sampling = new SamplingOptions();

    @Mixin
    final SequenceOptions sequence = new SequenceOptions();

    @Mixin
    final LoadingOptions loading = new LoadingOptions();

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    EvalCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException, TemplateException {
        // What is wrong with options, questions and folder is said before anything is downloaded.
        EvaluationOptions options = options();
        List<Question> questions = Suite.read(suite, limit);
        Evaluation.check(suite, questions);
        if (output.isPresent()) {
            ResultsFolder.check(output.get(), force);
        }
        try (LanguageModel loaded = loading.load(terminal, model, options.session(new Method.Plain()))) {
            ComparedMethods compared = ComparedMethods.of(
                    methods, loaded.defaultMethod(), loaded.adapter().map(Adapter::masks), options);
            RunSettings settings = RunSettings.of(
                    loaded,
                    terminal.store().hashes().sha256(loaded.path()),
                    suite,
                    questions,
                    compared,
                    options,
                    Processors.name());
            try (ResultsFolder folder = folder(settings, questions)) {
                EvaluationResult result = run(loaded, questions, compared, options, folder);
                folder.write(
                        result,
                        ShellCommand.of(spec.commandLine().getParseResult().originalArgs()));
                return report(result, folder);
            }
        }
    }

    private EvaluationOptions options() {
        if (limit < 1) {
            throw new UsageException("the limit of questions must be at least 1, not " + limit);
        }
        if (force && output.isEmpty()) {
            throw new UsageException("--force is for a folder that is named with -o");
        }
        if (sampling.isRandom() && sampling.seed.isEmpty()) {
            throw new UsageException("sampled answers need a --seed, so that a stopped run goes on with the same ones");
        }
        SamplingSettings settings = sampling.settings();
        return UsageException.check(() -> new EvaluationOptions(
                batch, repetitions, maxTokens, settings, sequence.rows(), sequence.context(), sequence.cacheType));
    }

    private ResultsFolder folder(RunSettings settings, List<Question> questions) throws IOException {
        if (output.isPresent()) {
            return ResultsFolder.open(output.get(), force, settings, questions);
        }
        String name = suite.toAbsolutePath().getFileName().toString().replaceFirst("\\.[^.]*$", "");
        return ResultsFolder.openNext(Path.of(""), "eval-" + name + "-", settings, questions);
    }

    private EvaluationResult run(
            LanguageModel loaded,
            List<Question> questions,
            ComparedMethods compared,
            EvaluationOptions options,
            ResultsFolder folder)
            throws IOException, TemplateException {
        if (folder.answersBefore() > 0) {
            terminal.note("going on in " + folder.path() + ", which has " + Format.count(folder.answersBefore())
                    + " answers already");
        }
        try (ProgressBar bar = ProgressBar.ofAnswers(terminal);
                var _ = terminal.interruption().interruptingThisThread()) {
            return Evaluation.run(
                    loaded,
                    questions,
                    compared,
                    options,
                    folder,
                    (done, total, description) -> bar.update(done, total, Format.oneLine(description)));
        } catch (InterruptedException _) {
            terminal.note("stopped with " + Format.count(folder.answers()) + " answers in " + folder.path()
                    + "; the same command goes on from there");
            throw new CancellationException();
        }
    }

    private int report(EvaluationResult result, ResultsFolder folder) {
        if (json) {
            Json.print(terminal, JsonReport.rows(result));
        } else {
            terminal.print(EvalSummary.text(terminal, result) + "report: " + folder.report() + "\n");
        }
        result.skipped().forEach(one -> terminal.note("note: skipped is " + Format.oneLine(one.describe())));
        result.leftOut().forEach(sentence -> terminal.note("note: " + sentence));
        if (!result.identical()) {
            terminal.error("not identical to plain decoding: "
                    + Format.oneLine(result.differences().getFirst().describe())
                    + (result.differences().size() == 1
                            ? ""
                            : ", and " + Format.count(result.differences().size() - 1) + " more answers"));
        }
        return result.identical() ? 0 : 1;
    }
}
