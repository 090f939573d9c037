package bita.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import bita.kernels.Activations;
import bita.kernels.CacheFormat;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The memory of passes, against what is stated beforehand. */
class ScratchMemoryTest {
    private static final int POSITIONS = 70;
    private static final int SLOTS = 144; // of a cache for so many positions, with room for a step

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"1, 0, 1, 0, 1", "2, 4, 3, 0, 5", "3, 17, 2, 5, 9"})
    void isWhatIsStated(int threads, int prompts, int masks, int rank, int groups) throws IOException {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q8_0, 1);
                ThreadTeam team = new ThreadTeam(threads)) {
            ModelConfig config = model.config();
            Engine engine = new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty());
            try (MaskTraining training = new MaskTraining(engine, prompts, masks, rank, groups);
                    ForwardPass pass = new ForwardPass(engine, POSITIONS);
                    KvCache cache = new KvCache(config, CacheFormat.F32, POSITIONS)) {
                assertThat(KvCache.mostSlots(POSITIONS)).isEqualTo(SLOTS);
                pass.reserveLogits(groups);
                Rows rows = new Rows();
                for (int i = 0; i < POSITIONS; i++) {
                    rows.addToken(i, i - 1);
                }
                pass.run(cache, rows);
                cache.assumeLength(POSITIONS - groups * masks);
                int[] anchors = new int[groups];
                LearnedTokens learned = new LearnedTokens(config, prompts, masks, rank);
                training.forward(cache, anchors, learned);
                training.backward(learned);

                // Replaced, but kept: memory for the logits of one row.
                long replaced = groups > 1
                        ? (long) config.vocabulary() * Float.BYTES + Activations.bytes(1, config.hidden())
                        : 0;
                assertThat(HeldMemory.of(pass) + replaced)
                        .isEqualTo(ForwardPass.bytes(config, POSITIONS, groups, SLOTS, threads));
                // What is empty holds a number all the same.
                assertThat(HeldMemory.of(training) - HeldMemory.of(cache, learned))
                        .isCloseTo(
                                MaskTraining.bytes(config, prompts, masks, rank, groups, SLOTS, threads),
                                within(2L * Float.BYTES));
                assertThat(HeldMemory.of(learned)).isEqualTo(LearnedTokens.bytes(config, prompts, masks, rank));
            }
        }
    }
}
