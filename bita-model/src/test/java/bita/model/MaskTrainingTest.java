package bita.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import bita.kernels.Backend;
import bita.kernels.CacheFormat;
import bita.kernels.InstructionSet;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MaskTrainingTest {
    private static final int MASKS = 3;
    private static final int PROMPTS = 5;
    private static final int RANK = 3;
    private static final int[] ANCHORS = {0, 3, 4, 5, 20, 139};

    @TempDir
    Path folder;

    private static LearnedTokens learned(ModelConfig config) {
        LearnedTokens learned = new LearnedTokens(config, PROMPTS, MASKS, RANK);
        Random random = new Random(1);
        for (long i = 0; i < learned.count(); i++) {
            double deviation = i < learned.count() - learned.lowRankCount() ? 0.5 : 0.1;
            learned.all().setAtIndex(JAVA_FLOAT, i, (float) (deviation * random.nextGaussian()));
        }
        return learned;
    }

    private static KvCache realTokens(Engine engine) {
        KvCache cache = new KvCache(engine.model().config(), CacheFormat.F32);
        Random random = new Random(2);
        try (ForwardPass pass = new ForwardPass(engine, 140)) {
            Rows rows = new Rows();
            int[] all = new int[140];
            for (int i = 0; i < all.length; i++) {
                rows.addToken(random.nextInt(TinyModel.VOCABULARY), i - 1);
                all[i] = i;
            }
            pass.run(cache, rows);
            cache.accept(all, all.length);
        }
        return cache;
    }

    private static Engine engine(Transformer model, Kernels kernels, ThreadTeam team) {
        return new Engine(model, kernels, team, Optional.empty());
    }

    private static MemorySegment cotangent(long count) {
        MemorySegment segment = Arena.ofAuto().allocate(count * Float.BYTES, 64);
        Random random = new Random(3);
        for (long i = 0; i < count; i++) {
            segment.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        return segment;
    }

    private static double dot(MemorySegment a, MemorySegment b) {
        double sum = 0;
        for (long i = 0; i < b.byteSize() / Float.BYTES; i++) {
            sum += (double) a.getAtIndex(JAVA_FLOAT, i) * b.getAtIndex(JAVA_FLOAT, i);
        }
        return sum;
    }

    private static float[] gradients(Engine engine, LearnedTokens learned) {
        LearnedTokens gradients = new LearnedTokens(engine.model().config(), PROMPTS, MASKS, RANK);
        try (KvCache cache = realTokens(engine);
                MaskTraining training = new MaskTraining(engine, PROMPTS, MASKS, RANK, 8)) {
            MemorySegment logits = training.forward(cache, ANCHORS, learned);
            logits.copyFrom(cotangent(logits.byteSize() / Float.BYTES));
            training.backward(gradients);
        }
        return gradients.all().toArray(JAVA_FLOAT);
    }

    @Test
    void gradientsAreSlopes() {
        for (NumberFormat format : new NumberFormat[] {NumberFormat.F32, NumberFormat.Q4_1}) {
            try (Transformer model = TinyModel.load(folder, format, 4);
                    ThreadTeam team = new ThreadTeam(2)) {
                Engine engine = engine(model, KernelsProvider.best().kernels(), team);
                LearnedTokens learned = learned(model.config());
                float[] gradients = gradients(engine, learned);
                Random random = new Random(5);
                try (KvCache cache = realTokens(engine);
                        MaskTraining training = new MaskTraining(engine, PROMPTS, MASKS, RANK, ANCHORS.length)) {
                    MemorySegment cotangent = cotangent((long) ANCHORS.length * MASKS * TinyModel.VOCABULARY);
                    double largest = 0;
                    for (float gradient : gradients) {
                        largest = Math.max(largest, Math.abs(gradient));
                    }
                    for (int round = 0; round < 240; round++) {
                        int lowRankFrom = (int) (learned.count() - learned.lowRankCount());
                        int masksFrom = lowRankFrom - MASKS * TinyModel.HIDDEN;
                        int at = switch (round % 3) {
                            case 0 -> random.nextInt(masksFrom);
                            case 1 -> random.nextInt(masksFrom, lowRankFrom);
                            default -> random.nextInt(lowRankFrom, (int) learned.count());
                        };
                        float before = learned.all().getAtIndex(JAVA_FLOAT, at);
                        float step = 5e-3f;
                        learned.all().setAtIndex(JAVA_FLOAT, at, before + step);
                        double above = dot(training.forward(cache, ANCHORS, learned), cotangent);
                        learned.all().setAtIndex(JAVA_FLOAT, at, before - step);
                        double below = dot(training.forward(cache, ANCHORS, learned), cotangent);
                        learned.all().setAtIndex(JAVA_FLOAT, at, before);
                        assertThat((above - below) / (2 * step))
                                .as("%s, number %d", format, at)
                                .isCloseTo(gradients[at], within(5e-3 * largest));
                    }
                }
            }
        }
    }

    private static MaskTokens maskTokens(ModelConfig config, LearnedTokens learned) {
        return MaskTokens.of(
                config,
                PROMPTS,
                MASKS,
                learned.promptKeys().toArray(JAVA_FLOAT),
                learned.promptValues().toArray(JAVA_FLOAT),
                learned.maskEmbeddings().toArray(JAVA_FLOAT),
                learned.lowRank());
    }

    /** The masks' logits are those that decoding computes, but for the rounding of activations. */
    @Test
    void logitsAreThoseOfDecoding() {
        try (Transformer model = TinyModel.load(folder, NumberFormat.F32, 6);
                ThreadTeam team = new ThreadTeam(2)) {
            LearnedTokens learned = learned(model.config());
            Kernels kernels = KernelsProvider.best().kernels();
            Engine engine = engine(model, kernels, team);
            Engine decoding = new Engine(model, kernels, team, Optional.of(maskTokens(model.config(), learned)));
            try (KvCache cache = realTokens(engine);
                    KvCache other = realTokens(decoding);
                    MaskTraining training = new MaskTraining(engine, PROMPTS, MASKS, RANK, ANCHORS.length);
                    ForwardPass pass = new ForwardPass(decoding, 8)) {
                MemorySegment logits = training.forward(cache, ANCHORS, learned);
                for (int group = ANCHORS.length - 1; group >= 0; group--) { // each behind a shorter cache
                    other.truncate(ANCHORS[group] + 1);
                    Rows rows = new Rows();
                    int last = Rows.CACHE_END;
                    for (int mask = 0; mask < MASKS; mask++) {
                        last = rows.addMask(mask, last);
                    }
                    pass.run(other, rows);
                    float[] expected = pass.logits(new int[] {0, 1, 2}, MASKS).toArray(JAVA_FLOAT);
                    for (int i = 0; i < expected.length; i++) {
                        assertThat(logits.getAtIndex(JAVA_FLOAT, (long) group * expected.length + i))
                                .isCloseTo(expected[i], within(1e-3f));
                    }
                }
            }
        }
    }

    /** In 8-bit codes as well, and with all groups in the pass of their anchors. */
    @Test
    void decodingRoundsMatricesOfALargerRank() {
        int rank = 32;
        try (Transformer model = TinyModel.load(folder, NumberFormat.F32, 6);
                ThreadTeam team = new ThreadTeam(3)) {
            LearnedTokens learned = new LearnedTokens(model.config(), PROMPTS, MASKS, rank);
            Random random = new Random(8);
            for (long i = 0; i < learned.count(); i++) {
                learned.all().setAtIndex(JAVA_FLOAT, i, 0.1f * (float) random.nextGaussian());
            }
            Kernels kernels = KernelsProvider.best().kernels();
            Engine engine = engine(model, kernels, team);
            Engine decoding = new Engine(model, kernels, team, Optional.of(maskTokens(model.config(), learned)));
            try (KvCache cache = realTokens(engine);
                    KvCache other = new KvCache(model.config(), CacheFormat.F32);
                    MaskTraining training = new MaskTraining(engine, PROMPTS, MASKS, rank, ANCHORS.length);
                    ForwardPass pass = new ForwardPass(decoding, 200)) {
                MemorySegment logits = training.forward(cache, ANCHORS, learned);
                Rows rows = new Rows();
                Random tokens = new Random(2); // as in realTokens()
                for (int i = 0; i < 140; i++) {
                    rows.addToken(tokens.nextInt(TinyModel.VOCABULARY), i - 1);
                }
                int[] maskRows = new int[ANCHORS.length * MASKS];
                for (int i = 0; i < maskRows.length; i++) {
                    maskRows[i] = rows.addMask(i % MASKS, i % MASKS == 0 ? ANCHORS[i / MASKS] : rows.size() - 1);
                }
                pass.run(other, rows);
                float[] expected = pass.logits(maskRows, maskRows.length).toArray(JAVA_FLOAT);
                double difference = 0;
                double size = 0;
                for (int i = 0; i < expected.length; i++) {
                    float exact = logits.getAtIndex(JAVA_FLOAT, i);
                    difference += Math.pow(exact - expected[i], 2);
                    size += Math.pow(exact, 2);
                }
                assertThat(Math.sqrt(difference / size)).isLessThan(0.03);
            }
        }
    }

    @Test
    void threadsDoNotMatter() {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_0, 7)) {
            LearnedTokens learned = learned(model.config());
            for (InstructionSet isa : KernelsProvider.instructionSets()) {
                Kernels kernels =
                        KernelsProvider.of(Backend.NATIVE, Optional.of(isa)).kernels();
                List<float[]> gradients = new ArrayList<>();
                for (int threads : new int[] {1, 2, 3, 7}) {
                    try (ThreadTeam team = new ThreadTeam(threads)) {
                        gradients.add(gradients(engine(model, kernels, team), learned));
                    }
                }
                assertThat(gradients).allSatisfy(other -> assertThat(other).isEqualTo(gradients.getFirst()));
            }
        }
    }

    @Test
    void gradientsOfWindowsAddUp() {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q8_0, 8);
                ThreadTeam team = new ThreadTeam(1)) {
            Engine engine = engine(model, KernelsProvider.best().kernels(), team);
            LearnedTokens learned = learned(model.config());
            LearnedTokens sum = new LearnedTokens(model.config(), PROMPTS, MASKS, RANK);
            try (KvCache cache = realTokens(engine);
                    MaskTraining training = new MaskTraining(engine, PROMPTS, MASKS, RANK, ANCHORS.length)) {
                for (int group = 0; group < ANCHORS.length; group++) {
                    MemorySegment logits = training.forward(cache, new int[] {ANCHORS[group]}, learned);
                    MemorySegment all = cotangent(ANCHORS.length * logits.byteSize() / Float.BYTES);
                    logits.copyFrom(all.asSlice(group * logits.byteSize(), logits.byteSize()));
                    training.backward(sum);
                }
            }
            float[] together = gradients(engine, learned);
            for (int i = 0; i < together.length; i++) {
                assertThat(sum.all().getAtIndex(JAVA_FLOAT, i)).isCloseTo(together[i], within(2e-3f));
            }
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        try (Transformer model = TinyModel.load(folder, NumberFormat.F32, 9);
                ThreadTeam team = new ThreadTeam(1)) {
            Engine engine = engine(model, KernelsProvider.best().kernels(), team);
            LearnedTokens learned = learned(model.config());
            try (KvCache cache = realTokens(engine);
                    KvCache half = new KvCache(model.config(), CacheFormat.F16);
                    MaskTraining training = new MaskTraining(engine, PROMPTS, MASKS, RANK, 2)) {
                assertThatThrownBy(() -> training.backward(learned)).hasMessageContaining("after forward");
                assertThatThrownBy(() -> training.forward(cache, new int[3], learned))
                        .hasMessageContaining("3 groups");
                assertThatThrownBy(() -> training.forward(cache, new int[] {140}, learned))
                        .hasMessageContaining("anchor 140");
                assertThatThrownBy(() -> training.forward(half, new int[] {0}, learned))
                        .hasMessageContaining("f32");
                LearnedTokens other = new LearnedTokens(model.config(), 1, 1, RANK);
                assertThatThrownBy(() -> training.forward(cache, new int[] {0}, other))
                        .hasMessageContaining("another form");
            }
        }
    }
}
