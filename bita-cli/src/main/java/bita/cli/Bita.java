package bita.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Properties;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The program and its commands. */
@Command(
        name = "bita",
        description = "Runs language models on the JVM: several tokens per step, and the same text to the last bit.",
        synopsisSubcommandLabel = "COMMAND",
        versionProvider = Bita.Version.class,
        footer = {
            "",
            "Examples:",
            "  bita run \"Why is the sky blue?\"             one answer of the default model",
            "  bita run --compare \"Why is the sky blue?\"   speed and exactness, plain and accelerated",
            "  bita chat -m model.gguf                     a conversation with your own model",
            "  bita help run                               all about one command",
            "  bita test                                   the project's tests (in a checkout)",
            "  bita aot                                    makes the cache anew that speeds up the start",
            "",
            "Exit status: 0; 1 failed or not identical; 2 wrong usage; 130 interrupted."
        })
final class Bita {
    static final List<String> COMMANDS = List.of(
            "run",
            "chat",
            "serve",
            "pull",
            "list",
            "inspect",
            "quantize",
            "distill",
            "tune",
            "import",
            "bench",
            "eval",
            "audit",
            "doctor");

    @Mixin
    final HelpOption help = new HelpOption();

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Show the versions of this program and of Java.")
    boolean version;

    /** The command of a name of {@link #COMMANDS}. */
    static Object command(String name, Terminal terminal) {
        return switch (name) {
            case "run" -> new RunCommand(terminal);
            case "chat" -> new ChatCommand(terminal);
            case "serve" -> new ServeCommand(terminal);
            case "pull" -> new PullCommand(terminal);
            case "list" -> new ListCommand(terminal);
            case "inspect" -> new InspectCommand(terminal);
            case "quantize" -> new QuantizeCommand(terminal);
            case "distill" -> new DistillCommand(terminal);
            case "tune" -> new TuneCommand(terminal);
            case "import" -> new ImportCommand(terminal);
            case "bench" -> new BenchCommand(terminal);
            case "eval" -> new EvalCommand(terminal);
            case "audit" -> new AuditCommand(terminal);
            case "doctor" -> new DoctorCommand(terminal);
            default -> throw new IllegalArgumentException(name);
        };
    }

    /** The option that every command has. */
    static final class HelpOption {
        @Option(
                names = {"-h", "--help"},
                usageHelp = true,
                description = "Show this help.")
        boolean requested;
    }

    /** Reads the version that the build has written. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() throws IOException {
            Properties build = new Properties();
            try (InputStream file = Bita.class.getResourceAsStream("version.properties")) {
                if (file == null) {
                    throw new IOException("the file version.properties is missing from the installation");
                }
                build.load(file);
            }
            return new String[] {
                "bita " + build.getProperty("version"),
                "Java " + Runtime.version() + " (" + System.getProperty("java.vendor") + "), "
                        + System.getProperty("os.name") + " " + System.getProperty("os.arch")
            };
        }
    }
}
