package bita.cli;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.channels.ClosedByInterruptException;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The program {@code bita}. */
public final class Main {
    private static final int FAILED = 1;
    private static final int WRONG_USAGE = 2;
    private static final String HELP = "help";

    private final Terminal terminal;

    private Main(Terminal terminal) {
        this.terminal = terminal;
    }

    /** Runs one command and ends the process with its status: 0, 1 failed, 2 wrong usage, 130 interrupted. */
    public static void main(String[] args) {
        // A library that logs would say on standard error that nobody listens.
        System.setProperty("slf4j.internal.verbosity", "ERROR");
        // Plots are drawn to files: without this Java would look for a display.
        System.setProperty("java.awt.headless", "true");
        Terminal terminal = Terminal.ofProcess();
        terminal.interruption().install();
        int status = run(terminal, args);
        terminal.interruption().finish();
        System.exit(status);
    }

    /** Runs one command; the result is the exit status. */
    static int run(Terminal terminal, String... args) {
        return new Main(terminal).run(args);
    }

    /** The program with all its commands: what manual pages and completions are made from. */
    public static CommandLine commands() {
        return new Main(Terminal.ofProcess()).commandLine("");
    }

    private int run(String... args) {
        String called = args.length > 0 ? args[0] : "";
        try {
            if (args.length == 0) {
                CommandLine bita = commandLine(called);
                terminal.printError(bita.getUsageMessage(bita.getColorScheme()));
                return WRONG_USAGE;
            }
            if (!called.startsWith("-") && !called.equals(HELP) && !Bita.COMMANDS.contains(called)) {
                terminal.error("there is no command '" + called + "'; there are " + String.join(", ", Bita.COMMANDS));
                terminal.note("see: bita --help");
                return WRONG_USAGE;
            }
            if (SparkSubmit.isAsked(args)) {
                return onSpark(args);
            }
            int status = commandLine(called).execute(args);
            return terminal.interruption().requested() ? Interruption.STATUS : status;
        } catch (OutputClosedException e) {
            return 0;
        } catch (OutOfMemoryError e) {
            terminal.debug(e);
            terminal.error(Failure.sentence(e));
            return FAILED;
        }
    }

    private int onSpark(String... args) {
        try {
            return new SparkSubmit(terminal).run(args);
        } catch (IOException | InterruptedException | UsageException e) {
            return failed(
                    e,
                    Objects.requireNonNull(commandLine(args[0]).getSubcommands().get(args[0])));
        }
    }

    /** Reading the annotations of a command takes time: only those of the one that is called, if it is known. */
    private CommandLine commandLine(String called) {
        CommandLine bita = new CommandLine(new Bita());
        if (Bita.COMMANDS.contains(called)) {
            bita.addSubcommand(called, Bita.command(called, terminal));
        } else {
            for (String name : Bita.COMMANDS) {
                bita.addSubcommand(name, Bita.command(name, terminal));
            }
            bita.addSubcommand(HELP, new CommandLine.HelpCommand());
        }
        bita.setCaseInsensitiveEnumValuesAllowed(true);
        bita.setColorScheme(CommandLine.Help.defaultColorScheme(terminal.outHasColours() ? Ansi.ON : Ansi.OFF));
        bita.setUsageHelpWidth(100);
        bita.setOut(new PrintWriter(new OutWriter(), true));
        bita.setParameterExceptionHandler((e, arguments) -> wrongUsage(e));
        bita.setExecutionExceptionHandler((e, command, result) -> failed(e, command));
        return bita;
    }

    private int wrongUsage(ParameterException e) {
        terminal.debug(e);
        String message = String.valueOf(e.getMessage()).strip();
        terminal.error(message.substring(0, 1).toLowerCase(Locale.ROOT) + message.substring(1));
        if (e instanceof UnmatchedArgumentException unmatched) {
            List<String> suggestions = unmatched.getSuggestions();
            if (!suggestions.isEmpty()) {
                terminal.note("did you mean " + String.join(" or ", suggestions) + "?");
            }
        }
        terminal.note(seeHelp(e.getCommandLine()));
        return WRONG_USAGE;
    }

    private int failed(Throwable thrown, CommandLine command) {
        terminal.debug(thrown);
        return switch (thrown) {
            case OutputClosedException _ -> 0;
            case UsageException usage -> {
                terminal.error(String.valueOf(usage.getMessage()));
                terminal.note(seeHelp(command));
                yield WRONG_USAGE;
            }
            case InterruptedException _,
                    InterruptedIOException _,
                    ClosedByInterruptException _,
                    CancellationException _ -> Interruption.STATUS;
            default -> {
                if (!terminal.interruption().requested()) {
                    terminal.error(Failure.sentence(thrown));
                }
                yield FAILED;
            }
        };
    }

    private static String seeHelp(CommandLine command) {
        return "see: " + command.getCommandSpec().qualifiedName() + " --help";
    }

    /** Standard output for help texts. */
    private final class OutWriter extends Writer {
        @Override
        public void write(char[] buffer, int offset, int length) {
            terminal.print(new String(buffer, offset, length));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }
}
