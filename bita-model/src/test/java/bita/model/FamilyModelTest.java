package bita.model;

import static org.assertj.core.api.Assertions.assertThat;

import bita.model.file.GgufFile;
import bita.model.file.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The reference models are whole, and their files are read. */
class FamilyModelTest {
    @TempDir
    Path folder;

    static List<FamilyModel> models() throws IOException {
        return FamilyModel.all();
    }

    @Test
    void coversFamiliesAndFormats() throws IOException {
        assertThat(models()).filteredOn(model -> !model.safetensors().isEmpty()).hasSize(23);
        assertThat(models()).filteredOn(model -> model.safetensors().isEmpty()).hasSize(14);
    }

    @ParameterizedTest
    @MethodSource("models")
    void isWholeAndRead(FamilyModel model) throws IOException {
        for (FamilyModel.Case c : model.cases()) {
            assertThat(c.kinds()).isNotEmpty();
            assertThat(c.logits().getFirst().position()).isZero();
            assertThat(c.logits().getLast().position()).isEqualTo(c.prompt().length - 1);
            float[] last = c.logits().getLast().values();
            int best = 0;
            for (int i = 0; i < last.length; i++) {
                best = last[i] > last[best] ? i : best;
            }
            assertThat(c.continuation()).hasSize(64).startsWith(best);
            assertThat(Arrays.stream(c.prompt())).allMatch(token -> token < last.length);
            assertThat(c.margins()).hasSize(64);
            for (float margin : c.margins()) {
                assertThat(margin).isGreaterThan(0.02f);
            }
        }
        assertThat(model.cases(FamilyModel.Kind.SAFETENSORS).isEmpty())
                .isEqualTo(model.safetensors().isEmpty());
        assertThat(model.cases(FamilyModel.Kind.GGUF).isEmpty())
                .isEqualTo(model.gguf().isEmpty());
        if (!model.safetensors().isEmpty()) {
            Path copy = model.copySafetensors(folder);
            assertThat(copy.resolve("config.json")).isRegularFile();
            for (String name : model.safetensors()) {
                if (name.endsWith(".safetensors")) {
                    try (SafetensorsFile file = SafetensorsFile.open(copy.resolve(name))) {
                        assertThat(file.tensors()).isNotEmpty();
                    }
                }
            }
        }
        if (!model.gguf().isEmpty()) {
            try (GgufFile file = GgufFile.open(model.copyGguf(folder))) {
                assertThat(file.tensors()).isNotEmpty();
            }
        }
    }
}
