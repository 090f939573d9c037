package bita.cli;

import bita.api.AdapterChoice;
import bita.api.LanguageModel;
import bita.api.SessionOptions;
import bita.api.store.CatalogModel;
import bita.model.template.TemplateException;
import bita.tune.DistillationResult;
import bita.tune.DistillationSettings;
import bita.tune.QuestionSource;
import bita.tune.data.SelfAsked.Verdict;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Questions and the model's own answers, for tuning. */
@Command(
        name = "distill",
        description = "Lets a model answer questions, from a file or its own, many at a time, and writes questions and"
                + " answers for tuning. Stopped at any moment, the same command goes on where it was.",
        footer = {
            "",
            "Questions are plain text, one per line, or JSON: messages (OpenAI), conversations (ShareGPT), turns"
                    + " (Spec-Bench), instruction and input (Alpaca), prompt, or question. Without a file the model asks"
                    + " itself.",
            "",
            "On many machines: bita distill --spark MASTER --help (docs/spark.md).",
            "",
            "Examples:",
            "  bita distill -o answers.jsonl                             the default model asks and answers",
            "  bita distill model.gguf -o answers.jsonl --count 2000     more questions",
            "  bita distill -o answers.jsonl --prompts questions.jsonl   your questions"
        })
final class DistillCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(
            arity = "0..1",
            paramLabel = "MODEL",
            description =
                    "A name that \"bita list\" knows, or the path of a GGUF file or a safetensors folder. Default: ${DEFAULT-VALUE}.")
    String model = CatalogModel.DEFAULT.id();

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "FILE",
            description = "The file of answers, a JSON object per line. What it has is kept and not made again.")
    Path output = Path.of("");

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "Most tokens of an answer; what is cut off is kept. Default: ${DEFAULT-VALUE}.")
    int maxTokens = DistillationSettings.MAX_TOKENS;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description =
                    "Of the answers: 0 for always the most likely token, which drafts should learn; larger is more"
                            + " varied. Default: 0.")
    double temperature;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description =
                    "Seed of the model's questions and of varied answers: equal seeds give equal text. Default: 0.")
    long seed;

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Questions and answers in the making at a time; it changes the speed, not the text. Default:"
                    + " up to 64, by memory.")
    Optional<Integer> batch = Optional.empty();

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    boolean json;

    @Mixin
    final QuestionSourceOptions questions = new QuestionSourceOptions();

    @Mixin
    final ComputingOptions computing = new ComputingOptions();

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    DistillCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    /** What came of it, for programs; of the model's own questions candidates and drops of earlier runs are included. */
    private record Report(
            String model,
            String output,
            int asked,
            int kept,
            Map<String, Long> dropped,
            int answersBefore,
            int answers,
            int skipped,
            int failed,
            long tokens,
            double seconds,
            double tokensPerSecond,
            double temperature,
            long seed) {}

    @Override
    public Integer call() throws IOException, TemplateException {
        // What is wrong with the options and the questions is said before anything is downloaded.
        DistillationSettings _ = UsageException.check(() -> settings(1));
        QuestionSource source = questions.source(terminal);
        try (LanguageModel loaded =
                computing.load(terminal, model, new AdapterChoice.None(), SessionOptions.automatic())) {
            DistillationSettings settings =
                    settings(DistillationSettings.automaticSequences(loaded.config(), maxTokens));
            DistillationResult result = AnswerMaking.run(terminal, loaded, output, source, settings);
            if (json) {
                Json.print(terminal, report(loaded, result));
            } else {
                terminal.print(describe(result));
            }
            if (AnswerMaking.complainsOfFailures(terminal, result)) {
                return 1;
            }
            return 0;
        }
    }

    private DistillationSettings settings(int automaticSequences) {
        return new DistillationSettings(maxTokens, temperature, seed, batch.orElse(automaticSequences));
    }

    private Report report(LanguageModel loaded, DistillationResult result) {
        Map<String, Long> dropped = new LinkedHashMap<>();
        result.dropped().forEach((verdict, number) -> dropped.put(name(verdict), number));
        return new Report(
                loaded.path().toString(),
                output.toString(),
                result.asked(),
                result.kept(),
                dropped,
                result.answersBefore(),
                result.answers(),
                result.skipped(),
                result.failed(),
                result.tokens(),
                Math.round(result.nanos() / 1e6) / 1e3,
                Math.round(result.tokensPerSecond() * 1e3) / 1e3,
                temperature,
                seed);
    }

    private String describe(DistillationResult result) {
        StringBuilder text = new StringBuilder()
                .append(output)
                .append(" is complete: ")
                .append(Format.count(result.answersBefore() + result.answers()))
                .append(" answers, ")
                .append(Format.count(result.answers()))
                .append(" of them new; ")
                .append(Format.count(result.tokens()))
                .append(" tokens in ")
                .append(Format.threeDigits(result.nanos() / 1e9))
                .append(" s, ")
                .append(Format.threeDigits(result.tokensPerSecond()))
                .append(" tokens/s\n");
        if (result.asked() > 0) {
            text.append(Format.count(result.asked()))
                    .append(" questions asked, ")
                    .append(Format.count(result.kept()))
                    .append(" kept");
            if (!result.dropped().isEmpty()) {
                text.append("; dropped: ")
                        .append(result.dropped().entrySet().stream()
                                .map(e -> Format.count(e.getValue()) + " "
                                        + name(e.getKey()).replace('_', ' '))
                                .collect(Collectors.joining(", ")));
            }
            text.append('\n');
        }
        if (result.skipped() > 0) {
            text.append(Format.count(result.skipped())).append(" turns have no answer\n");
        }
        return text.toString();
    }

    private static String name(Verdict verdict) {
        return verdict.name().toLowerCase(Locale.ROOT);
    }
}
