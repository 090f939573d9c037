package bita.cli;

import bita.api.AdapterChoice;
import bita.api.LanguageModel;
import bita.api.SessionOptions;
import bita.api.store.CatalogModel;
import bita.model.template.TemplateException;
import bita.tune.Distillation;
import bita.tune.DistillationListener;
import bita.tune.DistillationResult;
import bita.tune.DistillationSettings;
import bita.tune.QuestionSource;
import bita.tune.data.Question;
import bita.tune.data.QuestionOptions;
import bita.tune.data.Questions;
import bita.tune.data.SelfAsked.Verdict;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
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
            description = "A name that \"bita list\" knows, or the path of a GGUF file. Default: ${DEFAULT-VALUE}.")
    String model = CatalogModel.DEFAULT.id();

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "FILE",
            description = "The file of answers, a JSON object per line. What it has is kept and not made again.")
    Path output = Path.of("");

    @Option(names = "--prompts", paramLabel = "FILE", description = "Questions. Default: the model asks itself.")
    Optional<Path> prompts = Optional.empty();

    @Option(names = "--limit", paramLabel = "N", description = "Most questions of the file. Default: all.")
    Optional<Integer> limit = Optional.empty();

    @Option(
            names = "--count",
            paramLabel = "N",
            description = "Questions that the model asks itself, unfit ones not counted. Default: "
                    + QuestionSource.SelfAsked.COUNT + ".")
    Optional<Integer> count = Optional.empty();

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
        QuestionSource source = source();
        try (LanguageModel loaded =
                computing.load(terminal, model, new AdapterChoice.None(), SessionOptions.automatic())) {
            DistillationSettings settings =
                    settings(DistillationSettings.automaticSequences(loaded.config(), maxTokens));
            String sha256 = terminal.store().hashes().sha256(loaded.path());
            DistillationResult result = run(loaded, sha256, source, settings);
            if (json) {
                Json.print(terminal, report(loaded, result));
            } else {
                terminal.print(describe(result));
            }
            if (result.failed() > 0) {
                terminal.error("the model produced NaN at " + Format.count(result.failed())
                        + " questions: check the model file, and the number format if it was converted");
                return 1;
            }
            return 0;
        }
    }

    private DistillationSettings settings(int automaticSequences) {
        return new DistillationSettings(maxTokens, temperature, seed, batch.orElse(automaticSequences));
    }

    private QuestionSource source() throws IOException {
        if (prompts.isEmpty()) {
            if (limit.isPresent()) {
                throw new UsageException(
                        "--limit is for the questions of --prompts; --count says how many the model" + " asks itself");
            }
            return UsageException.check(
                    () -> new QuestionSource.SelfAsked(count.orElse(QuestionSource.SelfAsked.COUNT)));
        }
        if (count.isPresent()) {
            throw new UsageException("--count is for a model that asks itself; --limit says how many questions of"
                    + " --prompts are answered");
        }
        int most = limit.orElse(Integer.MAX_VALUE);
        if (most < 1) {
            throw new UsageException("the limit of questions must be at least 1, not " + most);
        }
        List<Question> questions = new ArrayList<>();
        try (Questions file = Questions.open(
                prompts.get(),
                QuestionOptions.DEFAULT,
                (line, problem) -> terminal.note(prompts.get() + ", line " + line + " is skipped: " + problem))) {
            while (questions.size() < most) {
                Optional<Question> next = file.next();
                if (next.isEmpty()) {
                    break;
                }
                questions.add(next.get());
            }
        }
        return new QuestionSource.Given(questions);
    }

    private DistillationResult run(
            LanguageModel loaded, String sha256, QuestionSource source, DistillationSettings settings)
            throws IOException, TemplateException {
        Progress progress = new Progress(terminal);
        try (progress;
                var _ = terminal.interruption().interruptingThisThread()) {
            return Distillation.run(loaded, sha256, output, source, settings, progress);
        } catch (InterruptedException _) {
            terminal.note("stopped with " + Format.count(progress.answers) + " of " + Format.count(progress.total)
                    + " answers in " + output + "; the same command goes on from there");
            throw new CancellationException();
        }
    }

    /** Shows how far the answers have come. */
    private static final class Progress implements DistillationListener, AutoCloseable {
        private final Terminal terminal;
        private final ProgressBar bar;
        private final long start = System.nanoTime();
        private int answers;
        private int total;

        Progress(Terminal terminal) {
            this.terminal = terminal;
            this.bar = ProgressBar.ofAnswers(terminal);
        }

        @Override
        public void progress(int done, int all, long tokens) {
            answers = done;
            total = all;
            double seconds = (System.nanoTime() - start) / 1e9;
            bar.update(done, all, Format.count(Math.round(tokens / seconds)) + " tokens/s");
        }

        @Override
        public void skipped(String question, String reason) {
            bar.clear();
            terminal.note("question " + question + " is skipped: " + reason);
        }

        @Override
        public void close() {
            bar.close();
        }
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
