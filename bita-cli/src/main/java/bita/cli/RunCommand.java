package bita.cli;

import bita.api.Answer;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.Message;
import bita.api.Session;
import bita.api.SessionOptions;
import bita.cli.AnswerPrinter.Show;
import bita.cli.Terminal.Style;
import bita.decode.Method;
import bita.model.template.TemplateException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** One answer to one prompt. */
@Command(
        name = "run",
        description = "Answers one prompt.",
        footer = {
            "",
            "Examples:",
            "  bita run \"Why is the sky blue?\"",
            "  bita run --compare --max-tokens 200 \"Write a Java method that sorts a list.\"",
            "  bita run -m model.gguf --temperature 0.7 --seed 1 --json \"Tell me a story.\"",
            "  bita run --show-drafts --system \"Answer in one sentence.\" \"What is a monad?\"",
            "  bita run --raw - < beginning.txt"
        })
final class RunCommand implements Callable<Integer> {
    private static final String STANDARD_INPUT = "-";

    private final Terminal terminal;

    @Parameters(
            arity = "0..*",
            paramLabel = "PROMPT",
            description = "The prompt; - reads it from standard input, and so does a pipe without a prompt.")
    List<String> prompts = new ArrayList<>();

    @Mixin
    final ModelOption model = new ModelOption();

    @Option(names = "--system", paramLabel = "TEXT", description = "A system message before the prompt.")
    Optional<String> system = Optional.empty();

    @Option(names = "--raw", description = "Continue the prompt as it is, without the model's chat template.")
    boolean raw;

    @Option(
            names = "--compare",
            description = "Answer plainly and accelerated, three times each after a warm-up: check that every token is"
                    + " equal and report both speeds. Status 1 if not identical.")
    boolean compare;

    @Option(names = "--show-drafts", description = "Mark what was drafted and accepted.")
    boolean showDrafts;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    boolean json;

    @Mixin
    final AnswerOptions answering = new AnswerOptions();

    @Mixin
    final DecodingOptions decoding = new DecodingOptions();

    @Mixin
    final LoadingOptions loading = new LoadingOptions();

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    RunCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException, TemplateException {
        SessionOptions sessionOptions = decoding.session();
        checkCombination(sessionOptions);
        GenerationOptions generation = answering.generation();
        String prompt = prompt();
        try (LanguageModel loaded = loading.load(terminal, model.name, sessionOptions)) {
            int[] tokens = raw ? loaded.promptOfText(prompt) : loaded.prompt(messages(prompt));
            return compare
                    ? compare(loaded, sessionOptions, generation, tokens)
                    : once(loaded, sessionOptions, generation, tokens);
        }
    }

    private void checkCombination(SessionOptions options) {
        if (raw && system.isPresent()) {
            throw new UsageException(
                    "--raw and --system exclude each other: without a template there is no system" + " message");
        }
        if (json && showDrafts) {
            throw new UsageException("--json and --show-drafts exclude each other");
        }
        if (compare && options.method().filter(Method.Plain.class::isInstance).isPresent()) {
            throw new UsageException("--compare needs an accelerated method beside plain decoding");
        }
    }

    private String prompt() throws IOException {
        if (prompts.size() > 1) {
            throw new UsageException("the prompt is one argument: put it in quotes (the model is named with -m)");
        }
        boolean given = !prompts.isEmpty() && !prompts.getFirst().equals(STANDARD_INPUT);
        if (prompts.isEmpty() && terminal.inIsTerminal()) {
            throw new UsageException("there is no prompt: give it in quotes, or - to read it from standard input");
        }
        String prompt = given ? prompts.getFirst() : standardInput();
        if (prompt.isEmpty()) {
            throw new UsageException("the prompt is empty");
        }
        return prompt;
    }

    /** All of standard input without its last line end, which editors and {@code echo} add. */
    private String standardInput() throws IOException {
        String text = new String(terminal.in().readAllBytes(), StandardCharsets.UTF_8);
        return text.endsWith("\r\n")
                ? text.substring(0, text.length() - 2)
                : text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    }

    private List<Message> messages(String prompt) {
        Message user = Message.user(prompt);
        return system.map(text -> List.of(Message.system(text), user)).orElseGet(() -> List.of(user));
    }

    private Show show() {
        return json ? Show.NOTHING : showDrafts ? Show.DRAFTS : Show.TEXT;
    }

    private int once(LanguageModel loaded, SessionOptions options, GenerationOptions generation, int[] tokens) {
        try (Session session = loaded.session(options);
                AnswerPrinter printer = new AnswerPrinter(terminal, show());
                var _ = terminal.interruption().stopping(session::cancel)) {
            Answer answer = session.generate(tokens, generation, printer);
            printer.finish();
            if (answer.finish() == Answer.Finish.CANCELLED) {
                return Interruption.STATUS;
            }
            if (json) {
                Json.print(
                        terminal,
                        RunReport.of(
                                loaded, session, answer, generation.sampling().seed()));
            } else if (terminal.errIsTerminal()) {
                terminal.note(Statistics.line(session, answer, generation.sampling()));
            }
            return 0;
        }
    }

    private int compare(LanguageModel loaded, SessionOptions options, GenerationOptions generation, int[] tokens) {
        try (Session plain = loaded.session(options.withMethod(new Method.Plain()));
                Session accelerated = loaded.session(options);
                AnswerPrinter printer = new AnswerPrinter(terminal, show());
                var _ = terminal.interruption().stopping(() -> {
                    plain.cancel();
                    accelerated.cancel();
                })) {
            Comparison comparison = Comparison.run(plain, accelerated, tokens, generation, printer, done -> {
                printer.finish();
                measuring(done);
            });
            clearMeasuring();
            if (json) {
                Json.print(
                        terminal,
                        RunReport.of(
                                        loaded,
                                        accelerated,
                                        comparison.answer(),
                                        generation.sampling().seed())
                                .with(comparison));
            } else {
                terminal.print("\n" + describe(comparison, accelerated.method().name()));
            }
            if (!comparison.identical()) {
                terminal.error("the answers are not identical: they differ from token "
                        + (comparison.firstDifference().orElseThrow() + 1) + " on");
            }
            return comparison.identical() ? 0 : 1;
        }
    }

    private void measuring(int done) {
        if (terminal.errIsTerminal()) {
            terminal.printError("\r\u001b[Kmeasuring: run " + (done + 1) + " of " + 2 * Comparison.REPETITIONS);
        }
    }

    private void clearMeasuring() {
        if (terminal.errIsTerminal()) {
            terminal.printError("\r\u001b[K");
        }
    }

    private String describe(Comparison comparison, String method) {
        Answer.Statistics accelerated = comparison.answer().statistics();
        Table table = new Table("lrr")
                .row("plain", Format.threeDigits(comparison.plain()) + " tokens/s", "1 token per step")
                .row(
                        method,
                        Format.threeDigits(comparison.accelerated()) + " tokens/s",
                        Format.threeDigits(accelerated.tokensPerStep()) + " tokens per step");
        String speedup = comparison
                .speedup()
                .map(times -> "speedup " + Format.threeDigits(times))
                .orElse("the answer is too short to tell a speedup");
        String verdict = comparison.identical()
                ? terminal.styled(Style.GREEN, "identical")
                : terminal.styled(Style.RED, "not identical");
        return table + speedup + ", " + verdict + " (" + Format.count(accelerated.completionTokens())
                + " tokens, medians of " + Comparison.REPETITIONS + " runs)\n";
    }
}
