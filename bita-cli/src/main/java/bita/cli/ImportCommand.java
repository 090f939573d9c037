package bita.cli;

import bita.decode.AdapterShape;
import bita.kernels.NumberFormat;
import bita.tune.reference.ReferenceCheckpoint;
import bita.tune.reference.ReferenceConfig;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes an adapter from a checkpoint of the reference implementation. */
@Command(
        name = "import",
        description = "Makes an adapter from a checkpoint of BiTA's reference implementation (linfeng93/BiTA).",
        footer = {
            "",
            "Examples:",
            "  bita import output/llama-2-7b-chat-prompt-16-mask-3 -o llama-2-7b-chat.safetensors",
            "  bita import checkpoint --to F32 -o adapter.safetensors --force"
        })
final class ImportCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(paramLabel = "DIR", description = "The folder with config.json and the weights that tuning has saved.")
    Path folder = Path.of("");

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "FILE",
            description = "The adapter to write.")
    Path output = Path.of("");

    @Option(
            names = "--to",
            paramLabel = "FORMAT",
            description = "One of ${COMPLETION-CANDIDATES}; F32 keeps what F16 would round. Default: ${DEFAULT-VALUE}.")
    StoredFormat format = StoredFormat.F16;

    @Option(names = "--force", description = "Replace the file if it exists.")
    boolean force;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    boolean json;

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    /** The formats that adapters are stored in. */
    enum StoredFormat {
        F16(NumberFormat.F16),
        F32(NumberFormat.F32);

        private final NumberFormat format;

        StoredFormat(NumberFormat format) {
            this.format = format;
        }
    }

    /** @param projection width of the network that made keys and values, if there was one */
    private record Report(
            String path,
            long bytes,
            StoredFormat format,
            String architecture,
            int layers,
            int heads,
            int headDim,
            int hidden,
            int prompts,
            int masks,
            boolean sharedMask,
            @JsonInclude(JsonInclude.Include.NON_ABSENT) OptionalInt projection,
            List<String> files) {}

    ImportCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        if (!force && Files.exists(output)) {
            throw new FileAlreadyExistsException(
                    output.toString(), null, "this file exists already; --force replaces it");
        }
        ReferenceCheckpoint checkpoint;
        try (var _ = terminal.interruption().interruptingThisThread()) {
            checkpoint = ReferenceCheckpoint.read(folder);
            checkpoint.adapter().write(output, format.format, force);
        }
        Report report = report(checkpoint);
        if (json) {
            Json.print(terminal, report);
        } else {
            terminal.print(text(report));
        }
        return 0;
    }

    private Report report(ReferenceCheckpoint checkpoint) throws IOException {
        ReferenceConfig config = checkpoint.config();
        AdapterShape shape = config.shape();
        return new Report(
                output.toString(),
                Files.size(output),
                format,
                shape.architecture(),
                shape.layers(),
                shape.heads(),
                shape.headDim(),
                shape.hidden(),
                shape.prompts(),
                shape.masks(),
                config.sharedMask(),
                config.projection(),
                checkpoint.files().stream().map(Path::toString).toList());
    }

    private static String text(Report report) {
        String projection = report.projection().isPresent()
                ? ", made by a network of width " + report.projection().getAsInt()
                : "";
        Table table = new Table("ll")
                .row(
                        "model",
                        report.architecture() + ", " + report.layers() + " layers, " + report.heads() + " heads of "
                                + report.headDim() + ", hidden size " + report.hidden())
                .row("prompt tokens", report.prompts() + projection)
                .row("mask tokens", report.masks() + (report.sharedMask() ? ", one embedding for all" : ""));
        for (String file : report.files()) {
            table.row("read from", file);
        }
        return table + report.path() + " is complete: " + Format.bytes(report.bytes()) + " in " + report.format()
                + "\n";
    }
}
