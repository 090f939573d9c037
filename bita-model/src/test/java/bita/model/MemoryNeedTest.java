package bita.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.CacheFormat;
import bita.kernels.KernelsProvider;
import bita.kernels.KvLayer;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.file.GgufFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MemoryNeedTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_NONE, names = ".*_K|IQ4.*")
    void statesTheBytesOfThePackedWeights(NumberFormat format) throws IOException {
        Path path = TinyModel.write(folder, format, 1);
        try (ThreadTeam team = new ThreadTeam(2)) {
            GgufFile file = GgufFile.open(path);
            MemoryNeed need = MemoryNeed.of(file, OptionalInt.empty(), CacheFormat.F16);
            try (Transformer model =
                    Transformer.load(file, KernelsProvider.best().kernels(), team)) {
                assertThat(need.weightBytes()).isEqualTo(model.weightBytes()).isPositive();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCacheTakesNoMoreThanStatedUpToAFullContext(CacheFormat format) throws IOException {
        try (GgufFile file = GgufFile.open(TinyModel.write(folder, NumberFormat.F32, 1))) {
            ModelConfig tiny = Transformer.config(file);
            ModelConfig config = ModelConfig.llama(tiny.layers(), 96, 160, 6, 2, 16, 101, 100_000, 10_000, 1e-5f);
            for (int context : new int[] {2, 100, 512, 700, 5001}) {
                MemoryNeed need = MemoryNeed.of(config, 1, OptionalInt.of(context), format);
                try (KvCache cache = new KvCache(config, format, context)) {
                    while (cache.length() < context) {
                        assertThat(cache.bytes()).isLessThanOrEqualTo(need.cacheBytes());
                        cache.assumeLength(Math.min(context, cache.length() + 37));
                    }
                    cache.reserve(context + 16);
                    assertThat(cache.bytes()).as("context %d", context).isLessThanOrEqualTo(need.cacheBytes());
                    assertThat(need.cacheBytes() - KvCache.bytes(config, format, context))
                            .isLessThanOrEqualTo(KvCache.bytes(config, format, 80));
                    // A step of more rows than usual is served all the same.
                    cache.reserve(context + 500);
                    for (int i = 0; i < config.layers(); i++) {
                        assertThat(cache.layer(i).slots()).isGreaterThanOrEqualTo(context + 500);
                    }
                }
            }
        }
    }

    @Test
    void growingKeepsWhatIsThere() throws IOException {
        try (GgufFile file = GgufFile.open(TinyModel.write(folder, NumberFormat.F32, 1))) {
            ModelConfig config = Transformer.config(file);
            try (KvCache cache = new KvCache(config, CacheFormat.F32, 512)) {
                for (int i = 0; i < config.layers(); i++) {
                    fill(cache.layer(i), i, true);
                }
                int before = cache.layer(0).slots();
                cache.reserve(3 * before);
                for (int i = 0; i < config.layers(); i++) {
                    assertThat(cache.layer(i).slots()).isGreaterThanOrEqualTo(3 * before);
                    fill(cache.layer(i), i, false);
                }
            }
        }
    }

    /** Writes a number of its own to each place of the first 512 slots, or compares. */
    private static void fill(KvLayer layer, int index, boolean write) {
        for (MemorySegment memory : new MemorySegment[] {layer.keys(), layer.values()}) {
            long perHead = memory.byteSize() / Float.BYTES / TinyModel.KV_HEADS;
            for (int head = 0; head < TinyModel.KV_HEADS; head++) {
                for (int i = 0; i < 512 * TinyModel.HEAD_DIM; i++) {
                    float number = index * 1e6f + head * 1e5f + i;
                    if (write) {
                        memory.setAtIndex(ValueLayout.JAVA_FLOAT, head * perHead + i, number);
                    } else if (memory.getAtIndex(ValueLayout.JAVA_FLOAT, head * perHead + i) != number) {
                        throw new AssertionError("layer " + index + ", head " + head + ", number " + i);
                    }
                }
            }
        }
    }

    @Test
    void refusesContextsThatTheModelDoesNotHave() throws IOException {
        try (GgufFile file = GgufFile.open(TinyModel.write(folder, NumberFormat.F32, 1))) {
            assertThatThrownBy(() -> MemoryNeed.of(file, OptionalInt.of(TinyModel.CONTEXT + 1), CacheFormat.F16))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("trained for a context of " + TinyModel.CONTEXT);
            assertThatThrownBy(() -> MemoryNeed.of(file, OptionalInt.of(1), CacheFormat.F16))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void findsTheLongestContextThatFits() throws IOException {
        try (GgufFile file = GgufFile.open(TinyModel.write(folder, NumberFormat.F32, 1))) {
            MemoryNeed need = MemoryNeed.of(file, OptionalInt.empty(), CacheFormat.F16);
            MemoryNeed half = MemoryNeed.of(file, OptionalInt.of(TinyModel.CONTEXT / 2), CacheFormat.F16);

            assertThat(need.contextFor(3, need.withSequences(3).totalBytes())).isEqualTo(TinyModel.CONTEXT);
            assertThat(need.contextFor(3, half.withSequences(3).totalBytes()))
                    .isBetween(TinyModel.CONTEXT / 2, TinyModel.CONTEXT - 1);
            int fitting = need.contextFor(3, half.withSequences(3).totalBytes() - 1000);
            assertThat(MemoryNeed.of(file, OptionalInt.of(fitting), CacheFormat.F16)
                            .withSequences(3)
                            .totalBytes())
                    .isLessThanOrEqualTo(half.withSequences(3).totalBytes());
            assertThat(need.contextFor(3, need.weightBytes())).isZero();
        }
    }
}
