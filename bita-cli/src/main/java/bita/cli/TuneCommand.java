package bita.cli;

import bita.api.AdapterChoice;
import bita.api.CostChoice;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.SessionOptions;
import bita.api.store.CatalogModel;
import bita.eval.bench.BenchOptions;
import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.model.template.TemplateException;
import bita.tune.DistillationResult;
import bita.tune.DistillationSettings;
import bita.tune.QuestionSource;
import bita.tune.train.MaskCounts;
import bita.tune.train.TrainingSettings;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Learns an adapter. */
@Command(
        name = "tune",
        description =
                "Learns an adapter for a model, which needs nothing but the model: it answers questions, from a file"
                        + " or its own, and the adapter learns to foresee these answers.",
        footer = {
            "",
            "The state of a run lies in FILE.tuning, each answer and each step of it: the same command goes on with a run"
                    + " that was stopped, and ends with the same adapter, to the last bit. There report.md and its curves"
                    + " show how the run goes, anew with each validation.",
            "",
            "On many machines: bita tune --spark MASTER --help (docs/spark.md).",
            "",
            "Examples:",
            "  bita tune smollm2-135m -o adapter.safetensors",
            "  bita tune model.gguf -o adapter.safetensors --prompts questions.jsonl",
            "  bita run --adapter adapter.safetensors \"Why is the sky blue?\" --compare",
            "  bita tune --dry-run --shape llama-7b      memory and time, of a model of which only the shape exists"
        })
