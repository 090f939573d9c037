package bita.cli;

import bita.decode.Adapter;
import bita.decode.Calibration;
import bita.kernels.CacheFormat;
import bita.model.MemoryNeed;
import bita.model.ModelFiles;
import bita.model.file.GgufMetadata;
import bita.model.file.ModelFile;
import bita.model.file.ModelFormatException;
import bita.model.file.ModelTensor;
import bita.model.file.SafetensorsFile;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SequencedMap;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * What is in a file of tensors.
 *
 * @param bytes                   size of the file
 * @param metadata                by key in the file's order: strings, numbers, truth values, lists, {@link LongArray}s
 * @param formats                 totals by number format, in the order of their first tensor
 * @param parameters              elements of all tensors
 * @param tensorBytes             bytes of all tensors
 * @param cacheBytesPerThousandTokens bytes of keys and values in f16, for models whose metadata tell
 * @param memory                  what running it takes, for models that can be loaded
 * @param calibration             of an adapter's masks, if it is stored
 * @param bigrams                 of an adapter: pairs of tokens that were counted, if there are any
 */
record FileReport(
        String path,
        long bytes,
        SequencedMap<String, Object> metadata,
        List<Total> formats,
        long parameters,
        long tensorBytes,
        @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Long> cacheBytesPerThousandTokens,
        @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<MemoryNeed> memory,
        @JsonInclude(JsonInclude.Include.NON_EMPTY) List<MaskFigures> calibration,
        @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Integer> bigrams,
        List<Tensor> tensors) {
    private static final int LONGEST_LIST = 8;
    private static final int FIVE = 5;
    private static final int KEY_AND_VALUE = 2;
    private static final int F16_BYTES = 2;

    /** @param shape outermost dimension first */
    record Tensor(String name, String format, List<Long> shape, long parameters, long bytes) {
        private static Tensor of(String name, String format, long[] shape, long bytes) {
            return new Tensor(
                    name,
                    format,
                    LongStream.of(shape).boxed().toList(),
                    LongStream.of(shape).reduce(1, (a, b) -> a * b),
                    bytes);
        }
    }

    /** All tensors of one number format. */
    record Total(String format, int tensors, long parameters, long bytes) {
        private Total plus(Total other) {
            return new Total(format, tensors + other.tensors, parameters + other.parameters, bytes + other.bytes);
        }
    }

    /**
     * How often a mask was right on answers that it was not trained on.
     *
     * @param mask from 1
     * @param seen proposals
     * @param top1 share whose likeliest candidate was right
     * @param top5 share with the right token among the five likeliest
     */
    record MaskFigures(int mask, long seen, double top1, double top5) {
        private static MaskFigures of(Calibration calibration, int mask) {
            long seen = calibration.candidates(mask, 0);
            long first = calibration.right(mask, 0);
            long five = IntStream.range(0, FIVE)
                    .mapToLong(rank -> calibration.right(mask, rank))
                    .sum();
            double all = Math.max(1, seen);
            return new MaskFigures(mask + 1, seen, first / all, five / all);
        }
    }

    /** An array that is too long to be shown. */
    record LongArray(int length, List<?> first) {}

    /**
     * Reads the header of a GGUF file.
     *
     * @param context of the session whose memory is reported; empty for what the model was trained for
     * @throws IllegalArgumentException if it is larger than that
     */
    static FileReport ofModel(Path path, OptionalInt context, CacheFormat cacheFormat) throws IOException {
        try (ModelFile file = ModelFiles.open(path)) {
            List<Tensor> tensors = new ArrayList<>();
            for (ModelTensor tensor : file.tensors()) {
                tensors.add(Tensor.of(
                        tensor.name(),
                        tensor.typeName(),
                        tensor.shape(),
                        tensor.data().byteSize()));
            }
            SequencedMap<String, Object> metadata = new LinkedHashMap<>();
            for (String key : file.metadata().keys()) {
                metadata.put(key, value(file.metadata(), key));
            }
            return of(
                    path,
                    metadata,
                    tensors,
                    cacheBytes(file.metadata()),
                    memory(file, context, cacheFormat),
                    List.of(),
                    Optional.empty());
        }
    }

    /** Reads the header of a safetensors file. */
    static FileReport ofAdapter(Path path) throws IOException {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            List<Tensor> tensors = file.tensors().stream()
                    .map(t -> Tensor.of(t.name(), t.dtype(), t.shape(), t.data().byteSize()))
                    .toList();
            Optional<Adapter> adapter = adapter(path);
            return of(
                    path,
                    new LinkedHashMap<>(file.metadata()),
                    tensors,
                    Optional.empty(),
                    Optional.empty(),
                    adapter.map(FileReport::calibration).orElse(List.of()),
                    adapter.map(found -> found.bigrams().pairs()).filter(pairs -> pairs > 0));
        }
    }

    /** Empty for files that are no adapters, which can be inspected too. */
    private static Optional<Adapter> adapter(Path path) throws IOException {
        try {
            return Optional.of(Adapter.read(path));
        } catch (ModelFormatException e) {
            return Optional.empty();
        }
    }

    private static List<MaskFigures> calibration(Adapter adapter) {
        return IntStream.range(0, adapter.calibration().masks())
                .mapToObj(mask -> MaskFigures.of(adapter.calibration(), mask))
                .toList();
    }

    private static FileReport of(
            Path path,
            SequencedMap<String, Object> metadata,
            List<Tensor> tensors,
            Optional<Long> cacheBytes,
            Optional<MemoryNeed> memory,
            List<MaskFigures> calibration,
            Optional<Integer> bigrams)
            throws IOException {
        Map<String, Total> totals = new LinkedHashMap<>();
        for (Tensor t : tensors) {
            totals.merge(t.format(), new Total(t.format(), 1, t.parameters(), t.bytes()), Total::plus);
        }
        return new FileReport(
                path.toString(),
                ModelFiles.bytes(path),
                metadata,
                List.copyOf(totals.values()),
                tensors.stream().mapToLong(Tensor::parameters).sum(),
                tensors.stream().mapToLong(Tensor::bytes).sum(),
                cacheBytes,
                memory,
                calibration,
                bigrams,
                tensors);
    }

    @FunctionalInterface
    private interface Getter {
        Optional<?> get(GgufMetadata metadata, String key) throws ModelFormatException;
    }

    /** The ways to read a value; each refuses values of other types. */
    private static final List<Getter> GETTERS = List.of(
            GgufMetadata::string,
            (metadata, key) -> boxed(metadata.integer(key)),
            (metadata, key) ->
                    metadata.number(key).stream().mapToObj(FileReport::shortest).findFirst(),
            GgufMetadata::bool,
            (metadata, key) -> metadata.strings(key).map(FileReport::list),
            (metadata, key) -> metadata.integers(key)
                    .map(a -> list(Arrays.stream(a).boxed().toList())),
            (metadata, key) -> metadata.floats(key).map(FileReport::list));

    private static Object value(GgufMetadata metadata, String key) {
        for (Getter getter : GETTERS) {
            try {
                Optional<?> value = getter.get(metadata, key);
                if (value.isPresent()) {
                    return value.get();
                }
            } catch (ModelFormatException e) {
                // It has another type.
            }
        }
        return "(a value of a type that is not shown)";
    }

    private static Object list(float[] values) {
        List<Float> list = new ArrayList<>(values.length);
        for (float value : values) {
            list.add(value);
        }
        return list(list);
    }

    private static Object list(List<?> values) {
        return values.size() <= LONGEST_LIST
                ? values
                : new LongArray(values.size(), List.copyOf(values.subList(0, LONGEST_LIST / 2)));
    }

    /** A number that a float holds is shown with the digits of a float. */
    private static Number shortest(double value) {
        float narrow = (float) value;
        return narrow == value ? (Number) narrow : (Number) value;
    }

    private static Optional<Long> boxed(OptionalLong value) {
        return value.stream().boxed().findFirst();
    }

    /** Empty for models of other kinds, which can be inspected too. */
    private static Optional<MemoryNeed> memory(ModelFile file, OptionalInt context, CacheFormat cacheFormat) {
        try {
            return Optional.of(MemoryNeed.of(file, context, cacheFormat));
        } catch (ModelFormatException e) {
            return Optional.empty();
        }
    }

    /** Keys and values of 1000 tokens in f16; empty if the metadata lack the shape of the attention. */
    private static Optional<Long> cacheBytes(GgufMetadata metadata) {
        try {
            String prefix = metadata.requireString("general.architecture");
            long layers = metadata.requireInteger(prefix + ".block_count");
            long heads = metadata.requireInteger(prefix + ".attention.head_count");
            long keyHeads =
                    metadata.integer(prefix + ".attention.head_count_kv").orElse(heads);
            OptionalLong keyLength = metadata.integer(prefix + ".attention.key_length");
            long headDim = keyLength.isPresent()
                    ? keyLength.getAsLong()
                    : metadata.requireInteger(prefix + ".embedding_length") / Math.max(1, heads);
            return Optional.of(1000 * KEY_AND_VALUE * F16_BYTES * layers * keyHeads * headDim);
        } catch (ModelFormatException e) {
            return Optional.empty();
        }
    }
}
