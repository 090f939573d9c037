package bita.model;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.file.GgufFile;
import bita.model.file.GgufWriter;
import bita.model.file.ModelFormatException;
import bita.model.file.ModelTensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a family does not have is not computed with, and so refused. */
class FamilyWeightsTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "blk.0.post_attention_norm.weight",
                "blk.0.post_ffw_norm.weight",
                "blk.0.attn_norm_2.weight",
                "blk.0.attn_norm.bias",
                "blk.0.attn_q_norm.weight",
                "blk.7.attn_norm.weight",
                "something.weight",
                "a name\nof two lines"
            })
    void aTensorThatTheFamilyDoesNotHaveIsRefused(String name) throws IOException {
        Path path = folder.resolve("more.gguf");
        try (GgufFile file = GgufFile.open(TinyModel.write(folder, NumberFormat.F32, 1));
                GgufWriter writer = GgufWriter.create(path, file.metadata(), false);
                Arena arena = Arena.ofConfined()) {
            for (ModelTensor tensor : file.tensors()) {
                writer.declare(tensor.name(), tensor.shape(), tensor.format());
            }
            writer.declare(name, new long[] {TinyModel.HIDDEN}, NumberFormat.F32);
            for (ModelTensor tensor : file.tensors()) {
                writer.write(tensor.data());
            }
            MemorySegment more = arena.allocate((long) TinyModel.HIDDEN * Float.BYTES);
            writer.write(more);
            writer.finish();
        }
        try (ThreadTeam team = new ThreadTeam(1);
                GgufFile file = GgufFile.open(path)) {
            assertThatThrownBy(
                            () -> Transformer.load(file, KernelsProvider.best().kernels(), team))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("tensor \"" + name.replace('\n', '\uFFFD')
                            + "\" is unknown in models of the architecture llama");
        }
    }
}
