package bita.cli;

import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** A command as it is typed in again. */
final class ShellCommand {
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_./:=,@%+-]+");

    private ShellCommand() {}

    /** The command with these arguments, as a POSIX shell reads it. */
    static String of(List<String> arguments) {
        return "bita " + arguments.stream().map(ShellCommand::quoted).collect(Collectors.joining(" "));
    }

    private static String quoted(String argument) {
        return PLAIN.matcher(argument).matches() ? argument : "'" + argument.replace("'", "'\\''") + "'";
    }
}
