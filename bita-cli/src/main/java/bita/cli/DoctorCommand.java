package bita.cli;

import bita.api.MachineMemory;
import bita.cli.Checkup.Check;
import bita.cli.Checkup.State;
import bita.cli.Terminal.Style;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows what this machine offers. */
@Command(
        name = "doctor",
        description = "Shows what this machine offers and what of it is used, and what to do where something is"
                + " missing. Status 1 if something does not work.",
        footer = {"", "Examples:", "  bita doctor", "  bita doctor --json"})
final class DoctorCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    boolean json;

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    DoctorCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    private record Report(List<Check> checks) {}

    @Override
    public Integer call() {
        List<Check> checks = new Checkup(terminal.store(), MachineMemory.now()).checks();
        if (json) {
            Json.print(terminal, new Report(checks));
        } else {
            int width = checks.stream().mapToInt(c -> c.name().length()).max().orElse(0);
            for (Check check : checks) {
                terminal.println(mark(check.state()) + "  " + check.name()
                        + " ".repeat(width - check.name().length()) + "  " + check.found());
                if (!check.remedy().isEmpty()) {
                    terminal.println(" ".repeat(width + 6) + "→ " + check.remedy());
                }
            }
        }
        return checks.stream().anyMatch(c -> c.state() == State.FAILED) ? 1 : 0;
    }

    private String mark(State state) {
        return switch (state) {
            case OK -> terminal.styled(Style.GREEN, "OK");
            case WARNING -> terminal.styled(Style.YELLOW, "! ");
            case FAILED -> terminal.styled(Style.RED, "✗ ");
        };
    }
}
