package bita.model.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.NumberFormat;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class QuantizerTest {
    // More than the quantizer converts before it writes, so that pieces have to fit together.
    private static final int ROWS = 1100;
    private static final int COLUMNS = 2048;

    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_NONE, names = ".*_K|IQ4.*")
    void convertsMatricesAndKeepsTheRest(NumberFormat format) throws IOException {
        float[] matrix = random(ROWS * COLUMNS);
        Path target = folder.resolve("target.gguf");
        List<Long> progress = new ArrayList<>();
        long total;
        try (GgufFile source = GgufFile.open(model(matrix))) {
            Quantizer.quantize(source, source.metadata(), format, target, false, (done, all) -> {
                progress.add(done);
                assertThat(done).isLessThanOrEqualTo(all);
            });
        }
        try (GgufFile file = GgufFile.open(target)) {
            total = file.tensors().stream()
                    .mapToLong(tensor -> tensor.data().byteSize())
                    .sum();
            assertThat(file.require("token_embd.weight").format()).isEqualTo(format);
            assertThat(file.require("token_embd.weight").shape()).containsExactly(ROWS, COLUMNS);
            MemorySegment expected = MemorySegment.ofArray(new byte[(int) format.bytes(matrix.length)]);
            format.encode(matrix, 0, matrix.length, expected, 0);
            assertThat(expected.mismatch(file.require("token_embd.weight").data()))
                    .isEqualTo(-1);

            assertThat(file.require("norm.weight").format()).isEqualTo(NumberFormat.F32);
            assertThat(file.require("norm.weight").data().get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4))
                    .isEqualTo(-0.25f);
            assertThat(file.require("narrow.weight").format())
                    .isEqualTo(format.quantized() ? NumberFormat.F32 : format);
            assertThat(file.require("cube.weight").format()).isEqualTo(NumberFormat.F32);
            assertThat(file.metadata().requireString("general.architecture")).isEqualTo("test");
            assertThat(file.metadata().integer("general.quantization_version").isPresent())
                    .isEqualTo(format.quantized());
            assertThat(file.metadata().requireInteger("general.file_type"))
                    .isEqualTo(List.of(0, 1, 32, 7, 2, 3, 8, 9)
                            .get(List.of(NumberFormat.values()).indexOf(format))
                            .longValue());
        }
        assertThat(progress).isSorted().last().isEqualTo(total);
    }

    @Test
    void convertsBackFromAQuantizedFormat() throws IOException {
        float[] matrix = random(ROWS * COLUMNS);
        Path q8 = folder.resolve("q8.gguf");
        Path f32 = folder.resolve("f32.gguf");
        try (GgufFile source = GgufFile.open(model(matrix))) {
            Quantizer.quantize(source, source.metadata(), NumberFormat.Q8_0, q8, false, (done, all) -> {});
        }
        try (GgufFile source = GgufFile.open(q8)) {
            Quantizer.quantize(source, source.metadata(), NumberFormat.F32, f32, false, (done, all) -> {});
            float[] expected = new float[matrix.length];
            NumberFormat.Q8_0.decode(source.require("token_embd.weight").data(), 0, expected, 0, expected.length);
            try (GgufFile file = GgufFile.open(f32)) {
                assertThat(MemorySegment.ofArray(expected)
                                .mismatch(file.require("token_embd.weight").data()))
                        .isEqualTo(-1);
            }
        }
    }

    @Test
    void replacesItsOwnSourceOnlyWhenTold() throws IOException {
        Path path = model(random(ROWS * COLUMNS));
        try (GgufFile source = GgufFile.open(path)) {
            assertThatThrownBy(() -> Quantizer.quantize(
                            source, source.metadata(), NumberFormat.Q4_0, path, false, (done, all) -> {}))
                    .hasMessageContaining("exists already");
            Quantizer.quantize(source, source.metadata(), NumberFormat.Q4_0, path, true, (done, all) -> {});
            assertThat(source.require("token_embd.weight").format()).isEqualTo(NumberFormat.F32);
        }
        try (GgufFile file = GgufFile.open(path)) {
            assertThat(file.require("token_embd.weight").format()).isEqualTo(NumberFormat.Q4_0);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"})
    void numbersThatCannotBeRepresentedAreRefused(NumberFormat format) throws IOException {
        float[] matrix = random(ROWS * COLUMNS);
        matrix[matrix.length - 5] = 1e9f;
        Path target = folder.resolve("target.gguf");
        try (GgufFile source = GgufFile.open(model(matrix))) {
            assertThatThrownBy(() ->
                            Quantizer.quantize(source, source.metadata(), format, target, false, (done, all) -> {}))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("model.gguf: tensor \"token_embd.weight\" holds numbers that " + format);
        }
        assertThat(names()).containsExactly("model.gguf");
    }

    @Test
    void matrixThatCannotBeDecodedIsRefused() throws IOException {
        Path path = RawGguf.header(3, 1, 0)
                .tensor("token_embd.weight", 34, 0, 256, 2)
                .padTo(32)
                .zeros(128)
                .writeTo(folder);
        try (GgufFile source = GgufFile.open(path)) {
            assertThatThrownBy(() -> Quantizer.quantize(
                            source,
                            source.metadata(),
                            NumberFormat.F16,
                            folder.resolve("x.gguf"),
                            false,
                            (done, all) -> {}))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("stored as TQ1_0");
        }
        assertThat(names()).containsExactly("raw.gguf");
    }

    @Test
    void formatThatIsReadOnlyIsRefused() throws IOException {
        try (GgufFile source = GgufFile.open(model(random(ROWS * COLUMNS)))) {
            assertThatThrownBy(() -> Quantizer.quantize(
                            source,
                            source.metadata(),
                            NumberFormat.Q4_K,
                            folder.resolve("x.gguf"),
                            false,
                            (done, all) -> {}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("Q4_K can be read but not written");
        }
        assertThat(names()).containsExactly("model.gguf");
    }

    @Test
    void listenerThatThrowsEndsTheWorkAndLeavesNothing() throws IOException {
        try (GgufFile source = GgufFile.open(model(random(ROWS * COLUMNS)))) {
            assertThatThrownBy(() -> Quantizer.quantize(
                            source,
                            source.metadata(),
                            NumberFormat.F16,
                            folder.resolve("x.gguf"),
                            false,
                            (done, all) -> {
                                throw new IllegalStateException("cancelled");
                            }))
                    .hasMessage("cancelled");
        }
        assertThat(names()).containsExactly("model.gguf");
    }

    private Path model(float[] matrix) throws IOException {
        Path path = folder.resolve("model.gguf");
        GgufMetadata metadata =
                GgufMetadata.builder().string("general.architecture", "test").build();
        try (GgufWriter writer = GgufWriter.create(path, metadata, false)) {
            writer.declare("token_embd.weight", new long[] {ROWS, COLUMNS}, NumberFormat.F32);
            writer.declare("norm.weight", new long[] {3}, NumberFormat.F16);
            writer.declare("narrow.weight", new long[] {2, 3}, NumberFormat.F32);
            writer.declare("cube.weight", new long[] {1, 1, 32}, NumberFormat.F32);
            writer.write(MemorySegment.ofArray(matrix));
            MemorySegment norm = MemorySegment.ofArray(new byte[6]);
            NumberFormat.F16.encode(new float[] {1, -0.25f, 0}, 0, 3, norm, 0);
            writer.write(norm);
            writer.write(MemorySegment.ofArray(new float[6]));
            writer.write(MemorySegment.ofArray(new float[32]));
            writer.finish();
        }
        return path;
    }

    private static float[] random(int count) {
        Random random = new Random(7);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> String.valueOf(file.getFileName())).toList();
        }
    }
}
