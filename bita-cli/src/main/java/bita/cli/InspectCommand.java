package bita.cli;

import bita.api.store.ModelStore;
import bita.api.store.StoredAdapter;
import bita.cli.Terminal.Style;
import bita.kernels.CacheFormat;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows what is in a model or an adapter. */
@Command(
        name = "inspect",
        description = "Shows what is in a model (GGUF, safetensors folder) or an adapter, without loading it.",
        footer = {
            "",
            "Examples:",
            "  bita inspect smollm2-135m",
            "  bita inspect --tensors model.gguf",
            "  bita inspect --context 2048 model.gguf        the memory that such a session takes",
            "  bita inspect --json adapter.safetensors"
        })
final class InspectCommand implements Callable<Integer> {
    private static final int LONGEST_TEXT = 100;
    private static final byte[] GGUF = "GGUF".getBytes(StandardCharsets.US_ASCII);

    private final Terminal terminal;

    @Parameters(
            paramLabel = "FILE|NAME",
            description = "A file, or the name of a model or adapter that \"bita list\" shows.")
    String name = "";

    @Option(names = "--tensors", description = "List every tensor.")
    boolean tensors;

    @Option(
            names = "--context",
            paramLabel = "N",
            description = "Tokens that the memory is reported for. Default: what the model was trained for.")
    Optional<Integer> context = Optional.empty();

    @Option(
            names = "--cache-type",
            paramLabel = "f16|f32",
            description = "Number format of keys and values that the memory is reported for. Default: f16.")
    CacheFormat cacheType = CacheFormat.F16;

    @Option(names = "--json", description = "Print one JSON object, tensors included, and nothing else.")
    boolean json;

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    InspectCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        Path file = find();
        FileReport report = Files.isDirectory(file) || isGguf(file)
                ? FileReport.ofModel(file, context.map(OptionalInt::of).orElseGet(OptionalInt::empty), cacheType)
                : FileReport.ofAdapter(file);
        if (json) {
            Json.print(terminal, report);
        } else {
            terminal.print(text(report));
        }
        return 0;
    }

    private Path find() throws IOException {
        Path path = Path.of(name);
        if (Files.exists(path)) {
            return path;
        }
        ModelStore store = terminal.store();
        Optional<Path> stored = store.stored(name);
        if (stored.isEmpty()) {
            stored = adapter(store);
        }
        return stored.orElseThrow(() -> new FileNotFoundException("there is no file '" + name
                + "', and no model or adapter of this name on this machine; \"bita list\" shows those"));
    }

    private Optional<Path> adapter(ModelStore store) throws IOException {
        return store.adapters().stream()
                .filter(a -> a.name().equals(name))
                .map(StoredAdapter::path)
                .findFirst();
    }

    private static boolean isGguf(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return Arrays.equals(in.readNBytes(GGUF.length), GGUF)
                    || file.toString().endsWith(".gguf");
        }
    }

    private String text(FileReport report) {
        StringBuilder text = new StringBuilder();
        text.append(heading(report.path()))
                .append("  ")
                .append(Format.bytes(report.bytes()))
                .append("\n\n");
        text.append(heading("Metadata")).append('\n');
        Table metadata = new Table("ll");
        for (Map.Entry<String, Object> entry : report.metadata().entrySet()) {
            metadata.row("  " + printable(entry.getKey()), shortened(entry.getValue()));
        }
        text.append(metadata);
        if (tensors) {
            text.append('\n').append(heading("Tensors")).append('\n');
            Table table = new Table("llrr");
            for (FileReport.Tensor tensor : report.tensors()) {
                table.row(
                        "  " + printable(tensor.name()),
                        tensor.format(),
                        shape(tensor.shape()),
                        Format.bytes(tensor.bytes()));
            }
            text.append(table);
        }
        text.append('\n').append(heading("Number formats")).append('\n');
        Table formats = new Table("lrrr");
        for (FileReport.Total total : report.formats()) {
            formats.row(
                    "  " + total.format(),
                    total.tensors() + (total.tensors() == 1 ? " tensor" : " tensors"),
                    Format.count(total.parameters()) + " parameters",
                    Format.bytes(total.bytes()));
        }
        formats.row(
                "  all",
                report.tensors().size() + " tensors",
                Format.count(report.parameters()) + " parameters",
                Format.bytes(report.tensorBytes()));
        text.append(formats);
        Table memory = new Table("lr");
        report.memory()
                .ifPresent(need -> memory.row("  weights, packed", Format.bytes(need.weightBytes()))
                        .row(
                                "  KV cache for " + Format.count(need.context()) + " tokens in "
                                        + need.cacheFormat().name().toLowerCase(Locale.ROOT),
                                Format.bytes(need.cacheBytes()))
                        .row("  everything else, at most", Format.bytes(need.workingBytes()))
                        .row("  all", Format.bytes(need.totalBytes())));
        report.cacheBytesPerThousandTokens()
                .ifPresent(cache -> memory.row("  cache for 1,000 tokens in f16", Format.bytes(cache)));
        if (!memory.isEmpty()) {
            text.append('\n').append(heading("Memory")).append('\n').append(memory);
        }
        if (!report.calibration().isEmpty()) {
            text.append('\n')
                    .append(heading("Masks, on answers not trained on"))
                    .append('\n');
            Table masks = new Table("lrrr").row("  mask", "right first", "among five", "of proposals");
            for (FileReport.MaskFigures mask : report.calibration()) {
                masks.row("  " + mask.mask(), percent(mask.top1()), percent(mask.top5()), Format.count(mask.seen()));
            }
            text.append(masks);
        }
        report.bigrams()
                .ifPresent(pairs -> text.append('\n')
                        .append(heading("Bigrams of the model's answers"))
                        .append("\n  ")
                        .append(Format.count(pairs))
                        .append(" pairs\n"));
        return text.toString();
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }

    private String heading(String text) {
        return terminal.styled(Style.BOLD, text);
    }

    private static String shape(List<Long> shape) {
        return shape.stream().map(String::valueOf).collect(Collectors.joining(" × "));
    }

    private static String shortened(Object value) {
        String text = switch (value) {
            case FileReport.LongArray array ->
                array.first().stream().map(InspectCommand::element).collect(Collectors.joining(", ", "[", ", …] "))
                        + Format.count(array.length()) + " elements";
            case List<?> list -> list.stream().map(InspectCommand::element).collect(Collectors.joining(", ", "[", "]"));
            default -> printable(String.valueOf(value));
        };
        int length = text.codePointCount(0, text.length());
        return length <= LONGEST_TEXT || value instanceof FileReport.LongArray
                ? text
                : text.substring(0, text.offsetByCodePoints(0, LONGEST_TEXT)) + "… " + Format.count(length)
                        + " characters";
    }

    private static String element(Object value) {
        return value instanceof String text ? '"' + printable(text) + '"' : String.valueOf(value);
    }

    /** What a file says must not steer the terminal. */
    private static String printable(String text) {
        StringBuilder printable = new StringBuilder();
        text.codePoints().forEach(c -> {
            if (c == '\n') {
                printable.append("\\n");
            } else if (Character.isISOControl(c)) {
                printable.append(String.format("\\u%04x", c));
            } else {
                printable.appendCodePoint(c);
            }
        });
        return printable.toString();
    }
}
