package bita.api;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.CacheFormat;
import bita.model.MemoryNeed;
import org.junit.jupiter.api.Test;

class InsufficientMemoryExceptionTest {
    private static final long TERABYTE = 1_000_000_000_000L;
    private static final long WORKING = MemoryNeed.WORKING_BYTES;

    @Test
    void acceptsWhatFits() {
        InsufficientMemoryException.check(new MemoryNeed(1, 2, CacheFormat.F16, 1, 1));
    }

    @Test
    void advisesAShorterContextWhereTheCacheIsTooLarge() {
        assertThatThrownBy(() -> InsufficientMemoryException.check(
                        new MemoryNeed(1000, 131072, CacheFormat.F16, 1000 * TERABYTE, WORKING)))
                .isInstanceOf(InsufficientMemoryException.class)
                .hasMessageContaining("needs 1000000.27 GB of memory with a context of 131072 tokens")
                .hasMessageContaining("use a shorter --context");
    }

    @Test
    void advisesASmallerModelWhereTheWeightsAreTooLarge() {
        assertThatThrownBy(() -> InsufficientMemoryException.check(
                        new MemoryNeed(1000 * TERABYTE, 2048, CacheFormat.F16, 1000, WORKING)))
                .isInstanceOf(InsufficientMemoryException.class)
                .hasMessageEndingWith("use a smaller model, or one in a smaller number format");
    }

    @Test
    void advisesFewerAnswersWhereSeveralCachesAreTooLarge() {
        MemoryNeed need = new MemoryNeed(1000, 2048, CacheFormat.F16, 1000 * TERABYTE, WORKING);

        assertThatThrownBy(() -> InsufficientMemoryException.check(need.withSequences(32), 32))
                .hasMessageContaining("32 KV caches 32000000.00 GB")
                .hasMessageContaining("(--parallel)");
    }
}
