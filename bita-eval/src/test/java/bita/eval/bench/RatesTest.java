package bita.eval.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import bita.kernels.CacheFormat;
import bita.model.ModelConfig;
import org.junit.jupiter.api.Test;

class RatesTest {
    private static final ModelConfig CONFIG = ModelConfig.llama(10, 256, 512, 4, 2, 64, 1000, 4096, 10_000, 1e-5f);
    private static final long WEIGHT_BYTES = 1_000_000;

    private static void assertIdeal(Rates rates, int context, int rows, double products, double attention) {
        ContextFigures.Ideal ideal = rates.ideal(WEIGHT_BYTES, CONFIG, CacheFormat.F16, context, rows);

        assertThat(ideal.productsMs()).isCloseTo(products, within(1e-9));
        assertThat(ideal.stepMs()).isCloseTo(products + attention, within(1e-9));
    }

    @Test
    void fewRowsTakeAsLongAsReading() {
        // A byte per nanosecond. A slot: 10 layers, 2 heads of 64, key and value, 2 bytes each.
        Rates rates = new Rates(1e9, 0.25e-3, 1e15);

        assertIdeal(rates, 99, 1, 1, 100 * 5120 / 1e6);
        assertIdeal(rates, 96, 4, 1, 100 * 5120 / 1e6);
    }

    @Test
    void manyRowsTakeAsLongAsMultiplying() {
        Rates rates = new Rates(1e9, 0.25e-3, 1e9);

        // Rows see 101, 102, ... 108 tokens: 836, each with a score and a value in 10 layers, 4 heads of 64.
        assertIdeal(rates, 100, 8, 2, 836 * 5120 / 1e6);
    }
}
