package bita.tune.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.decode.Bigrams;
import bita.decode.Calibration;
import bita.decode.CandidateReader;
import bita.kernels.CacheFormat;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.ForwardPass;
import bita.model.KvCache;
import bita.model.LearnedTokens;
import bita.model.MaskTokens;
import bita.model.Rows;
import bita.model.TinyModel;
import bita.model.Transformer;
import bita.tune.data.Example;
import bita.tune.data.Examples;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MaskCalibrationTest {
    private static final int MASKS = 3;

    @TempDir
    Path folder;

    private static MaskTokens maskTokens(Transformer model) {
        LearnedTokens tokens = new LearnedTokens(model.config(), 2, MASKS, 0);
        Random random = new Random(3);
        for (long i = 0; i < tokens.count(); i++) {
            tokens.all().setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        return TunedAdapter.of("test", model.config(), "ab".repeat(32), tokens, Calibration.none(), Bigrams.none())
                .maskTokens(model.config());
    }

    /** Few different tokens, so that a random model hits some. */
    private static List<Example> examples() {
        Random random = new Random(4);
        return List.of(example(random, 80, 7), example(random, 3, 2), example(random, 41, 38), example(random, 4, 2));
    }

    private static Example example(Random random, int length, int prompt) {
        return Examples.of(
                "e" + length, random.ints(length, 0, TinyModel.VOCABULARY).toArray(), prompt);
    }

    /** The same groups, each in a pass of its own behind the anchor. */
    private static Calibration oneByOne(Engine engine, List<Example> examples) {
        Calibration.Counter counter = new Calibration.Counter(MASKS);
        CandidateReader reader = new CandidateReader(engine, Calibration.none());
        for (Example example : examples) {
            int[] all = example.tokenIds();
            for (int anchor = example.promptLength() - 1; anchor + 2 < all.length; anchor++) {
                Rows rows = new Rows();
                for (int i = 0; i <= anchor; i++) {
                    rows.addToken(all[i], i - 1);
                }
                int[] maskRows = new int[MASKS];
                for (int mask = 0; mask < MASKS; mask++) {
                    maskRows[mask] = rows.addMask(mask, rows.size() - 1);
                }
                try (ForwardPass pass = new ForwardPass(engine, rows.size());
                        KvCache cache = new KvCache(engine.model().config(), CacheFormat.F16)) {
                    pass.run(cache, rows);
                    int to = Math.min(all.length, anchor + 2 + MASKS);
                    counter.count(
                            reader.read(pass.logits(maskRows, MASKS), MASKS), Arrays.copyOfRange(all, anchor + 2, to));
                }
            }
        }
        return counter.result();
    }

    @Test
    void countsWhatDecodingWouldPropose() throws Exception {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_1, 2);
                ThreadTeam team = new ThreadTeam(2)) {
            Engine engine = new Engine(model, KernelsProvider.best().kernels(), team, Optional.of(maskTokens(model)));
            List<Example> examples = examples();

            Calibration counted = MaskCalibration.measure(engine, examples, 500, 1000, _ -> {}, () -> false)
                    .orElseThrow();

            assertThat(counted).usingRecursiveComparison().isEqualTo(oneByOne(engine, examples));
            assertThat(counted.candidates(0, 0)).isEqualTo(72 + 1 + 2); // anchors: length - prompt - 1
            assertThat(counted.candidates(1, 0)).isPositive();
            assertThat(MaskCalibration.measure(engine, examples, 500, 1, _ -> {}, () -> false)
                            .orElseThrow()
                            .candidates(0, 0))
                    .isEqualTo(72);
            assertThat(MaskCalibration.measure(engine, examples.subList(1, 2), 500, 1000, _ -> {}, () -> false))
                    .contains(Calibration.none());
            assertThat(MaskCalibration.measure(engine, examples, 500, 1000, _ -> {}, () -> true))
                    .isEmpty();
        }
    }

    @Test
    void needsAnAdapter() throws Exception {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_1, 2);
                ThreadTeam team = new ThreadTeam(1)) {
            Engine engine = new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty());
            assertThatThrownBy(() -> MaskCalibration.measure(engine, examples(), 500, 10, _ -> {}, () -> false))
                    .hasMessageContaining("no adapter");
        }
    }
}
