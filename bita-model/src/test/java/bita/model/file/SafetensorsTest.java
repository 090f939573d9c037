package bita.model.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.NumberFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {
    @TempDir
    Path folder;

    @Test
    void readsAFileOfTheReferenceImplementation() throws IOException {
        float[] expected = new float[12];
        for (int i = 0; i < 12; i++) {
            expected[i] = (i - 5) / 8f;
        }
        try (SafetensorsFile file = SafetensorsFile.open(Resources.copy("tiny.safetensors", folder))) {
            assertThat(file.metadata()).containsEntry("format", "pt").containsEntry("note", "quote \" and 語");
            assertThat(file.tensors())
                    .extracting(SafetensorsTensor::toString)
                    .containsExactlyInAnyOrder(
                            "matrix.f32 F32 [3, 4]",
                            "matrix.f16 F16 [3, 4]",
                            "matrix.bf16 BF16 [3, 4]",
                            "vector.i64 I64 [3]",
                            "scalar.f32 F32 []",
                            "empty.f32 F32 [0, 4]");
            assertThat(file.floats("matrix.f32")).containsExactly(expected);
            assertThat(file.floats("matrix.f16")).containsExactly(expected);
            assertThat(file.floats("matrix.bf16")).containsExactly(expected);
            assertThat(file.floats("scalar.f32")).containsExactly(2.5f);
            assertThat(file.floats("empty.f32")).isEmpty();
            assertThat(file.require("vector.i64").data().byteSize()).isEqualTo(24);
            refuses(() -> file.floats("vector.i64"), "has the type \"I64\", which is not supported");
            refuses(() -> file.floats("absent"), "there is no tensor \"absent\"");
        }
    }

    @Test
    void writesWhatItReads() throws IOException {
        Path path = folder.resolve("own.safetensors");
        float[] values = {1, -2, 0.5f, 65504, 0.1f, -0f};
        SafetensorsWriter writer = new SafetensorsWriter()
                .metadata("format", "bita")
                .metadata("calibration", "{\"a\": [1, 2]}")
                .tensor("half", NumberFormat.F16, new long[] {2, 3}, values)
                .tensor("full", NumberFormat.F32, new long[] {6}, values)
                .tensor("brain", NumberFormat.BF16, new long[] {3, 1, 2}, values)
                .tensor("whole", new long[] {2, 2}, new int[] {1, -1, Integer.MAX_VALUE, Integer.MIN_VALUE});
        writer.write(path, false);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.metadata().entrySet())
                    .extracting(entry -> entry.getKey() + "=" + entry.getValue())
                    .containsExactly("format=bita", "calibration={\"a\": [1, 2]}");
            assertThat(file.tensors())
                    .extracting(SafetensorsTensor::toString)
                    .containsExactly("full F32 [6]", "whole I32 [2, 2]", "half F16 [2, 3]", "brain BF16 [3, 1, 2]");
            assertThat(file.floats("full")).containsExactly(values);
            assertThat(file.integers("whole")).containsExactly(1, -1, Integer.MAX_VALUE, Integer.MIN_VALUE);
            refuses(() -> file.integers("full"), "has the type \"F32\" where I32 is expected");
            refuses(() -> file.floats("whole"), "has the type \"I32\", which is not supported");
            assertThat(file.floats("half")).containsExactly(1, -2, 0.5f, 65504, 0.099975586f, -0f);
            assertThat(file.floats("brain")).containsExactly(1, -2, 0.5f, 65536, 0.100097656f, -0f);
        }
        byte[] first = Files.readAllBytes(path);
        assertThatThrownBy(() -> writer.write(path, false)).isInstanceOf(FileAlreadyExistsException.class);
        writer.write(path, true);
        assertThat(path).hasBinaryContent(first);
    }

    @Test
    void writerRefusesWrongUse() {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("k", "v");
        long[] shape = {2};
        float[] values = {1, 70_000};
        assertThatThrownBy(() -> writer.metadata("k", "w")).hasMessageContaining("two metadata values of k");
        assertThatThrownBy(() -> writer.tensor("t", NumberFormat.F16, shape, values))
                .hasMessageContaining("70000.0 is beyond the range of F16");
        assertThatThrownBy(() -> writer.tensor("t", NumberFormat.F32, new long[] {3}, values))
                .hasMessageContaining("has 2 values where its shape needs 3");
        assertThatThrownBy(() -> writer.tensor("t", new long[] {3}, new int[2]))
                .hasMessageContaining("has 2 values where its shape needs 3");
        assertThatThrownBy(() -> writer.tensor("t", NumberFormat.F32, new long[] {-2}, values))
                .hasMessageContaining("dimension of size -2");
        assertThatThrownBy(() -> writer.tensor("t", NumberFormat.Q8_0, new long[] {32}, new float[32]))
                .hasMessageContaining("cannot hold Q8_0");
        assertThatThrownBy(() -> writer.tensor("__metadata__", NumberFormat.F32, shape, values))
                .hasMessageContaining("cannot have the name");
        writer.tensor("t", NumberFormat.F32, shape, values);
        assertThatThrownBy(() -> writer.tensor("t", NumberFormat.F32, shape, values))
                .hasMessageContaining("two tensors with the name t");
    }

    @Test
    void unknownDtypesAreKeptByName() throws IOException {
        Path path = write("{'a':{'dtype':'F4','shape':[4],'data_offsets':[0,2],'later':{'x':[1]}}}", 2);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.require("a").dtype()).isEqualTo("F4");
            assertThat(file.require("a").data().byteSize()).isEqualTo(2);
        }
    }

    @Test
    void headersThatAreRefused() throws IOException {
        refuses("[]", 0, "does not start with {");
        refuses("{'a'}", 0, "not the JSON that safetensors files start with");
        refuses("{'a':", 0, "not the JSON that safetensors files start with");
        refuses("{} {}", 0, "more behind the end");
        refuses("{'a':1}", 0, "\"a\" is not what it should be");
        refuses("{'__metadata__':{'k':1}}", 0, "the metadata value of \"k\"");
        refuses("{'__metadata__':{'k':'1','k':'2'}}", 0, "Duplicate");
        refuses("{'a':{}}", 0, "\"a\" needs a dtype, a shape, and two data_offsets");
        refuses(tensor("'F32'", "[1]", "[0]"), 4, "needs a dtype, a shape, and two data_offsets");
        refuses(tensor("4", "[1]", "[0,4]"), 4, "the dtype of tensor \"a\"");
        refuses(tensor("'F32'", "1", "[0,4]"), 4, "the shape of tensor \"a\"");
        refuses(tensor("'F32'", "[1.0]", "[0,4]"), 4, "the shape of tensor \"a\"");
        refuses(tensor("'F32'", "[-1]", "[0,4]"), 4, "a negative number");
        refuses(tensor("'F32'", "[99999999999999999999]", "[0,4]"), 4, "out of range");
        refuses(tensor("'F32'", "[4294967296,4294967296]", "[0,4]"), 4, "more than 2^63 bytes");
        refuses(tensor("'F32'", "[" + "1,".repeat(64) + "1]", "[0,4]"), 4, "more than 64 numbers");
        refuses(tensor("'F32'", "[1]", "[4,0]"), 4, "ends before it begins");
        refuses(tensor("'F32'", "[2]", "[0,4]"), 4, "has 4 bytes where dtype and shape need 8");
        refuses(tensor("'F32'", "[1]", "[0,4]"), 8, "the tensors have 4 bytes of data, and the file has 8");
        refuses(tensor("'F32'", "[2]", "[0,8]"), 4, "the tensors have 8 bytes of data, and the file has 4");
        refuses(tensor("'F32'", "[1]", "[4,8]"), 8, "starts at 4 where 0 is expected");
        String one = "{'dtype':'F32','shape':[1],'data_offsets':[0,4]}";
        refuses("{'a':" + one + ",'b':" + one + "}", 4, "starts at 0 where 4 is expected");
        refuses("{'a':" + one + ",'a':" + one + "}", 4, "Duplicate");
        refuses("{'a':{'x':" + "[".repeat(100_000), 0, "not the JSON");
    }

    @Test
    void filesThatAreNoSafetensors() throws IOException {
        refuses(() -> SafetensorsFile.open(folder), "this is a folder, not a safetensors file");
        Path file = folder.resolve("x.safetensors");
        Files.write(file, new byte[7]);
        refuses(() -> SafetensorsFile.open(file), "ends before the length of its header");
        Files.writeString(file, "Once upon a time");
        refuses(() -> SafetensorsFile.open(file), "this is no safetensors file");
        Files.write(file, length(100_000_000));
        refuses(() -> SafetensorsFile.open(file), "the header has 100000000 bytes where 0 are left");
        Files.write(file, length(1L << 60));
        refuses(() -> SafetensorsFile.open(file), "its header would have 1152921504606846976 bytes");
    }

    @Test
    void damagedFilesAreRefusedOrReadButNeverCrash() throws Exception {
        byte[] tiny = Resources.bytes("tiny.safetensors");
        int headerBytes =
                8 + (int) ByteBuffer.wrap(tiny).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
        Mutations mutations = new Mutations(tiny, headerBytes, SafetensorsParser::parse)
                .truncate()
                .replaceBytes()
                .random(5000);
        assertThat(mutations.refused()).isGreaterThan(tiny.length + 1000);
        assertThat(mutations.accepted()).isGreaterThan(100);
    }

    private static String tensor(String dtype, String shape, String offsets) {
        return "{'a':{'dtype':" + dtype + ",'shape':" + shape + ",'data_offsets':" + offsets + "}}";
    }

    private Path write(String json, int dataBytes) throws IOException {
        byte[] header = json.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        return Files.write(
                folder.resolve("x.safetensors"),
                bytes.putLong(header.length).put(header).array());
    }

    private static byte[] length(long length) {
        return ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .array();
    }

    private void refuses(String json, int dataBytes, String problem) throws IOException {
        Path path = write(json, dataBytes);
        refuses(() -> SafetensorsFile.open(path), problem);
    }

    private static void refuses(ThrowingCallable action, String problem) {
        assertThatThrownBy(action).isInstanceOf(ModelFormatException.class).hasMessageContaining(problem);
    }
}
