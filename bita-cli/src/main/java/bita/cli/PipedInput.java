package bita.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** A conversation from a file or pipe, line by line. Ctrl-C ends the program. */
final class PipedInput implements ChatInput {
    private final Terminal terminal;
    private final BufferedReader lines;

    PipedInput(Terminal terminal) {
        this.terminal = terminal;
        this.lines = new BufferedReader(new InputStreamReader(terminal.in(), StandardCharsets.UTF_8));
    }

    @Override
    public Optional<String> next() throws IOException {
        return Optional.ofNullable(lines.readLine());
    }

    @Override
    public Interruption.Stretch stopping(Runnable action) {
        return terminal.interruption().stopping(action);
    }

    @Override
    public void close() {}
}
