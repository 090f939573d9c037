package bita.cli;

import bita.api.store.ModelStore;
import bita.api.store.StorePaths;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * The streams of one run of the program, what they are connected to, and its environment. Commands reach the outside
 * through this class only. Text is UTF-8, whatever the locale.
 */
final class Terminal {
    /** What each stream is connected to: a terminal, or a file or pipe. */
    record Connected(boolean in, boolean out, boolean err) {
        static final Connected NOWHERE = new Connected(false, false, false);

        static Connected ofProcess() {
            return new Connected(isTerminal(0), isTerminal(1), isTerminal(2));
        }

        /** Asks the process file system where there is one; the console of the JDK knows input and output together. */
        @SuppressWarnings("SystemConsoleNull") // it is null in JDK 25, unless both are terminals
        private static boolean isTerminal(int descriptor) {
            Path link = Path.of("/proc/self/fd", Integer.toString(descriptor));
            if (Files.isSymbolicLink(link)) {
                try {
                    String target = Files.readSymbolicLink(link).toString();
                    return target.startsWith("/dev/pts/")
                            || target.startsWith("/dev/tty")
                            || target.equals("/dev/console");
                } catch (IOException e) {
                    return false;
                }
            }
            return System.console() != null && System.console().isTerminal();
        }
    }

    private final InputStream in;
    private final OutputStream out;
    private final PrintStream err;
    private final Connected connected;
    private final Map<String, String> environment;
    private final Path home;
    private final Interruption interruption = new Interruption();

    /**
     * @param environment environment variables
     * @param home        the user's home folder
     */
    Terminal(
            InputStream in,
            OutputStream out,
            OutputStream err,
            Connected connected,
            Map<String, String> environment,
            Path home) {
        this.in = in;
        this.out = out;
        this.err = new PrintStream(err, true, StandardCharsets.UTF_8);
        this.connected = connected;
        this.environment = Map.copyOf(environment);
        this.home = home;
    }

    /** The process's own. */
    static Terminal ofProcess() {
        return new Terminal(
                new FileInputStream(FileDescriptor.in),
                new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)),
                new BufferedOutputStream(new FileOutputStream(FileDescriptor.err)),
                Connected.ofProcess(),
                System.getenv(),
                Path.of(System.getProperty("user.home")));
    }

    InputStream in() {
        return in;
    }

    boolean inIsTerminal() {
        return connected.in;
    }

    boolean outIsTerminal() {
        return connected.out;
    }

    boolean errIsTerminal() {
        return connected.err;
    }

    /** Whether standard output shows colours. */
    boolean outHasColours() {
        return connected.out && coloursWanted();
    }

    /** Whether a terminal can move its cursor and show colours, as far as its name tells. */
    boolean isDumb() {
        return "dumb".equals(environment.get("TERM"));
    }

    /** An environment variable that is set and not empty. */
    Optional<String> variable(String name) {
        return Optional.ofNullable(environment.get(name)).filter(v -> !v.isEmpty());
    }

    /** Models and adapters of this user. */
    ModelStore store() {
        return new ModelStore(StorePaths.fromEnvironment(environment, home), environment);
    }

    Interruption interruption() {
        return interruption;
    }

    /**
     * Writes to standard output at once.
     *
     * @throws OutputClosedException if nobody reads it any longer
     */
    void print(String text) {
        try {
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException e) {
            throw OutputClosedException.isMeantBy(e)
                    ? new OutputClosedException()
                    : new UncheckedIOException(
                            "standard output cannot be written",
                            new IOException("standard output cannot be written: " + e.getMessage(), e));
        }
    }

    void println(String text) {
        print(text + "\n");
    }

    /** Writes to standard error, as it is. */
    void printError(String text) {
        err.print(text);
        err.flush();
    }

    /** Says in one line on standard error what went wrong. */
    void error(String sentence) {
        printError("bita: " + sentence + "\n");
    }

    /** Shows where a fault is, for those who ask for it. */
    void debug(Throwable thrown) {
        if (variable("BITA_DEBUG").isPresent()) {
            StringWriter trace = new StringWriter();
            thrown.printStackTrace(new PrintWriter(trace));
            printError(trace.toString());
        }
    }

    /** Says something by the way on standard error. */
    void note(String text) {
        printError((connected.err && coloursWanted() ? Style.DIM.apply(text) : text) + "\n");
    }

    /** Text for standard output in a style, where it shows styles. */
    String styled(Style style, String text) {
        return outHasColours() ? style.apply(text) : text;
    }

    private boolean coloursWanted() {
        return variable("NO_COLOR").isEmpty() && !isDumb();
    }

    /** Styles of text, as ECMA-48 sequences. */
    enum Style {
        BOLD("1"),
        DIM("2"),
        RED("31"),
        GREEN("32"),
        YELLOW("33"),
        CYAN("36");

        private final String code;

        Style(String code) {
            this.code = code;
        }

        String apply(String text) {
            return "\u001b[" + code + "m" + text + "\u001b[0m";
        }
    }
}