final class TuneCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(
            arity = "0..1",
            paramLabel = "MODEL",
            description = "A name that \"bita list\" knows, or the path of a GGUF file or a safetensors folder.")
    Optional<String> model = Optional.empty();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description = "The adapter to write.")
    Path output = Path.of("");

    @Mixin
    final QuestionSourceOptions questions = new QuestionSourceOptions();

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "Of the answers: 0 for always the most likely token; larger is more varied. Default: 0.")
    Optional<Double> temperature = Optional.empty();

    @Option(
            names = "--answers",
            paramLabel = "FILE",
            description = "Answers that \"bita distill\" has written. Default: they are made first.")
    Optional<Path> answers = Optional.empty();

    @Option(
            names = "--dry-run",
            description =
                    "Write nothing, and need no answers: show what memory the run would take, and on a few windows"
                            + " of random tokens what time. Without MODEL: smollm2-135m-instruct.")
    boolean dryRun;

    @Mixin
    final ShapeOptions shape = new ShapeOptions();

    @Mixin
    final TrainingOptions training = new TrainingOptions();

    @Option(names = "--threads", paramLabel = "N", description = "Threads. Default: one per core.")
    Optional<Integer> threads = Optional.empty();

    @Option(
            names = "--backend",
            paramLabel = "native|scalar",
            description = "Who executes the kernels. Default: native.")
    Backend backend = Backend.NATIVE;

    @Option(
            names = "--isa",
            paramLabel = "generic|neon|avx2|avx512|amx",
            description = "The native kernels' instruction set; another one gives another adapter in the last bits."
                    + " Default: the best.")
    Optional<InstructionSet> isa = Optional.empty();

    @Option(names = "--offline", description = "Use only what lies on this machine.")
    boolean offline;

    @Option(names = "--force", description = "Replace the adapter if it exists.")
    boolean force;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    boolean json;

    @Spec
    CommandSpec spec = CommandSpec.create();

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    TuneCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException, TemplateException {
        shape.check(model);
        TrainingSettings settings = UsageException.check(training::settings);
        if (dryRun) {
            dryRun(settings);
            return 0;
        }
        checkUsage();
        Optional<QuestionSource> asked =
                answers.isPresent() ? Optional.empty() : Optional.of(questions.source(terminal));
        if (!force && Files.exists(output)) {
            throw new FileAlreadyExistsException(
                    output.toString(), null, "this file exists already; --force replaces it");
        }
        Path source = LoadingOptions.find(terminal, model.orElseThrow(), offline);
        Kernels kernels = KernelsProvider.of(backend, isa).kernels();
        Path folder = Files.createDirectories(Path.of(output + ".tuning"));
        Path file = answers.orElse(folder.resolve("answers.jsonl"));
        long start = System.nanoTime();
        if (asked.isPresent() && !answer(source, file, asked.get())) {
            return 1;
        }
        List<String> arguments = spec.commandLine().getParseResult().originalArgs();
        TuneRun.Outcome outcome = new TuneRun(terminal, kernels, members(), settings)
                .run(new TuneRun.Job(source, file, output, force, folder, arguments, start));
        report(outcome, (System.nanoTime() - start) / 1e9);
        return 0;
    }

    private int members() {
        return threads.orElse(LoadOptions.automatic().threads());
    }

    private void checkUsage() {
        if (shape.shape.isPresent()) {
            throw new UsageException("--shape is for a --dry-run: random weights give no adapter");
        }
        if (model.isEmpty()) {
            throw new UsageException("which MODEL is to be tuned?");
        }
        if (output.toString().isEmpty()) {
            throw new UsageException("--output FILE is missing: the adapter to write");
        }
        if (answers.isPresent() && (questions.given() || temperature.isPresent())) {
            throw new UsageException("--answers has the answers: no others are made from --prompts, --limit, --count or"
                    + " with a --temperature");
        }
        DistillationSettings _ = UsageException.check(() -> answering(1));
    }

    private void dryRun(TrainingSettings settings) throws IOException {
        BenchOptions.Source source = shape.source(Path.of(""));
        if (shape.shape.isEmpty()) {
            String name = model.orElse(CatalogModel.DEFAULT.id());
            source = shape.source(LoadingOptions.find(terminal, name, offline));
        }
        long answerBytes = answers.isPresent() ? Files.size(answers.get()) : 0;
        Kernels kernels = KernelsProvider.of(backend, isa).kernels();
        new TuneDryRun(terminal, kernels, members(), settings).run(source, answerBytes, json);
    }

    private DistillationSettings answering(int sequences) {
        return new DistillationSettings(
                DistillationSettings.MAX_TOKENS,
                temperature.orElse(0.0),
                training.seed.orElse(TrainingSettings.DEFAULT.seed()),
                sequences);
    }

    /** Makes the answers that the file lacks; returns whether the model could answer. */
    private boolean answer(Path source, Path file, QuestionSource asked) throws IOException, TemplateException {
        LoadOptions options = new LoadOptions(
                new AdapterChoice.None(),
                members(),
                Optional.of(backend),
                isa,
                new CostChoice.Measured(Optional.empty()));
        try (LanguageModel loaded = LanguageModel.load(source, options, SessionOptions.automatic())) {
            int sequences = DistillationSettings.automaticSequences(loaded.config(), DistillationSettings.MAX_TOKENS);
            DistillationResult result = AnswerMaking.run(terminal, loaded, file, asked, answering(sequences));
            terminal.note(String.format(
                    Locale.ROOT,
                    "%s has %d answers, %d of them new, made in %.0f s",
                    file,
                    result.answersBefore() + result.answers(),
                    result.answers(),
                    result.nanos() / 1e9));
            return !AnswerMaking.complainsOfFailures(terminal, result);
        }
    }

    private void report(TuneRun.Outcome outcome, double seconds) throws IOException {
        if (json) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("adapter", output.toString());
            object.put("parameters", outcome.adapter().parameters());
            object.put("bytes", Files.size(output));
            object.put("answers", outcome.answers().training().size());
            object.put("validation_answers", outcome.answers().validation().size());
            object.put("steps", outcome.tuning().steps());
            object.put("seconds", seconds);
            outcome.tuning().validation().ifPresent(validation -> {
                MaskCounts counts = validation.counts();
                object.put("validation_loss", validation.loss());
                object.put("top1", list(counts, counts::top1));
                object.put("top5", list(counts, counts::top5));
                object.put("tokens_per_step_chain", validation.chain());
                object.put("tokens_per_step_upper_triangle", validation.upperTriangle());
            });
            outcome.report().ifPresent(file -> object.put("report", file.toString()));
            Json.print(terminal, object);
            return;
        }
        int steps = outcome.tuning().steps();
        terminal.println(output + " is complete: " + Format.bytes(Files.size(output)) + ", " + steps
                + (steps < training.settings().steps() ? " steps, after which it got no better, on " : " steps on ")
                + outcome.answers().training().size() + " answers"
                + outcome.tuning()
                        .validation()
                        .filter(best -> best.steps() < steps)
                        .map(best -> "; the best was after " + best.steps())
                        .orElse(""));
        outcome.tuning()
                .validation()
                .ifPresent(validation -> terminal.println(String.format(
                        Locale.ROOT,
                        "on %d other answers: loss %.3f, top-1 %s, top-5 %s, %.2f tokens per step (chain %.2f)",
                        outcome.answers().validation().size(),
                        validation.loss(),
                        TuningProgress.shares(validation.counts(), validation.counts()::top1),
                        TuningProgress.shares(validation.counts(), validation.counts()::top5),
                        validation.upperTriangle(),
                        validation.chain())));
        outcome.report().ifPresent(file -> terminal.println("the report of the run, with its curves: " + file));
    }

    private static List<Double> list(MaskCounts counts, IntToDoubleFunction share) {
        return IntStream.range(0, counts.masks()).mapToObj(share::applyAsDouble).toList();
    }
}
