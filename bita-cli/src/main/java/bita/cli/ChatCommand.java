package bita.cli;

import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.Session;
import bita.api.SessionOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A conversation. */
@Command(
        name = "chat",
        description = "Talks with a model. Ctrl-C stops an answer, Ctrl-D ends. From a pipe, each line is a message.",
        footer = {
            "",
            "Examples:",
            "  bita chat",
            "  bita chat -m model.gguf --system \"You are a patient teacher.\" --temperature 0.7",
            "  printf 'My name is Ada.\\nWhat is my name?\\n' | bita chat",
            "",
            "In the conversation:",
            "  /help, /reset, /system TEXT, /stats, /exit"
        })
final class ChatCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Mixin
    final ModelOption model = new ModelOption();

    @Option(names = "--system", paramLabel = "TEXT", description = "A system message before the conversation.")
    Optional<String> system = Optional.empty();

    @Mixin
    final AnswerOptions answering = new AnswerOptions();

    @Mixin
    final DecodingOptions decoding = new DecodingOptions();

    @Mixin
    final LoadingOptions loading = new LoadingOptions();

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    ChatCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        SessionOptions sessionOptions = decoding.session();
        GenerationOptions generation = answering.generation();
        try (LanguageModel loaded = loading.load(terminal, model.name, sessionOptions);
                Session session = loaded.session(sessionOptions);
                ChatInput input = input()) {
            Conversation conversation = new Conversation(terminal, loaded, session, generation, system);
            if (terminal.inIsTerminal() && terminal.outIsTerminal()) {
                terminal.note(model.name + ", " + session.method().name() + "; /help lists the commands");
            }
            Optional<String> line = input.next();
            while (line.isPresent() && conversation.take(line.get(), input)) {
                line = input.next();
            }
            return terminal.interruption().requested() ? Interruption.STATUS : 0;
        }
    }

    private ChatInput input() throws IOException {
        Path data = terminal.store().paths().adapters().toAbsolutePath().getParent();
        Optional<ChatInput> editor = Optional.empty();
        if (data != null && terminal.inIsTerminal()) {
            Files.createDirectories(data);
            editor = LineEditor.open(terminal, data.resolve("chat-history"));
        }
        return editor.orElseGet(() -> new PipedInput(terminal));
    }
}
