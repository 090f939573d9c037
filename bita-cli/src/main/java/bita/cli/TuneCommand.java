package bita.cli;

import bita.api.AdapterChoice;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.SessionOptions;
import bita.decode.Adapter;
import bita.decode.Calibration;
import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.Transformer;
import bita.model.file.GgufFile;
import bita.model.template.TemplateException;
import bita.tune.DistillationResult;
import bita.tune.DistillationSettings;
import bita.tune.QuestionSource;
import bita.tune.data.AnsweredSet;
import bita.tune.data.Split;
import bita.tune.train.LossFunction;
import bita.tune.train.MaskCalibration;
import bita.tune.train.MaskCounts;
import bita.tune.train.StepReport;
import bita.tune.train.TrainingSettings;
import bita.tune.train.TunedAdapter;
import bita.tune.train.Tuning;
import bita.tune.train.ValidationReport;
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
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Collectors;
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
            "Examples:",
            "  bita tune smollm2-135m -o adapter.safetensors",
            "  bita tune model.gguf -o adapter.safetensors --prompts questions.jsonl",
            "  bita run --adapter adapter.safetensors \"Why is the sky blue?\" --compare"
        })
final class TuneCommand implements Callable<Integer> {
    private static final int SHORTEST_ANSWER = 12;
    private static final int CALIBRATION_ANCHORS = 4000;

    private final Terminal terminal;

    @Parameters(paramLabel = "MODEL", description = "A name that \"bita list\" knows, or the path of a GGUF file.")
    String model = "";

    @Option(
            names = {"-o", "--output"},
            required = true,
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

    @Option(names = "--steps", paramLabel = "N", description = "Steps of training. Default: 150.")
    Optional<Integer> steps = Optional.empty();

    @Option(names = "--prompt-tokens", paramLabel = "N", description = "Prompt tokens to learn. Default: 16.")
    Optional<Integer> prompts = Optional.empty();

    @Option(names = "--masks", paramLabel = "N", description = "Mask tokens to learn. Default: 3.")
    Optional<Integer> masks = Optional.empty();

    @Option(names = "--window", paramLabel = "N", description = "Anchors of an answer trained together. Default: 64.")
    Optional<Integer> window = Optional.empty();

    @Option(names = "--batch", paramLabel = "N", description = "Answers of a step. Default: 8.")
    Optional<Integer> batch = Optional.empty();

    @Option(names = "--learning-rate", paramLabel = "X", description = "The highest. Default: 0.1.")
    Optional<Double> learningRate = Optional.empty();

    @Option(names = "--decay", paramLabel = "X", description = "Mask i counts exp(-(i - 1) / X). Default: 4.")
    Optional<Double> decay = Optional.empty();

    @Option(
            names = "--loss",
            paramLabel = "LOSS",
            description = "One of ${COMPLETION-CANDIDATES}. Default: cross_entropy.")
    Optional<LossFunction> loss = Optional.empty();

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "Tokens of an answer, with its prompt, that are used. Default: 420.")
    Optional<Integer> maxTokens = Optional.empty();

