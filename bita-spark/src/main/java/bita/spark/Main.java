package bita.spark;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The program that {@code spark-submit} runs. */
@Command(
        name = "bita-spark",
        description =
                "The long loops of bita on many machines: answers for tuning, tuning, and comparisons of methods.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "FILE is a path or a URI of one of Spark's file systems (hdfs://, s3a://).",
            "",
            "Exit status: 0; 1 failed or not identical; 2 wrong usage."
        })
public final class Main {
    private static final int FAILED = 1;
    private static final int WRONG_USAGE = 2;

    /** The option that every command has. */
    static final class HelpOption {
        @Option(
                names = {"-h", "--help"},
                usageHelp = true,
                description = "Show this help.")
        boolean requested;
    }

    @CommandLine.Mixin
    final HelpOption help = new HelpOption();

    private Main() {}

    /** Runs one command and ends the process if it has failed. */
    public static void main(String[] args) {
        int status = run(new Console(), args);
        if (status != 0) {
            System.exit(status);
        }
    }

    /** Runs one command; the result is the exit status. */
    static int run(Console console, String... args) {
        CommandLine program = new CommandLine(new Main());
        for (Object command :
                List.of(new DistillCommand(console), new TuneCommand(console), new EvalCommand(console))) {
            program.addSubcommand(command);
        }
        program.setCaseInsensitiveEnumValuesAllowed(true);
        program.setUsageHelpWidth(100);
        program.setParameterExceptionHandler((e, arguments) -> {
            console.note(String.valueOf(e.getMessage()));
            console.note("see: " + e.getCommandLine().getCommandSpec().qualifiedName() + " --help");
            return WRONG_USAGE;
        });
        program.setExecutionExceptionHandler((e, command, result) -> {
            console.note(Failure.sentence(e));
            return e instanceof UsageException ? WRONG_USAGE : FAILED;
        });
        if (args.length == 0) {
            console.note(program.getUsageMessage());
            return WRONG_USAGE;
        }
        return program.execute(args);
    }
}
