package bita.cli;

import bita.api.store.CatalogModel;
import bita.api.store.PullOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Brings a model into the store. */
@Command(
        name = "pull",
        description = "Downloads a model, or checks that it is complete. An interrupted download is resumed.",
        footer = {
            "",
            "Examples:",
            "  bita pull                        the default model",
            "  bita pull owner/repo/file.gguf   a file of the Hugging Face hub",
            "",
            "HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE mean what they mean to the Hugging Face tools."
        })
final class PullCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(
            arity = "0..1",
            paramLabel = "NAME",
            description = "A model that \"bita list\" knows, or owner/repo/file.gguf. Default: ${DEFAULT-VALUE}.")
    String name = CatalogModel.DEFAULT.id();

    @Option(names = "--offline", description = "Use only what lies on this machine.")
    boolean offline;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    boolean json;

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    PullCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    private record Report(String name, String path, long bytes) {}

    @Override
    public Integer call() throws IOException {
        Path file;
        try (PullProgress progress = new PullProgress(terminal, name);
                var _ = terminal.interruption().interruptingThisThread()) {
            file = terminal.store().pull(name, new PullOptions(offline), progress);
        }
        long bytes = Files.size(file);
        if (json) {
            Json.print(terminal, new Report(name, file.toString(), bytes));
        } else {
            terminal.println(name + " is complete: " + file + " (" + Format.bytes(bytes) + ")");
        }
        return 0;
    }
}
