package bita.cli;

import bita.api.AdapterChoice;
import bita.api.store.CatalogModel;
import bita.decode.DecodingSettings;
import bita.decode.Method;
import bita.eval.Audit;
import bita.eval.AuditOptions;
import bita.eval.AuditReport;
import bita.eval.AuditResult;
import bita.eval.AuditedMethod;
import bita.kernels.CacheFormat;
import bita.model.template.TemplateException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Proves exactness. */
@Command(
        name = "audit",
        description = "Proves on this machine that every method gives the very bits of plain decoding: text, logits,"
                + " all of it, with threads, kernels, sampling and cache formats varied. Status 1 if anything differs.",
        footer = {
            "",
            "A suite holds a question per line, as JSON in the format of Spec-Bench.",
            "",
            "Examples:",
            "  bita audit --suite questions.jsonl",
            "  bita audit model.gguf --suite questions.jsonl --limit 10 --max-tokens 64",
            "  bita audit --suite questions.jsonl --tokens-per-step --method masks:best:8 --method lookup"
        })
final class AuditCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(
            arity = "0..1",
            paramLabel = "MODEL",
            description =
                    "A name that \"bita list\" knows, or the path of a GGUF file or a safetensors folder. Default: ${DEFAULT-VALUE}.")
    String model = CatalogModel.DEFAULT.id();

    @Option(names = "--suite", required = true, paramLabel = "FILE", description = "The questions.")
    Path suite = Path.of("");

    @Option(names = "--limit", paramLabel = "N", description = "Most questions. Default: 60.")
    Optional<Integer> limit = Optional.empty();

    @Option(names = "--max-tokens", paramLabel = "N", description = "Most tokens of an answer. Default: 128.")
    Optional<Integer> maxTokens = Optional.empty();

    @Option(
            names = "--context",
            paramLabel = "N",
            description = "Most tokens of prompt and answer together. Default: what the model was trained for.")
    Optional<Integer> context = Optional.empty();

    @Option(
            names = "--method",
            paramLabel = "METHOD",
            converter = DecodingOptions.MethodConverter.class,
            description = "A method to audit: " + Method.SYNTAX + "; may be given several times. Default: all kinds.")
    List<Method> methods = new ArrayList<>();

    @Option(
            names = "--rows",
            paramLabel = "N",
            description = "Most rows of a step of the methods given. Default: each method's own.")
    Optional<Integer> rows = Optional.empty();

    @Option(
            names = "--tokens-per-step",
            description = "Compare the methods' tokens per step, greedily and at the default settings, instead of"
                    + " varying the settings.")
    boolean tokensPerStep;

    @Option(
            names = "--adapter",
            paramLabel = "FILE|none",
            description = "The adapter that drafts. Default: the one that belongs to the model, if there is one.")
    Optional<String> adapter = Optional.empty();

    @Option(names = "--offline", description = "Use only what lies on this machine.")
    boolean offline;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    boolean json;

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    AuditCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException, TemplateException {
        List<AuditedMethod> audited = audited();
        AdapterChoice choice = LoadingOptions.adapterChoice(terminal.store(), adapter);
        // What is wrong with the options is said before anything is downloaded.
        AuditOptions _ = UsageException.check(() -> options(Path.of(model), choice, audited));
        AuditResult result = run(options(LoadingOptions.find(terminal, model, offline), choice, audited));
        if (json) {
            Json.print(terminal, AuditReport.json(result));
        } else {
            terminal.print(AuditReport.text(result));
        }
        return result.ok() ? 0 : 1;
    }

    private List<AuditedMethod> audited() {
        if (methods.isEmpty()) {
            if (rows.isPresent()) {
                throw new UsageException("--rows needs a --method");
            }
            return AuditedMethod.standard();
        }
        OptionalInt budget = rows.map(OptionalInt::of).orElseGet(OptionalInt::empty);
        return UsageException.check(() -> {
            new DecodingSettings(
                    methods.getFirst(), budget, OptionalInt.empty(), CacheFormat.F16, DecodingSettings.PREFILL_CHUNK);
            return methods.stream()
                    .map(method -> new AuditedMethod(method, budget))
                    .toList();
        });
    }

    private AuditOptions options(Path file, AdapterChoice choice, List<AuditedMethod> audited) {
        AuditOptions options = AuditOptions.of(file, suite)
                .withAdapter(choice)
                .withMethods(audited)
                .withMode(tokensPerStep ? AuditOptions.Mode.TOKENS_PER_STEP : AuditOptions.Mode.EXACTNESS)
                .withContext(context.map(OptionalInt::of).orElseGet(OptionalInt::empty));
        if (limit.isPresent()) {
            options = options.withLimit(limit.get());
        }
        if (maxTokens.isPresent()) {
            options = options.withMaxTokens(maxTokens.get());
        }
        return options;
    }

    private AuditResult run(AuditOptions options) throws IOException, TemplateException {
        try (ProgressBar bar = ProgressBar.ofParts(terminal);
                var _ = terminal.interruption().interruptingThisThread()) {
            return Audit.run(options, bar::update);
        } catch (InterruptedException _) {
            throw new CancellationException();
        }
    }
}