    @Option(names = "--seed", paramLabel = "N", description = "Seed of everything random. Default: 1.")
    Optional<Long> seed = Optional.empty();

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
        if (!force && Files.exists(output)) {
            throw new FileAlreadyExistsException(
                    output.toString(), null, "this file exists already; --force replaces it");
        }
        TrainingSettings settings = UsageException.check(this::settings);
        if (answers.isPresent() && (questions.given() || temperature.isPresent())) {
            throw new UsageException("--answers has the answers: no others are made from --prompts, --limit, --count or"
                    + " with a --temperature");
        }
        Optional<QuestionSource> asked =
                answers.isPresent() ? Optional.empty() : Optional.of(questions.source(terminal));
        DistillationSettings _ = UsageException.check(() -> answering(1));
        Path source = LoadingOptions.find(terminal, model, offline);
        Path folder = Files.createDirectories(Path.of(output + ".tuning"));
        long start = System.nanoTime();
        Path file = answers.orElse(folder.resolve("answers.jsonl"));
        if (asked.isPresent() && !answer(source, file, asked.get())) {
            return 1;
        }
        String sha256 = terminal.store().hashes().sha256(source);
        Kernels kernels = KernelsProvider.of(backend, isa).kernels();
        try (ThreadTeam team =
                        new ThreadTeam(threads.orElse(LoadOptions.automatic().threads()));
                Transformer transformer = Transformer.load(GgufFile.open(source), kernels, team)) {
            AnsweredSet set = AnsweredSet.read(file, transformer.config().vocabulary(), SHORTEST_ANSWER, Split.DEFAULT);
            if (!set.origin().modelSha256().equals(sha256)) {
                throw new IOException(file + ": these are the answers of another model file than " + source
                        + "; make some with bita distill");
            }
            Engine engine = new Engine(transformer, kernels, team, Optional.empty());
            List<String> arguments = spec.commandLine().getParseResult().originalArgs();
            TuningReport report = new TuningReport(
                    folder,
                    new TuningReport.Run(output, source, sha256, file, set, settings, engine, arguments, start));
            Tuning.Result result = run(engine, settings, set, folder, report);
            if (!result.finished()) {
                throw stopped(result.steps(), settings);
            }
            Engine tuned = new Engine(
                    transformer, kernels, team, Optional.of(result.tokens().maskTokens()));
            Calibration calibration =
                    calibrate(tuned, settings, set).orElseThrow(() -> stopped(result.steps(), settings));
            Adapter adapter =
                    TunedAdapter.of(output.toString(), transformer.config(), sha256, result.tokens(), calibration);
            adapter.write(output, NumberFormat.F16, force);
            report(result, adapter, set, report.file(), (System.nanoTime() - start) / 1e9);
        }
        return 0;
    }

    private TrainingSettings settings() {
        TrainingSettings standard = TrainingSettings.DEFAULT;
        return new TrainingSettings(
                prompts.orElse(standard.prompts()),
                masks.orElse(standard.masks()),
                window.orElse(standard.window()),
                batch.orElse(standard.answersPerStep()),
                steps.orElse(standard.steps()),
                learningRate.orElse(standard.learningRate()),
                standard.warmup(),
                standard.clip(),
                decay.orElse(standard.decay()),
                loss.orElse(standard.loss()),
                maxTokens.orElse(standard.mostTokens()),
                seed.orElse(standard.seed()));
    }

    private DistillationSettings answering(int sequences) {
        return new DistillationSettings(
                DistillationSettings.MAX_TOKENS,
                temperature.orElse(0.0),
                seed.orElse(TrainingSettings.DEFAULT.seed()),
                sequences);
    }

    /** Makes the answers that the file lacks; returns whether the model could answer. */
    private boolean answer(Path source, Path file, QuestionSource asked) throws IOException, TemplateException {
        LoadOptions options = new LoadOptions(
                new AdapterChoice.None(), threads.orElse(LoadOptions.automatic().threads()), Optional.of(backend), isa);
        try (LanguageModel loaded = LanguageModel.load(source, options, SessionOptions.automatic())) {
            int sequences = DistillationSettings.automaticSequences(loaded.config(), DistillationSettings.MAX_TOKENS);
            DistillationResult result = AnswerMaking.run(terminal, loaded, file, asked, answering(sequences));
            terminal.note(String.format(
                    Locale.ROOT,
                    "%s has %d answers, %d of them new, %.0f s",
                    file,
                    result.answersBefore() + result.answers(),
                    result.answers(),
                    result.nanos() / 1e9));
            return !AnswerMaking.complainsOfFailures(terminal, result);
        }
    }

    private Tuning.Result run(
            Engine engine, TrainingSettings settings, AnsweredSet set, Path folder, TuningReport report)
            throws IOException {
        AtomicBoolean stop = new AtomicBoolean();
        try (ProgressBar bar = ProgressBar.ofParts(terminal);
                var _ = terminal.interruption().stopping(() -> stop.set(true))) {
            Progress progress = new Progress(bar, settings.steps(), report);
            Tuning.Result result = new Tuning(engine, settings, Tuning.ValidationSettings.DEFAULT, progress)
                    .run(set, folder.resolve("checkpoint.safetensors"), folder.resolve(TuningReport.LOG), stop::get);
            progress.write();
            return result;
        }
    }

    private Optional<Calibration> calibrate(Engine tuned, TrainingSettings settings, AnsweredSet set) {
        AtomicBoolean stop = new AtomicBoolean();
        try (ProgressBar bar = ProgressBar.ofParts(terminal);
                var _ = terminal.interruption().stopping(() -> stop.set(true))) {
            return MaskCalibration.measure(
                    tuned,
                    set.validation(),
                    settings.mostTokens(),
                    CALIBRATION_ANCHORS,
                    done -> bar.update(done, CALIBRATION_ANCHORS, "how often the masks are right"),
                    stop::get);
        }
    }

    private CancellationException stopped(int steps, TrainingSettings settings) {
        terminal.note(steps + " of " + settings.steps() + " steps are made and saved; the same command goes on with"
                + " them");
        return new CancellationException();
    }

    /**
     * Shows the loss, how often each mask is right, and tokens per step on the validation answers; writes the report of
     * each validation.
     */
    private final class Progress implements Tuning.Listener {
        private final ProgressBar bar;
        private final int steps;
        private final TuningReport onDisk;
        private String validated = "";

        Progress(ProgressBar bar, int steps, TuningReport onDisk) {
            this.bar = bar;
            this.steps = steps;
            this.onDisk = onDisk;
        }

        void write() {
            List<String> problems = onDisk.write();
            if (!problems.isEmpty()) {
                bar.clear();
                problems.forEach(terminal::note);
            }
        }

        @Override
        public void started(int made) {
            bar.update(made, steps, "step " + made + " of " + steps);
        }

        @Override
        public void step(StepReport report) {
            bar.update(
                    report.step(),
                    steps,
                    String.format(
                            Locale.ROOT,
                            "step %d of %d, loss %.2f, top-1 %s%s",
                            report.step(),
                            steps,
                            report.loss(),
                            shares(report.counts(), report.counts()::top1),
                            validated));
        }

        @Override
        public void validated(ValidationReport report) {
            validated = String.format(Locale.ROOT, ", %.2f tokens per step", report.upperTriangle());
            write();
        }
    }

    private static String shares(MaskCounts counts, IntToDoubleFunction share) {
        return IntStream.range(0, counts.masks())
                .mapToObj(mask -> String.format(Locale.ROOT, "%.2f", share.applyAsDouble(mask)))
                .collect(Collectors.joining(" "));
    }

    private void report(Tuning.Result result, Adapter adapter, AnsweredSet set, Optional<Path> report, double seconds)
            throws IOException {
        if (json) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("adapter", output.toString());
            object.put("parameters", adapter.parameters());
            object.put("bytes", Files.size(output));
            object.put("answers", set.training().size());
            object.put("validation_answers", set.validation().size());
            object.put("steps", result.steps());
            object.put("seconds", seconds);
            result.validation().ifPresent(validation -> {
                MaskCounts counts = validation.counts();
                object.put("validation_loss", validation.loss());
                object.put("top1", list(counts, counts::top1));
                object.put("top5", list(counts, counts::top5));
                object.put("tokens_per_step_chain", validation.chain());
                object.put("tokens_per_step_upper_triangle", validation.upperTriangle());
            });
            report.ifPresent(file -> object.put("report", file.toString()));
            Json.print(terminal, object);
            return;
        }
        terminal.println(output + " is complete: " + Format.bytes(Files.size(output)) + ", " + result.steps()
                + " steps on " + set.training().size() + " answers");
        result.validation()
                .ifPresent(validation -> terminal.println(String.format(
                        Locale.ROOT,
                        "on %d other answers: loss %.3f, top-1 %s, top-5 %s, %.2f tokens per step (chain %.2f)",
                        set.validation().size(),
                        validation.loss(),
                        shares(validation.counts(), validation.counts()::top1),
                        shares(validation.counts(), validation.counts()::top5),
                        validation.upperTriangle(),
                        validation.chain())));
        report.ifPresent(file -> terminal.println("the report of the run, with its curves: " + file));
    }

    private static List<Double> list(MaskCounts counts, IntToDoubleFunction share) {
        return IntStream.range(0, counts.masks()).mapToObj(share::applyAsDouble).toList();
    }
}
