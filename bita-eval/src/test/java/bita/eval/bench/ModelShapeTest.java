package bita.eval.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import bita.kernels.NumberFormat;
import bita.model.ModelConfig;
import bita.model.Transformer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelShapeTest {
    /** Parameters as the models' own pages give them, which count a tied head once. */
    @ParameterizedTest
    @CsvSource({
        "smollm2-135m, true, 134.5e6",
        "smollm2-360m, true, 361.8e6",
        "llama-1b, true, 1.236e9",
        "smollm2-1.7b, true, 1.711e9",
        "llama-3b, true, 3.213e9",
        "llama-7b, false, 6.738e9",
        "llama-8b, false, 8.030e9",
        "llama-13b, false, 13.016e9",
        "llama-70b, false, 68.977e9"
    })
    void hasTheParametersOfItsModel(String name, boolean tied, double parameters) {
        ModelConfig config = ModelShape.find(name).orElseThrow().config();

        // Embedding and head are two matrices in memory, also where they are equal.
        long numbers = Transformer.bytes(config, NumberFormat.F32) / Float.BYTES;
        long embedding = (long) config.vocabulary() * config.hidden();
        assertThat((double) (tied ? numbers - embedding : numbers)).isCloseTo(parameters, withinPercentage(0.1));
    }

    @Test
    void namesAreKnownAndSizesAscend() {
        assertThat(ModelShape.ALL).hasSize(9);
        assertThat(ModelShape.ALL.stream()
                        .map(shape -> Transformer.bytes(shape.config(), NumberFormat.Q4_0))
                        .toList())
                .isSorted();
        assertThat(ModelShape.find("llama")).isEmpty();
    }
}
