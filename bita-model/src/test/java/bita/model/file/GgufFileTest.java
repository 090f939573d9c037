package bita.model.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import bita.kernels.NumberFormat;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufFileTest {
    @TempDir
    Path folder;

    @Test
    void readsMetadataOfEveryType() throws IOException {
        try (GgufFile file = GgufFile.open(Resources.copy("tiny.gguf", folder))) {
            GgufMetadata metadata = file.metadata();
            assertThat(metadata.keys()).startsWith("general.architecture", "type.uint8", "type.int8");
            assertThat(metadata.requireString("general.architecture")).isEqualTo("llama");
            assertThat(metadata.requireInteger("type.uint8")).isEqualTo(255);
            assertThat(metadata.requireInteger("type.int8")).isEqualTo(-1);
            assertThat(metadata.requireInteger("type.uint16")).isEqualTo(65535);
            assertThat(metadata.requireInteger("type.int16")).isEqualTo(-2);
            assertThat(metadata.requireInteger("type.uint32")).isEqualTo(4294967295L);
            assertThat(metadata.requireInteger("type.int32")).isEqualTo(-3);
            assertThat(metadata.requireInteger("type.int64")).isEqualTo(Long.MIN_VALUE);
            assertThat(metadata.requireNumber("type.float32")).isEqualTo(1e-5f);
            assertThat(metadata.requireNumber("type.float64")).isEqualTo(0.1);
            assertThat(metadata.requireNumber("type.int16")).isEqualTo(-2);
            assertThat(metadata.requireBool("type.bool")).isTrue();
            assertThat(metadata.requireString("type.string")).isEqualTo("naïve 語 \uD83D\uDE00");
            assertThat(metadata.requireStrings("array.string")).containsExactly("", "a", "Ġthe");
            assertThat(metadata.requireIntegers("array.int32")).containsExactly(1, -2, 3);
            assertThat(metadata.requireFloats("array.float32")).containsExactly(0.5f, -1.5f);
            assertThat(metadata.requireInteger("general.alignment")).isEqualTo(64);
        }
    }

    /** Larger than what fits a buffer, by a hole at its end. */
    @Test
    void opensFilesOfAnySize() throws IOException {
        Path path = Resources.copy("tiny.gguf", folder);
        for (long bytes : new long[] {Integer.MAX_VALUE - 1L, Integer.MAX_VALUE, 5L << 32}) {
            try (RandomAccessFile sparse = new RandomAccessFile(path.toFile(), "rw")) {
                sparse.setLength(bytes);
            }
            try (GgufFile file = GgufFile.open(path)) {
                assertThat(file.mappings().getFirst().byteSize()).isEqualTo(bytes);
                assertThat(file.metadata().requireString("general.architecture"))
                        .isEqualTo("llama");
            }
        }
    }

    @Test
    void missingKeysAreEmptyOrNamed() throws IOException {
        try (GgufFile file = GgufFile.open(Resources.copy("tiny.gguf", folder))) {
            GgufMetadata metadata = file.metadata();
            assertThat(metadata.string("no")).isEmpty();
            assertThat(metadata.integer("no")).isEmpty();
            assertThat(metadata.number("no")).isEmpty();
            assertThat(metadata.bool("no")).isEmpty();
            assertThat(metadata.strings("no")).isEmpty();
            assertThat(metadata.integers("no")).isEmpty();
            assertThat(metadata.floats("no")).isEmpty();
            assertThatThrownBy(() -> metadata.requireString("no.such"))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("tiny.gguf: the metadata key \"no.such\" is missing");
        }
    }

    @Test
    void valuesOfAnotherTypeAreNamed() throws IOException {
        try (GgufFile file = GgufFile.open(Resources.copy("tiny.gguf", folder))) {
            GgufMetadata metadata = file.metadata();
            refuses(() -> metadata.string("type.int8"), "\"type.int8\" (INT8) is not a string");
            refuses(() -> metadata.integer("type.float32"), "\"type.float32\" (FLOAT32) is not an integer");
            refuses(() -> metadata.integer("type.uint64"), "not an integer below 2^63");
            refuses(() -> metadata.number("type.bool"), "not a number");
            refuses(() -> metadata.bool("type.uint8"), "not a truth value");
            refuses(() -> metadata.strings("array.int32"), "(array of 3 INT32) is not an array of strings");
            refuses(() -> metadata.integers("type.int32"), "not an array of integers");
            refuses(() -> metadata.floats("array.int32"), "not an array of FLOAT32");
        }
    }

    @Test
    void readsTensors() throws IOException {
        try (GgufFile file = GgufFile.open(Resources.copy("tiny.gguf", folder))) {
            assertThat(file.tensors())
                    .extracting(ModelTensor::toString)
                    .containsExactly(
                            "matrix.f32 F32 [3, 64]",
                            "vector.f16 F16 [64]",
                            "matrix.bf16 BF16 [3, 64]",
                            "matrix.q8_0 Q8_0 [3, 64]",
                            "matrix.q4_0 Q4_0 [3, 64]",
                            "matrix.q4_1 Q4_1 [3, 64]",
                            "matrix.q5_0 Q5_0 [3, 64]",
                            "cube.f32 F32 [1, 3, 4, 16]");
            // How far a stored value may be from the one that was encoded: half a step of the coarsest block.
            check(file, "matrix.f32", 0);
            check(file, "cube.f32", 0);
            check(file, "vector.f16", 0.01f);
            check(file, "matrix.bf16", 0.04f);
            check(file, "matrix.q8_0", 0.08f);
            check(file, "matrix.q4_0", 1.9f);
            check(file, "matrix.q4_1", 0.2f);
            check(file, "matrix.q5_0", 1);
        }
    }

    private static void check(GgufFile file, String name, float tolerance) throws IOException {
        ModelTensor tensor = file.require(name);
        NumberFormat format = tensor.format();
        assertThat(tensor.data().byteSize()).isEqualTo(format.bytes(tensor.elements()));
        float[] values = new float[(int) tensor.elements()];
        format.decode(tensor.data(), 0, values, 0, values.length);
        for (int i = 0; i < values.length; i++) {
            assertThat(values[i]).isCloseTo((i - 90) / 7f, within(tolerance));
        }
    }

    @Test
    void readsArraysOfIntegersOfEveryWidth() throws IOException {
        Path path = RawGguf.header(3, 0, 4)
                .string("uint8")
                .int32(9)
                .int32(0)
                .int64(2)
                .raw(7, 255)
                .string("uint32")
                .int32(9)
                .int32(4)
                .int64(1)
                .int32(Integer.MAX_VALUE)
                .string("uint32 too large")
                .int32(9)
                .int32(4)
                .int64(1)
                .int32(-1)
                .string("uint64 too large")
                .int32(9)
                .int32(10)
                .int64(1)
                .int64(-1)
                .writeTo(folder);
        try (GgufFile file = GgufFile.open(path)) {
            assertThat(file.metadata().requireIntegers("uint8")).containsExactly(7, 255);
            assertThat(file.metadata().requireIntegers("uint32")).containsExactly(Integer.MAX_VALUE);
            refuses(() -> file.metadata().integers("uint32 too large"), "not an array of integers of 32 bits");
            refuses(() -> file.metadata().integers("uint64 too large"), "not an array of integers of 32 bits");
        }
    }

    @Test
    void unsupportedTensorTypeIsListedAndNamed() throws IOException {
        try (GgufFile file = GgufFile.open(tensor(34, 0, 256, 2).writeTo(folder))) {
            ModelTensor tensor = file.require("a");
            assertThat(tensor.typeName()).isEqualTo("TQ1_0");
            assertThat(tensor.elements()).isEqualTo(512);
            assertThat(tensor.data().byteSize()).isEqualTo(108);
            refuses(tensor::format, "tensor \"a\" is stored as TQ1_0, which is not supported");
            refuses(() -> file.require("absent"), "there is no tensor \"absent\"");
            assertThat(file.find("absent")).isEmpty();
        }
    }

    @Test
    void tensorShapeCannotBeChanged() throws IOException {
        try (GgufFile file = GgufFile.open(Resources.copy("tiny.gguf", folder))) {
            ModelTensor tensor = file.require("matrix.f32");
            tensor.shape()[0] = 7;
            assertThat(tensor.shape()).containsExactly(3, 64);
            assertThat(tensor.data().isReadOnly()).isTrue();
        }
    }

    @Test
    void readsVersion2() throws IOException {
        Path path = RawGguf.header(2, 1, 0)
                .tensor("a", 0, 0, 2)
                .padTo(32)
                .int32(Float.floatToIntBits(1.5f))
                .int32(0)
                .writeTo(folder);
        try (GgufFile file = GgufFile.open(path)) {
            float[] values = new float[2];
            file.require("a").format().decode(file.require("a").data(), 0, values, 0, 2);
            assertThat(values).containsExactly(1.5f, 0);
        }
    }

    @Test
    void readsFileWithoutTensors() throws IOException {
        try (GgufFile file =
                GgufFile.open(RawGguf.header(3, 0, 1).uint32Entry("only", 1).writeTo(folder))) {
            assertThat(file.tensors()).isEmpty();
            assertThat(file.metadata().requireInteger("only")).isEqualTo(1);
        }
    }

    @Test
    void closedFileCannotBeRead() throws IOException {
        GgufFile file = GgufFile.open(Resources.copy("tiny.gguf", folder));
        ModelTensor tensor = file.require("matrix.f32");
        file.close();
        file.close();
        float[] row = new float[64];
        assertThatThrownBy(() -> NumberFormat.F32.decode(tensor.data(), 0, row, 0, 64))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> file.metadata().requireStrings("array.string"))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void pathsThatAreNoGgufFiles() throws IOException {
        assertThatThrownBy(() -> GgufFile.open(folder.resolve("absent.gguf")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("absent.gguf: there is no such file");
        refuses(() -> GgufFile.open(folder), "this is a folder, not a GGUF file");
        Path empty = Files.createFile(folder.resolve("empty.gguf"));
        refuses(() -> GgufFile.open(empty), "the file is empty");
        Path text = Files.writeString(folder.resolve("text.gguf"), "Once upon a time");
        refuses(() -> GgufFile.open(text), "this is no GGUF file");
        Path three = Files.writeString(folder.resolve("three.gguf"), "GGU");
        refuses(() -> GgufFile.open(three), "this is no GGUF file");
    }

    @Test
    void headersThatAreRefused() throws IOException {
        refuses(RawGguf.header(0x03000000, 0, 0), "big-endian");
        refuses(RawGguf.header(1, 0, 0), "GGUF version 1");
        refuses(RawGguf.header(4, 0, 0), "GGUF version 4");
        refuses(RawGguf.header(3, 0, 1L << 60).zeros(100), "claims 1152921504606846976 metadata entries");
        refuses(RawGguf.header(3, -1, 0).zeros(100), "claims 18446744073709551615 tensors");
        refuses(entry(r -> r.int64(1L << 60).zeros(30)), "a metadata key needs 1152921504606846976 bytes");
        refuses(entry(r -> r.int64(-1).zeros(30)), "a metadata key needs 18446744073709551615 bytes");
        refuses(entry(r -> r.string("").int32(4).int32(0).zeros(9)), "a metadata key is empty");
        refuses(entry(r -> r.int64(1).raw(0xff).int32(4).int32(0).zeros(9)), "not valid UTF-8");
        refuses(entry(r -> r.string("k").int32(13).zeros(30)), "\"k\" has the unknown type 13");
        refuses(entry(r -> r.string("k").int32(-1).zeros(30)), "unknown type 4294967295");
        refuses(
                entry(r -> r.string("k").int32(9).int32(8).int64(1L << 60).zeros(30)),
                "claims 1152921504606846976 ele");
        refuses(entry(r -> r.string("k").int32(9).int32(8).int64(3).zeros(16)), "more than the rest");
        refuses(entry(r -> r.string("k").int32(9).int32(77).int64(0).zeros(16)), "unknown type 77");
        refuses(entry(r -> r.string("k").int32(8).int64(Long.MAX_VALUE).zeros(16)), "needs 9223372036854775807 bytes");
        RawGguf twice = RawGguf.header(3, 0, 2).uint32Entry("same", 1).uint32Entry("same", 2);
        refuses(twice, "\"same\" occurs twice");
        refuses(RawGguf.header(3, 0, 1).uint32Entry("general.alignment", 48), "alignment 48 is not a power of two");
        refuses(RawGguf.header(3, 0, 1).uint32Entry("general.alignment", 0), "alignment 0 is not a power of two");
        refuses(entry(r -> r.string("general.alignment").int32(8).string("32")), "is not an integer");
    }

    @Test
    void deeplyNestedArraysAreRefused() throws IOException {
        refuses(
                entry(r -> {
                    r.string("k").int32(9);
                    for (int depth = 0; depth < 100_000; depth++) {
                        r.int32(9).int64(1);
                    }
                    return r;
                }),
                "nests arrays");
    }

    @Test
    void tensorsThatAreRefused() throws IOException {
        refuses(tensor(0, 0), "0 dimensions");
        refuses(tensor(0, 0, 1, 1, 1, 1, 1), "5 dimensions");
        refuses(tensor(0, 0, 4, 0), "a dimension of size 0");
        refuses(tensor(0, 0, -1), "a dimension of size 18446744073709551615");
        refuses(tensor(0, 0, 1L << 32, 1L << 32), "more than 2^63 bytes");
        refuses(tensor(0, 0, 1L << 61, 2), "more than 2^63 bytes");
        refuses(tensor(4, 0, 32), "unknown type 4");
        refuses(tensor(99, 0, 32), "unknown type 99");
        refuses(tensor(8, 0, 48), "rows of 48 elements");
        refuses(tensor(0, 16, 4), "not a multiple of the alignment 32");
        refuses(tensor(0, -32, 4), "not a multiple of the alignment 32");
        refuses(tensor(0, 64, 17), "beyond the end of the file by 4 bytes");
        refuses(tensor(0, Long.MAX_VALUE - 31, 4), "beyond the end of the file");
        refuses(
                RawGguf.header(3, 2, 0)
                        .tensor("a", 0, 0, 16)
                        .tensor("b", 0, 32, 16)
                        .padTo(32)
                        .zeros(128),
                "\"b\" overlaps");
        refuses(
                RawGguf.header(3, 2, 0)
                        .tensor("a", 0, 0, 8)
                        .tensor("a", 0, 32, 8)
                        .padTo(32)
                        .zeros(128),
                "two tensors with the name \"a\"");
    }

    @Test
    void hostileNamesAreShortenedInMessages() throws IOException {
        Path path =
                entry(r -> r.string("x\n".repeat(500_000)).int32(99).zeros(20)).writeTo(folder);
        assertThatThrownBy(() -> GgufFile.open(path))
                .isInstanceOf(ModelFormatException.class)
                .message()
                .hasSizeLessThan(500)
                .doesNotContain("\n");
    }

    @Test
    void damagedFilesAreRefusedOrReadButNeverCrash() throws Exception {
        byte[] tiny = Resources.bytes("tiny.gguf");
        int headerBytes;
        try (GgufFile file = GgufFile.open(Resources.copy("tiny.gguf", folder))) {
            headerBytes = tiny.length
                    - (int) file.tensors().stream()
                            .mapToLong(t -> (t.data().byteSize() + 63) / 64 * 64)
                            .sum();
        }
        Mutations mutations = new Mutations(tiny, headerBytes, GgufFileTest::readAll)
                .truncate()
                .replaceBytes()
                .random(20_000);
        assertThat(mutations.refused()).isGreaterThan(tiny.length + 2000);
        assertThat(mutations.accepted()).isGreaterThan(1000);
    }

    private static void readAll(MappedFile bytes) throws IOException {
        GgufParser.Header header = GgufParser.parse(bytes);
        for (String key : header.metadata().keys()) {
            for (Function<GgufMetadata, Attempt> reading : READINGS) {
                reading.apply(header.metadata()).readIgnoringRefusal(key);
            }
        }
        for (ModelTensor tensor : header.tensors().values()) {
            assertThat(tensor.data().byteSize()).isPositive();
            tensor.data().get(ValueLayout.JAVA_BYTE, tensor.data().byteSize() - 1);
        }
    }

    private static final List<Function<GgufMetadata, Attempt>> READINGS = List.of(
            m -> m::string,
            m -> m::integer,
            m -> m::number,
            m -> m::bool,
            m -> m::strings,
            m -> m::integers,
            m -> m::floats);

    /** Reads a value, which may be of another type. */
    interface Attempt {
        Object read(String key) throws IOException;

        default void readIgnoringRefusal(String key) throws IOException {
            try {
                assertThat(read(key)).isNotNull();
            } catch (ModelFormatException e) {
                assertThat(e).hasMessageContaining("metadata value");
            }
        }
    }

    private static RawGguf entry(Function<RawGguf, RawGguf> entry) {
        return entry.apply(RawGguf.header(3, 0, 1));
    }

    /** A file with one tensor and 128 bytes of data. */
    private static RawGguf tensor(int type, long offset, long... dimensions) {
        return RawGguf.header(3, 1, 0)
                .tensor("a", type, offset, dimensions)
                .padTo(32)
                .zeros(128);
    }

    private void refuses(RawGguf raw, String problem) throws IOException {
        Path path = raw.writeTo(folder);
        refuses(() -> GgufFile.open(path), problem);
    }

    private static void refuses(ThrowingCallable action, String problem) {
        assertThatThrownBy(action).isInstanceOf(ModelFormatException.class).hasMessageContaining(problem);
    }
}
