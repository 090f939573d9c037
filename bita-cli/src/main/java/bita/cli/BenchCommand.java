package bita.cli;

import bita.api.LoadOptions;
import bita.api.store.CatalogModel;
import bita.eval.bench.Bench;
import bita.eval.bench.BenchOptions;
import bita.eval.bench.BenchPlot;
import bita.eval.bench.BenchReport;
import bita.eval.bench.BenchResult;
import bita.eval.plot.Drawing;
import bita.eval.plot.ImageFormat;
import bita.kernels.Backend;
import bita.kernels.CacheFormat;
import bita.kernels.InstructionSet;
import bita.kernels.KernelsProvider;
import bita.model.file.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Measures what a step costs. */
@Command(
        name = "bench",
        description = "Measures what a step costs by its number of rows, plain decoding and prefill, and holds them"
                + " against what the machine can do.",
        footer = {
            "",
            "Everything is measured in turn, round after round; reported are medians. The ideal time of products is the"
                    + " longer of reading the weights as fast as a read sweep reads them and multiplying as fast as the"
                    + " best kernel does with weights in the cache. These limits are measured by the native library;"
                    + " without it there are no ideal times. docs/bench.md explains the figures.",
            "",
            "Examples:",
            "  bita bench                                   the default model",
            "  bita bench model.gguf --plot cost.svg        another one, with a picture",
            "  bita bench --shape llama-7b --format Q4_0    the shape of one, with random weights"
        })
final class BenchCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(
            arity = "0..1",
            paramLabel = "MODEL",
            description =
                    "A name that \"bita list\" knows, or the path of a GGUF file or a safetensors folder. Default: smollm2-135m-instruct.")
    Optional<String> model = Optional.empty();

    @Mixin
    final ShapeOptions shape = new ShapeOptions();

    @Option(
            names = "--contexts",
            paramLabel = "N",
            split = ",",
            description = "Tokens in the cache. Default: 256,1024,4096, as far as the model was trained for them.")
    List<Integer> contexts = new ArrayList<>();

    @Option(
            names = "--rows",
            paramLabel = "N",
            split = ",",
            description =
                    "Rows of a step; 1, plain decoding, is always among them. Default:" + " 1,2,4,8,12,16,24,32,48,64.")
    List<Integer> rows = new ArrayList<>();

    @Option(
            names = "--rounds",
            paramLabel = "N",
            description =
                    "Measurements of each figure, after one to warm up. Default: 7; 1 of the scalar kernels, which"
                            + " take minutes for it.")
    Optional<Integer> rounds = Optional.empty();

    @Option(names = "--threads", paramLabel = "N", description = "Threads. Default: one per core.")
    Optional<Integer> threads = Optional.empty();

    @Option(
            names = "--cache-type",
            paramLabel = "f16|f32",
            description = "Number format of the KV cache. Default: f16.")
    Optional<CacheFormat> cacheType = Optional.empty();

    @Option(
            names = "--backend",
            paramLabel = "native|vector|scalar",
            description = "Who executes the kernels. Default: the fastest that works here.")
    Optional<Backend> backend = Optional.empty();

    @Option(
            names = "--isa",
            paramLabel = "generic|neon|avx2|avx512|amx",
            description = "The native kernels' instruction set. Default: the best; of avx512 and amx the"
                    + " faster, as measured at the start.")
    Optional<InstructionSet> isa = Optional.empty();

    @Option(
            names = "--plot",
            paramLabel = "FILE",
            description = "Draw milliseconds by rows, measured and ideal, to a file that ends in .svg or .png; it is"
                    + " replaced if it exists.")
    Optional<Path> plot = Optional.empty();

    @Option(names = "--offline", description = "Use only what lies on this machine.")
    boolean offline;

    @Option(names = "--json", description = "Print a JSON list with an object per context and nothing else.")
    boolean json;

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    BenchCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        shape.check(model);
        // What is wrong with the options is said before anything is downloaded.
        BenchOptions _ = UsageException.check(() -> options(shape.source(Path.of(""))));
        if (plot.isEmpty()) {
            report(measure());
            return 0;
        }
        Path target = plot.get();
        ImageFormat format = ImageFormat.ofName(target.toString())
                .orElseThrow(() ->
                        new UsageException("--plot draws files that end in .svg or .png, and not '" + target + "'"));
        Optional<String> problem = Drawing.problem();
        if (problem.isPresent()) {
            throw new UnsupportedOperationException(problem.get() + ", or leave out --plot");
        }
        // That a file cannot be written is found out before minutes of measuring.
        try (AtomicFile file = AtomicFile.create(target, true)) {
            BenchResult result = measure();
            report(result);
            file.write(ByteBuffer.wrap(BenchPlot.draw(result, format)));
            file.commit();
        }
        return 0;
    }

    private BenchResult measure() throws IOException {
        Path file = shape.shape.isPresent() ? Path.of("") : LoadingOptions.find(terminal, name(), offline);
        return run(options(shape.source(file)));
    }

    private void report(BenchResult result) {
        if (json) {
            Json.print(terminal, BenchReport.json(result));
        } else {
            terminal.print(BenchReport.text(result));
        }
    }

    private String name() {
        return model.orElse(CatalogModel.DEFAULT.id());
    }

    private BenchOptions options(BenchOptions.Source source) {
        return new BenchOptions(
                source,
                contexts,
                rows.isEmpty() ? BenchOptions.ROWS : rows,
                rounds.orElseGet(() -> BenchOptions.rounds(backend.orElseGet(BenchCommand::bestBackend))),
                threads.orElse(LoadOptions.automatic().threads()),
                cacheType.orElse(CacheFormat.F16),
                backend,
                isa);
    }

    private static Backend bestBackend() {
        return KernelsProvider.best().kernels().backend();
    }

    private BenchResult run(BenchOptions options) throws IOException {
        try (ProgressBar bar = ProgressBar.ofParts(terminal);
                var _ = terminal.interruption().interruptingThisThread()) {
            return Bench.run(options, bar::update);
        } catch (InterruptedException _) {
            throw new CancellationException();
        }
    }
}
