package bita.cli;

import bita.kernels.NumberFormat;
import bita.model.ModelFiles;
import bita.model.file.ModelFile;
import bita.model.file.Quantizer;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes a model in another number format. */
@Command(
        name = "quantize",
        description = "Writes a model in another number format. What a first quantization has lost stays lost.",
        footer = {
            "",
            "Examples:",
            "  bita quantize smollm2-135m --to F32 -o smollm2-f32.gguf",
            "  bita quantize model-f16.gguf --to Q8_0 -o model-q8_0.gguf"
        })
final class QuantizeCommand implements Callable<Integer> {
    /** The formats that models can be written in. */
    static final class WritableFormats implements Iterable<String> {
        static String names() {
            return String.join(", ", new WritableFormats());
        }

        @Override
        public Iterator<String> iterator() {
            return Arrays.stream(NumberFormat.values())
                    .filter(NumberFormat::writable)
                    .map(NumberFormat::name)
                    .iterator();
        }
    }

    private final Terminal terminal;

    @Parameters(
            paramLabel = "MODEL",
            description = "A name that \"bita list\" knows, or the path of a GGUF file or a safetensors folder.")
    String model = "";

    @Option(
            names = "--to",
            required = true,
            paramLabel = "FORMAT",
            completionCandidates = WritableFormats.class,
            description = "One of ${COMPLETION-CANDIDATES}.")
    NumberFormat format = NumberFormat.F32;

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "FILE",
            description = "The file to write.")
    Path output = Path.of("");

    @Option(names = "--force", description = "Replace the file if it exists.")
    boolean force;

    @Option(names = "--offline", description = "Use only what lies on this machine.")
    boolean offline;

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    QuantizeCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        if (!format.writable()) {
            throw new UsageException(
                    format + " can be read but not written; --to is one of " + WritableFormats.names());
        }
        if (!force && Files.exists(output)) {
            throw new FileAlreadyExistsException(
                    output.toString(), null, "this file exists already; --force replaces it");
        }
        Path source = LoadingOptions.find(terminal, model, offline);
        long before = ModelFiles.bytes(source);
        try (ModelFile file = ModelFiles.open(source);
                ProgressBar bar = ProgressBar.ofBytes(terminal, String.valueOf(output.getFileName()));
                var _ = terminal.interruption().interruptingThisThread()) {
            Quantizer.quantize(file, ModelFiles.metadata(file), format, output, force, (done, total) -> {
                if (Thread.currentThread().isInterrupted()) {
                    throw new CancellationException();
                }
                bar.update(done, total);
            });
        }
        terminal.println(output + " is complete: " + Format.bytes(Files.size(output)) + " in " + format + " (" + source
                + " has " + Format.bytes(before) + ")");
        return 0;
    }
}
