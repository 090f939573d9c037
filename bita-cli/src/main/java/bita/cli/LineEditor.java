package bita.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal.Signal;
import org.jline.terminal.Terminal.SignalHandler;
import org.jline.terminal.TerminalBuilder;

/** A conversation typed in at a terminal: lines are edited and remembered. Ctrl-C stops the answer only. */
final class LineEditor implements ChatInput {
    private final org.jline.terminal.Terminal screen;
    private final LineReader reader;
    private final String prompt;

    private LineEditor(org.jline.terminal.Terminal screen, LineReader reader, String prompt) {
        this.screen = screen;
        this.reader = reader;
        this.prompt = prompt;
    }

    /**
     * Takes over the terminal; empty if there is none that can be taken over.
     *
     * @param history file that keeps lines from one conversation to the next
     */
    static Optional<ChatInput> open(Terminal terminal, Path history) throws IOException {
        if (!terminal.inIsTerminal() || !terminal.outIsTerminal() || terminal.isDumb()) {
            return Optional.empty();
        }
        org.jline.terminal.Terminal screen;
        try {
            screen = TerminalBuilder.builder()
                    .system(true)
                    .dumb(false)
                    .jni(false)
                    .graphemeCluster(false) // it would be asked of the terminal, and not all stay silent
                    .encoding(StandardCharsets.UTF_8)
                    .build();
        } catch (IOException | IllegalStateException e) {
            // Line by line works as well; what is lost is comfort.
            terminal.note("note: lines cannot be edited in this terminal (" + e.getMessage() + ")");
            return Optional.empty();
        }
        LineReader reader = LineReaderBuilder.builder()
                .appName("bita")
                .terminal(screen)
                .variable(LineReader.HISTORY_FILE, history)
                .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
                .build();
        return Optional.of(new LineEditor(screen, reader, terminal.styled(Terminal.Style.BOLD, "> ")));
    }

    @Override
    public Optional<String> next() {
        while (true) {
            try {
                return Optional.of(reader.readLine(prompt));
            } catch (UserInterruptException e) {
                // What was being typed is dropped.
            } catch (EndOfFileException e) {
                return Optional.empty();
            }
        }
    }

    @Override
    public Interruption.Stretch stopping(Runnable action) {
        SignalHandler before = screen.handle(Signal.INT, _ -> action.run());
        return () -> screen.handle(Signal.INT, before);
    }

    @Override
    public void close() throws IOException {
        screen.close();
    }
}
