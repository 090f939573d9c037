package bita.model.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.NumberFormat;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufWriterTest {
    @TempDir
    Path folder;

    @Test
    void copyOfAFileIsTheSameToTheLastByte() throws IOException {
        Path copy = folder.resolve("copy.gguf");
        try (GgufFile file = GgufFile.open(Resources.copy("tiny.gguf", folder));
                GgufWriter writer = GgufWriter.create(copy, file.metadata(), false)) {
            file.tensors().forEach(writer::declare);
            for (ModelTensor tensor : file.tensors()) {
                // In two pieces, the second of which ends the tensor.
                long half = tensor.data().byteSize() / 2;
                writer.write(tensor.data().asSlice(0, half));
                writer.write(tensor.data().asSlice(half));
            }
            writer.finish();
        }
        assertThat(copy).hasBinaryContent(Resources.bytes("tiny.gguf"));
        assertThat(names()).containsExactlyInAnyOrder("copy.gguf", "tiny.gguf");
    }

    @Test
    void writesMetadataOfItsOwn() throws IOException {
        Path path = folder.resolve("own.gguf");
        GgufMetadata metadata = GgufMetadata.builder()
                .string("a.string", "語")
                .uint32("a.uint32", -1)
                .float32("a.float32", 0.1f)
                .bool("a.bool", true)
                .strings("an.array.of.strings", List.of("x", "", "語"))
                .integers("an.array.of.integers", 1, -1)
                .floats("an.array.of.floats", 0.5f)
                .string("a.string", "replaced")
                .build();
        float[] values = {1, 2, 3, 4, 5, 6};
        try (GgufWriter writer = GgufWriter.create(path, metadata, false)) {
            writer.declare("m", new long[] {2, 3}, NumberFormat.F32);
            writer.declare("v", new long[] {6}, NumberFormat.F32);
            writer.write(MemorySegment.ofArray(values));
            writer.write(MemorySegment.ofArray(values));
            writer.finish();
        }
        try (GgufFile file = GgufFile.open(path)) {
            GgufMetadata read = file.metadata();
            assertThat(read.keys()).containsExactlyElementsOf(metadata.keys());
            assertThat(read.keys()).startsWith("a.string", "a.uint32");
            assertThat(read.requireString("a.string")).isEqualTo("replaced");
            assertThat(read.requireInteger("a.uint32")).isEqualTo(4294967295L);
            assertThat(read.requireNumber("a.float32")).isEqualTo(0.1f);
            assertThat(read.requireBool("a.bool")).isTrue();
            assertThat(read.requireStrings("an.array.of.strings")).containsExactly("x", "", "語");
            assertThat(read.requireIntegers("an.array.of.integers")).containsExactly(1, -1);
            assertThat(read.requireFloats("an.array.of.floats")).containsExactly(0.5f);
            assertThat(file.require("m").shape()).containsExactly(2, 3);
            float[] decoded = new float[6];
            NumberFormat.F32.decode(file.require("v").data(), 0, decoded, 0, 6);
            assertThat(decoded).containsExactly(values);
        }
    }

    @Test
    void unfinishedFileLeavesNothing() throws IOException {
        Path path = folder.resolve("unfinished.gguf");
        try (GgufWriter writer = writerOfOneVector(path, false)) {
            writer.write(MemorySegment.ofArray(new float[3]));
            assertThat(names()).hasSize(1).doesNotContain("unfinished.gguf");
            assertThatThrownBy(writer::finish)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("data of 1 declared tensors is missing");
        }
        assertThat(names()).isEmpty();
    }

    @Test
    void interruptedWriterLeavesNothingAndTheOldFileUntouched() throws IOException {
        Path path = Files.writeString(folder.resolve("old.gguf"), "old");
        try (GgufWriter writer = writerOfOneVector(path, true)) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> writer.write(MemorySegment.ofArray(new float[4])))
                    .isInstanceOf(ClosedByInterruptException.class);
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(names()).containsExactly("old.gguf");
        assertThat(path).hasContent("old");
    }

    @Test
    void existingFilesAndBadTargetsAreRefused() throws IOException {
        Path path = Files.writeString(folder.resolve("old.gguf"), "old");
        assertThatThrownBy(() -> writerOfOneVector(path, false))
                .isInstanceOf(FileAlreadyExistsException.class)
                .hasMessageContaining("old.gguf: this file exists already");
        assertThatThrownBy(() -> writerOfOneVector(folder, true)).hasMessageContaining("this is a folder");
        assertThatThrownBy(() -> writerOfOneVector(folder.resolve("no/x.gguf"), true))
                .isInstanceOf(NoSuchFileException.class)
                .hasMessageContaining("its folder does not exist");
        assertThat(names()).containsExactly("old.gguf");
        try (GgufWriter writer = writerOfOneVector(path, true)) {
            writer.write(MemorySegment.ofArray(new float[4]));
            writer.finish();
        }
        try (GgufFile file = GgufFile.open(path)) {
            assertThat(file.tensors()).hasSize(1);
        }
    }

    @Test
    void fileThatAppearsMeanwhileIsNotOverwritten() throws IOException {
        Path path = folder.resolve("new.gguf");
        try (GgufWriter writer = writerOfOneVector(path, false)) {
            writer.write(MemorySegment.ofArray(new float[4]));
            Files.writeString(path, "other");
            assertThatThrownBy(writer::finish).isInstanceOf(FileAlreadyExistsException.class);
        }
        assertThat(path).hasContent("other");
        assertThat(names()).containsExactly("new.gguf");
    }

    @Test
    void wrongUseIsRefused() throws IOException {
        GgufMetadata odd =
                GgufMetadata.builder().uint32("general.alignment", 24).build();
        assertThatThrownBy(() -> GgufWriter.create(folder.resolve("x"), odd, false))
                .hasMessageContaining("alignment 24 is not a power of two");
        assertThatThrownBy(() -> GgufMetadata.builder().bool("", true)).isInstanceOf(IllegalArgumentException.class);
        try (GgufWriter writer = writerOfOneVector(folder.resolve("x"), false)) {
            assertThatThrownBy(() -> writer.declare("v", new long[] {1}, NumberFormat.F32))
                    .hasMessageContaining("two tensors with the name v");
            assertThatThrownBy(() -> writer.declare("q", new long[] {2, 33}, NumberFormat.Q8_0))
                    .hasMessageContaining("rows of 33 elements");
            assertThatThrownBy(() -> writer.declare("d", new long[] {2, 0}, NumberFormat.F32))
                    .hasMessageContaining("dimension of size 0");
            assertThatThrownBy(() -> writer.declare("n", new long[0], NumberFormat.F32))
                    .hasMessageContaining("1 to 4 dimensions");
            assertThatThrownBy(() -> writer.write(MemorySegment.ofArray(new float[5])))
                    .hasMessageContaining("lacks 16 bytes, not 20");
            writer.write(MemorySegment.ofArray(new float[4]));
            assertThatThrownBy(() -> writer.write(MemorySegment.ofArray(new float[1])))
                    .isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> writer.declare("late", new long[] {1}, NumberFormat.F32))
                    .isInstanceOf(IllegalStateException.class);
        }
    }

    private static GgufWriter writerOfOneVector(Path path, boolean overwrite) throws IOException {
        GgufWriter writer = GgufWriter.create(path, GgufMetadata.builder().build(), overwrite);
        writer.declare("v", new long[] {4}, NumberFormat.F32);
        return writer;
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> String.valueOf(file.getFileName())).toList();
        }
    }
}
