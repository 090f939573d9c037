package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.NumberFormat;
import bita.model.GoldenAdapter;
import bita.model.Linear;
import bita.model.LowRank;
import bita.model.ModelConfig;
import bita.model.TinyModel;
import bita.model.Transformer;
import bita.model.file.GgufFile;
import bita.model.file.ModelFormatException;
import bita.model.file.SafetensorsFile;
import bita.model.file.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdapterTest {
    private static final String HASH = "0123456789abcdef".repeat(4);
    private static final AdapterShape SHAPE = new AdapterShape("llama", 2, 3, 4, 10, 5, 2);

    @TempDir
    Path folder;

    /** A file of another program's writer, with everything that an adapter has. */
    @Test
    void writesAnAdapterOfOthersAsItWas() throws IOException {
        Path golden = GoldenAdapter.copy(folder);
        Path copy = folder.resolve("copy.safetensors");

        Adapter.read(golden).write(copy, NumberFormat.F16, false);

        assertThat(copy).hasSameBinaryContentAs(golden);
    }

    @Test
    void readsWhatItWrites() throws IOException {
        float[] keys = numbers(120, 0.1f);
        float[] values = numbers(120, -0.2f);
        float[] masks = numbers(20, 1f);
        Path first = folder.resolve("first.safetensors");
        Path second = folder.resolve("second.safetensors");

        adapter(Optional.of(HASH), Calibration.none(), keys, values, masks).write(first, NumberFormat.F32, false);
        Adapter read = Adapter.read(first);
        read.write(second, NumberFormat.F32, false);

        assertThat(read.shape()).isEqualTo(SHAPE);
        assertThat(read.modelSha256()).contains(HASH);
        assertThat(read.parameters()).isEqualTo(260);
        try (SafetensorsFile file = SafetensorsFile.open(first)) {
            assertThat(file.floats("prompt.key")).containsExactly(keys);
            assertThat(file.floats("prompt.value")).containsExactly(values);
            assertThat(file.floats("mask.embedding")).containsExactly(masks);
            assertThat(file.require("prompt.key").shape()).containsExactly(2, 5, 3, 4);
            assertThat(file.metadata())
                    .isEqualTo(Map.ofEntries(
                            Map.entry("format", "bita-adapter-1"),
                            Map.entry("architecture", "llama"),
                            Map.entry("layers", "2"),
                            Map.entry("heads", "3"),
                            Map.entry("head_dim", "4"),
                            Map.entry("hidden", "10"),
                            Map.entry("prompts", "5"),
                            Map.entry("masks", "2"),
                            Map.entry("model_sha256", HASH),
                            Map.entry("calibration", "{}"),
                            Map.entry("parts", "")));
        }
        assertThat(second).hasSameBinaryContentAs(first);
        assertThatThrownBy(() -> read.write(second, NumberFormat.F32, false))
                .isInstanceOf(FileAlreadyExistsException.class);
        read.write(second, NumberFormat.F16, true);
        assertThat(Files.size(second)).isLessThan(Files.size(first));
    }

    @Test
    void keepsTheCalibration() throws IOException {
        Calibration.Counter counter = new Calibration.Counter(2);
        counter.count(MaskCandidates.of(new int[][] {{7, 8}, {9}}, new float[][] {{0.5f, 0.2f}, {0.1f}}), new int[] {
            8, 1
        });
        Path file = folder.resolve("calibrated.safetensors");
        adapter(Optional.empty(), counter.result(), numbers(120, 1), numbers(120, 1), numbers(20, 1))
                .write(file, NumberFormat.F32, false);
        Path copy = folder.resolve("copy.safetensors");

        Adapter read = Adapter.read(file);
        read.write(copy, NumberFormat.F32, false);

        assertThat(read.calibration().right(0, 1)).isEqualTo(1);
        assertThat(read.calibration().candidates(1, 0)).isEqualTo(1);
        assertThat(copy).hasSameBinaryContentAs(file);
    }

    @Test
    void keepsBigrams() throws IOException {
        Bigrams bigrams = Bigrams.of(new int[] {3, 5, 2, 3, -1, 4, 8, 1, 1});
        Adapter adapter = adapter(
                        Optional.empty(), Calibration.none(), numbers(120, 1), numbers(120, 1), numbers(20, 1))
                .withBigrams(bigrams);
        Path file = folder.resolve("bigrams.safetensors");
        adapter.write(file, NumberFormat.F16, false);
        Path copy = folder.resolve("copy.safetensors");

        Adapter read = Adapter.read(file);
        read.write(copy, NumberFormat.F16, false);

        assertThat(read.bigrams().rows()).isEqualTo(bigrams.rows());
        assertThat(copy).hasSameBinaryContentAs(file);
        try (SafetensorsFile stored = SafetensorsFile.open(file)) {
            assertThat(stored.metadata()).containsEntry("parts", "bigrams");
            assertThat(stored.require("bigrams").shape()).containsExactly(3, 3);
        }
    }

    @Test
    void refusesBigramsOfAnotherKind() throws IOException {
        assertRefused(bigrams().tensor("bigrams", new long[] {3, 1}, new int[] {1, 2, 3}), "bigrams has another shape");
        assertRefused(
                bigrams().tensor("bigrams", new long[] {1, 3}, new int[] {1, 2, 0}),
                "bigrams cannot be used: behind token 1");
        assertRefused(
                bigrams().tensor("bigrams", NumberFormat.F32, new long[] {1, 3}, new float[3]),
                "where I32 is expected");
        assertRefused(bigrams(), "there is no tensor \"bigrams\"");
        assertRefused(adapter("").tensor("bigrams", new long[] {1, 3}, new int[] {1, 2, 3}), "the part bigrams");
    }

    private static SafetensorsWriter bigrams() {
        return adapter("").metadata("parts", "bigrams");
    }

    private void assertRefused(SafetensorsWriter adapter, String message) throws IOException {
        Path file = write(adapter);
        assertThatThrownBy(() -> Adapter.read(file))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining(message);
    }

    @Test
    void keepsLowRankMatrices() throws IOException {
        Adapter adapter = Adapter.of(
                "test",
                SHAPE,
                Optional.empty(),
                Calibration.none(),
                numbers(120, 1),
                numbers(120, 1),
                numbers(20, 1),
                Optional.of(lowRank(3)));
        Path file = folder.resolve("low-rank.safetensors");
        adapter.write(file, NumberFormat.F32, false);
        Path copy = folder.resolve("copy.safetensors");

        Adapter read = Adapter.read(file);
        read.write(copy, NumberFormat.F32, false);

        assertThat(read.parameters()).isEqualTo(260 + lowRank(3).count());
        assertThat(copy).hasSameBinaryContentAs(file);
        try (SafetensorsFile stored = SafetensorsFile.open(file)) {
            assertThat(stored.metadata()).containsEntry("parts", "low-rank");
            assertThat(stored.require("low_rank.a.gated").shape()).containsExactly(2, 3, 6);
            assertThat(stored.floats("low_rank.b.key"))
                    .containsExactly(lowRank(3).b(Linear.KEY));
            assertThat(stored.require("low_rank.b.key").shape()).containsExactly(2, 4, 3);
        }
    }

    @Test
    void refusesLowRankMatricesThatDoNotBelongTogether() throws IOException {
        assertThatThrownBy(() -> Adapter.read(write(adapter("").metadata("parts", "low-rank"))))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("low_rank.a.attention");
        assertThatThrownBy(() -> Adapter.read(write(lowRank(adapter(""), "", "low_rank.b.up", 1, 2, 1))))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("low_rank.");
        assertThatThrownBy(() -> Adapter.read(write(lowRank(adapter(""), "low-rank", "low_rank.b.up", 1, 2, 3))))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("low_rank.b.up has another shape");
        assertThatThrownBy(() -> Adapter.read(write(lowRank(adapter(""), "low-rank", "low_rank.b.up", 2))))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("low_rank.b.up has another shape");
        assertThatThrownBy(() -> Adapter.read(write(lowRank(adapter(""), "low-rank", "low_rank.b.query", 1, 3, 1))))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("low_rank.b.query has another shape");
        assertThatThrownBy(() -> Adapter.read(write(lowRank(adapter(""), "low-rank", "low_rank.c", 1, 2, 1))))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("low_rank.c");
        assertThat(Adapter.read(write(lowRank(adapter(""), "low-rank", "low_rank.b.up", 1, 2, 1)))
                        .parameters())
                .isEqualTo(6 + 4 * 2 + 7 * 2);
        assertThatThrownBy(() -> lowRank(0)).hasMessageContaining("from 1 to 512, not 0");
    }

    @Test
    void refusesACalibrationOfAnotherKind() throws IOException {
        for (String json : List.of("", "[]", "{\"chat\": [0.5]}", "{\"by_rank\": []", "{\"by_rank\": 1e99}")) {
            Path file = write(adapter("").metadata("calibration", json));
            assertThatThrownBy(() -> Adapter.read(file))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("calibration cannot be used");
        }
    }

    @Test
    void modelMayBeUnknownButNotWrong() throws IOException {
        Adapter unknown =
                adapter(Optional.empty(), Calibration.none(), numbers(120, 1), numbers(120, 1), numbers(20, 1));
        Path file = folder.resolve("unknown.safetensors");
        unknown.write(file, NumberFormat.F16, false);

        assertThat(Adapter.read(file).modelSha256()).isEmpty();
        assertThat(Adapter.read(write(adapter(""))).modelSha256()).isEmpty();
        assertThatThrownBy(() -> Adapter.read(write(adapter("unknown"))))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("model_sha256 is \"unknown\"");
        assertThatThrownBy(() -> adapter(
                        Optional.of("ABC"), Calibration.none(), numbers(120, 1), numbers(120, 1), numbers(20, 1)))
                .hasMessageContaining("not ABC");
    }

    @Test
    void refusesWhatIsNoAdapter() throws IOException {
        Path parts = write(adapter("").metadata("parts", "recurrent-drafter"));
        assertThatThrownBy(() -> Adapter.read(parts))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("the part \"recurrent-drafter\"");
        float[] floats = numbers(120, 1);
        assertThatThrownBy(() -> adapter(Optional.empty(), Calibration.none(), floats, numbers(119, 1), floats))
                .hasMessageContaining("120 numbers in prompt keys and values each and 20");
        assertThatThrownBy(() -> new AdapterShape("llama", 2, 3, 4, 10, 5, 0)).hasMessageContaining("mask tokens");
        assertThatThrownBy(() -> new AdapterShape("llama", 2, 0, 4, 10, 5, 1)).hasMessageContaining("one head");
        assertThatThrownBy(() -> new AdapterShape("", 2, 3, 4, 10, 5, 1)).hasMessageContaining("architecture");
        assertThatThrownBy(() -> new AdapterShape("llama", 1 << 20, 1 << 10, 1 << 10, 10, 5, 1))
                .hasMessageContaining("too many numbers");
    }

    @Test
    void refusesFormatsThatCannotHoldIt() {
        float[] large = numbers(120, 1e6f);
        Adapter adapter = adapter(Optional.empty(), Calibration.none(), large, large, numbers(20, 1));
        Path file = folder.resolve("x.safetensors");

        assertThatThrownBy(() -> adapter.write(file, NumberFormat.Q8_0, false)).hasMessageContaining("F16 or F32");
        assertThatThrownBy(() -> adapter.write(file, NumberFormat.F16, false))
                .hasMessageContaining("beyond the range of F16: store the adapter in F32");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void doesNotFitAModelWithFewerTokensThanItsBigrams() throws IOException {
        try (GgufFile file = GgufFile.open(TinyModel.write(folder, NumberFormat.F32, 2))) {
            ModelConfig config = Transformer.config(file);
            Adapter fitting = SomeBigrams.adapter(config).orElseThrow();
            Adapter larger = fitting.withBigrams(Bigrams.of(new int[] {0, config.vocabulary(), 1}));

            assertThat(fitting.misfit(config)).isEmpty();
            assertThat(larger.misfit(config))
                    .hasValueSatisfying(reason -> assertThat(reason)
                            .contains("it knows token " + config.vocabulary(), "tune one for this model"));
        }
    }

    private static Adapter adapter(
            Optional<String> hash, Calibration calibration, float[] keys, float[] values, float[] masks) {
        return Adapter.of("test", SHAPE, hash, calibration, keys, values, masks, Optional.empty());
    }

    private static SafetensorsWriter adapter(String hash) {
        return new SafetensorsWriter()
                .metadata("format", "bita-adapter-1")
                .metadata("architecture", "llama")
                .metadata("model_sha256", hash)
                .tensor("prompt.key", NumberFormat.F32, new long[] {1, 1, 1, 2}, numbers(2, 1))
                .tensor("prompt.value", NumberFormat.F32, new long[] {1, 1, 1, 2}, numbers(2, 1))
                .tensor("mask.embedding", NumberFormat.F32, new long[] {1, 2}, numbers(2, 1));
    }

    /** Matrices of rank 1, of which one has another shape. */
    private static SafetensorsWriter lowRank(SafetensorsWriter writer, String parts, String other, long... shape) {
        writer.metadata("parts", parts);
        int numbers = 1;
        for (long length : shape) {
            numbers *= (int) length;
        }
        writer.tensor(other, NumberFormat.F32, shape, numbers(numbers, 1));
        for (Linear.Input input : Linear.Input.values()) {
            writer.tensor(
                    "low_rank.a." + input.name().toLowerCase(Locale.ROOT),
                    NumberFormat.F32,
                    new long[] {1, 1, 2},
                    numbers(2, 1));
        }
        for (Linear linear : Linear.values()) {
            String name = "low_rank.b." + linear.name().toLowerCase(Locale.ROOT);
            if (!name.equals(other)) {
                writer.tensor(name, NumberFormat.F32, new long[] {1, 2, 1}, numbers(2, 1));
            }
        }
        return writer;
    }

    /** For a model with one head of keys and a feed-forward width of 6. */
    private static LowRank lowRank(int rank) {
        Map<Linear.Input, float[]> a = new EnumMap<>(Linear.Input.class);
        for (Linear.Input input : Linear.Input.values()) {
            int columns = switch (input) {
                case ATTENTION, FEED_FORWARD -> 10;
                case ATTENDED -> 12;
                case GATED -> 6;
            };
            a.put(input, numbers(2 * rank * columns, 0.5f));
        }
        Map<Linear, float[]> b = new EnumMap<>(Linear.class);
        for (Linear linear : Linear.values()) {
            int rows = switch (linear) {
                case QUERY -> 12;
                case KEY, VALUE -> 4;
                case PROJECTED, DOWN -> 10;
                case GATE, UP -> 6;
            };
            b.put(linear, numbers(2 * rank * rows, -0.25f));
        }
        return new LowRank(rank, a, b);
    }

    private Path write(SafetensorsWriter writer) throws IOException {
        Path file = folder.resolve("adapter.safetensors");
        writer.write(file, true);
        return file;
    }

    private static float[] numbers(int count, float step) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (i + 1) * step;
        }
        return numbers;
    }
}
