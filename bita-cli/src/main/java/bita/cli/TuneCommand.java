package bita.cli;

import bita.api.LoadOptions;
import bita.api.store.CatalogModel;
import bita.decode.Adapter;
import bita.eval.bench.BenchOptions;
import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.Transformer;
import bita.tune.data.AnsweredSet;
import bita.tune.data.Split;
import bita.tune.train.LossFunction;
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
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Learns an adapter. */
@Command(
        name = "tune",
        description = "Learns an adapter for a model from its own answers.",
        footer = {
            "",
            "The state of a run lies in FILE.tuning and is saved after each step: the same command goes on with a run that"
                    + " was stopped, and ends with the same adapter, to the last bit.",
            "",
            "Examples:",
            "  bita tune smollm2-135m --answers answers.jsonl -o adapter.safetensors",
            "  bita run --adapter adapter.safetensors \"Why is the sky blue?\" --compare",
            "  bita tune --dry-run --shape llama-7b      memory and time, of a model of which only the shape exists"
        })
final class TuneCommand implements Callable<Integer> {
    private static final int SHORTEST_ANSWER = 12;

    private final Terminal terminal;

    @Parameters(
            arity = "0..1",
            paramLabel = "MODEL",
            description = "A name that \"bita list\" knows, or the path of a GGUF file.")
    Optional<String> model = Optional.empty();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description = "The adapter to write.")
    Path output = Path.of("");

    @Option(
            names = "--answers",
            paramLabel = "FILE",
            description = "The model's answers, as \"bita distill\" writes them.")
    Path answers = Path.of("");

    @Option(
            names = "--dry-run",
            description =
                    "Write nothing, and need no answers: show what memory the run would take, and on a few windows"
                            + " of random tokens what time. Without MODEL: smollm2-135m-instruct.")
    boolean dryRun;

    @Mixin
    final ShapeOptions shape = new ShapeOptions();

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

    @Option(names = "--learning-rate", paramLabel = "X", description = "The highest. Default: 0.01.")
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

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    TuneCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        shape.check(model);
        TrainingSettings settings = UsageException.check(this::settings);
        int members = threads.orElse(LoadOptions.automatic().threads());
        if (dryRun) {
            dryRun(settings, members);
            return 0;
        }
        checkUsage();
        if (!force && Files.exists(output)) {
            throw new FileAlreadyExistsException(
                    output.toString(), null, "this file exists already; --force replaces it");
        }
        Path source = LoadingOptions.find(terminal, model.orElseThrow(), offline);
        String sha256 = terminal.store().hashes().sha256(source);
        long start = System.nanoTime();
        Kernels kernels = KernelsProvider.of(backend, isa).kernels();
        try (ThreadTeam team = new ThreadTeam(members);
                Transformer transformer =
                        TuningModel.load(terminal, source, kernels, team, settings, Files.size(answers))) {
            AnsweredSet set =
                    AnsweredSet.read(answers, transformer.config().vocabulary(), SHORTEST_ANSWER, Split.DEFAULT);
            if (!set.origin().modelSha256().equals(sha256)) {
                throw new IOException(answers + ": these are the answers of another model file than " + source
                        + "; make some with bita distill");
            }
            Engine engine = new Engine(transformer, kernels, team, Optional.empty());
            Tuning.Result result = run(engine, settings, set);
            if (!result.finished()) {
                terminal.note(result.steps() + " of " + settings.steps()
                        + " steps are made and saved; the same command goes on with them");
                throw new CancellationException();
            }
            Adapter adapter = TunedAdapter.of(output.toString(), transformer.config(), sha256, result.tokens());
            adapter.write(output, NumberFormat.F16, force);
            report(result, adapter, set, (System.nanoTime() - start) / 1e9);
        }
        return 0;
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
        if (answers.toString().isEmpty()) {
            throw new UsageException("--answers FILE is missing: the model's answers, made with bita distill");
        }
    }

    private void dryRun(TrainingSettings settings, int members) throws IOException {
        BenchOptions.Source source = shape.source(Path.of(""));
        if (shape.shape.isEmpty()) {
            String name = model.orElse(CatalogModel.DEFAULT.id());
            source = shape.source(LoadingOptions.find(terminal, name, offline));
        }
        long answerBytes = answers.toString().isEmpty() ? 0 : Files.size(answers);
        Kernels kernels = KernelsProvider.of(backend, isa).kernels();
        new TuneDryRun(terminal, kernels, members, settings).run(source, answerBytes, json);
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

    private Tuning.Result run(Engine engine, TrainingSettings settings, AnsweredSet set) throws IOException {
        Path folder = Files.createDirectories(Path.of(output + ".tuning"));
        AtomicBoolean stop = new AtomicBoolean();
        try (ProgressBar bar = ProgressBar.ofParts(terminal);
                var _ = terminal.interruption().stopping(() -> stop.set(true))) {
            Progress progress = new Progress(bar, settings.steps());
            return new Tuning(engine, settings, Tuning.ValidationSettings.DEFAULT, progress)
                    .run(set, folder.resolve("checkpoint.safetensors"), folder.resolve("log.jsonl"), stop::get);
        }
    }

    /** Shows the loss, how often each mask is right, and tokens per step on the validation answers. */
    private static final class Progress implements Tuning.Listener {
        private final ProgressBar bar;
        private final int steps;
        private String validated = "";

        Progress(ProgressBar bar, int steps) {
            this.bar = bar;
            this.steps = steps;
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
        }
    }

    private static String shares(MaskCounts counts, IntToDoubleFunction share) {
        return IntStream.range(0, counts.masks())
                .mapToObj(mask -> String.format(Locale.ROOT, "%.2f", share.applyAsDouble(mask)))
                .collect(Collectors.joining(" "));
    }

    private void report(Tuning.Result result, Adapter adapter, AnsweredSet set, double seconds) throws IOException {
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
    }

    private static List<Double> list(MaskCounts counts, IntToDoubleFunction share) {
        return IntStream.range(0, counts.masks()).mapToObj(share::applyAsDouble).toList();
    }
}
