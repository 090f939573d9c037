package bita.eval.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import bita.api.InsufficientMemoryException;
import bita.kernels.CacheFormat;
import bita.kernels.NumberFormat;
import bita.model.Transformer;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MemoryNeedTest {
    private static final long GIB = 1L << 30;

    private static MemoryNeed need(String shape, NumberFormat format, int context) {
        ModelShape found = ModelShape.find(shape).orElseThrow();
        BenchOptions options = new BenchOptions(
                new BenchOptions.Source.Random(found, format),
                List.of(context),
                BenchOptions.ROWS,
                1,
                2,
                CacheFormat.F16,
                Optional.empty(),
                Optional.empty());
        return MemoryNeed.of(Transformer.bytes(found.config(), format), found.config(), options, context, 256);
    }

    @Test
    void countsWeightsCacheAndScratch() {
        MemoryNeed need = need("llama-7b", NumberFormat.F16, 4096);

        assertThat(need.weights()).isBetween(13_400_000_000L, 13_600_000_000L);
        assertThat(need.cache()).isEqualTo(2L * 32 * 4096 * 2 * (4096 + 256));
        assertThat(need.scratch()).isBetween(50_000_000L, 500_000_000L);
        assertThat(need.total()).isEqualTo(need.weights() + need.cache() + need.scratch());
    }

    @Test
    void refusesWhatDoesNotFit() {
        need("llama-7b", NumberFormat.Q4_0, 4096).require(24 * GIB);
        need("llama-7b", NumberFormat.Q8_0, 4096).require(24 * GIB);
        assertThatExceptionOfType(InsufficientMemoryException.class)
                .isThrownBy(() -> need("llama-70b", NumberFormat.BF16, 4096).require(24 * GIB))
                .withMessageStartingWith("this bench needs 139.")
                .withMessageContainingAll("GB of memory (weights 137.96", "GB, KV cache 1.4", "GB, scratch ")
                .withMessageContaining("this machine has 25.77 GB: choose a smaller model");
        assertThatExceptionOfType(InsufficientMemoryException.class)
                .isThrownBy(
                        () -> need("smollm2-135m", NumberFormat.Q4_0, 1 << 20).require(24 * GIB))
                .withMessageContaining("KV cache 24.17");
    }

    @Test
    void leavesSomethingToTheSystem() {
        MemoryNeed need = new MemoryNeed(8 * GIB, GIB, 0);

        need.require(10 * GIB);
        assertThatExceptionOfType(InsufficientMemoryException.class).isThrownBy(() -> need.require(9 * GIB));
    }
}
