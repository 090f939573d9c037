package bita.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import bita.kernels.Backend;
import bita.kernels.CacheFormat;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.file.ModelFile;
import bita.model.file.Quantizer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every family, in every kind of file and number format, against the reference implementation; and what BiTA asks of a model:
 * mask rows, trees, the same bits however they are computed, and gradients.
 */
class FamilyTest {
    private static final int PROMPTS = 3;
    private static final int MASKS = 2;
    private static final int RANK = 2;

    @TempDir
    Path folder;

    record Subject(FamilyModel model, FamilyModel.Kind kind) {
        @Override
        public String toString() {
            return model.name() + ", " + kind;
        }
    }

    static Stream<Subject> subjects() throws IOException {
        return FamilyModel.all().stream()
                .flatMap(model -> Arrays.stream(FamilyModel.Kind.values())
                        .filter(kind -> !model.cases(kind).isEmpty())
                        .map(kind -> new Subject(model, kind)));
    }

    private ModelFile open(Subject subject) throws IOException {
        return ModelFiles.open(
                switch (subject.kind) {
                    case SAFETENSORS -> subject.model.copySafetensors(folder);
                    case GGUF -> subject.model.copyGguf(folder);
                });
    }

    private static Transformer load(ModelFile file, int context) throws IOException {
        try (ThreadTeam team = new ThreadTeam(1)) {
            return Transformer.load(
                    file, OptionalInt.of(context), KernelsProvider.best().kernels(), team);
        }
    }

    /** The model with float activations: its weights in F32. */
    private Transformer expanded(Subject subject, int context) throws IOException {
        Path f32 = folder.resolve("f32.gguf");
        try (ModelFile file = open(subject)) {
            Quantizer.quantize(file, file.metadata(), NumberFormat.F32, f32, true, (_, _) -> {});
        }
        return load(ModelFiles.open(f32), context);
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void logitsAndContinuationAreTheReferences(Subject subject) throws IOException {
        for (FamilyModel.Case one : subject.model.cases(subject.kind)) {
            int context = one.prompt().length + one.continuation().length;
            try (Transformer model = expanded(subject, context);
                    ThreadTeam team = new ThreadTeam(2);
                    KvCache cache = new KvCache(model.config(), CacheFormat.F32);
                    ForwardPass pass = new ForwardPass(engine(model, team), one.prompt().length)) {
                read(cache, pass, one.prompt());
                for (FamilyModel.Logits expected : one.logits()) {
                    float[] logits =
                            pass.logits(new int[] {expected.position()}, 1).toArray(JAVA_FLOAT);
                    for (int i = 0; i < logits.length; i++) {
                        assertThat(logits[i])
                                .as("%s, position %d, token %d", one.name(), expected.position(), i)
                                .isCloseTo(expected.values()[i], within(2e-3f));
                    }
                }
                assertThat(greedy(model, cache, pass, one)).as(one.name()).isEqualTo(one.continuation());
            }
        }
    }

    private static void read(KvCache cache, ForwardPass pass, int[] tokens) {
        Rows rows = new Rows();
        for (int i = 0; i < tokens.length; i++) {
            rows.addToken(tokens[i], i - 1);
        }
        pass.run(cache, rows);
    }

    /** Goes on behind a prompt that has just been read. */
    private static int[] greedy(Transformer model, KvCache cache, ForwardPass pass, FamilyModel.Case one) {
        int[] tokens = new int[one.continuation().length];
        int last = one.prompt().length - 1;
        cache.accept(range(last + 1), last + 1);
        for (int i = 0; i < tokens.length; i++) {
            MemorySegment logits = pass.logits(new int[] {i == 0 ? last : 0}, 1);
            tokens[i] = KernelsProvider.best()
                    .kernels()
                    .argmax(logits, model.config().vocabulary());
            Rows rows = new Rows();
            rows.addToken(tokens[i], Rows.CACHE_END);
            pass.run(cache, rows);
            cache.accept(new int[] {0}, 1);
        }
        return tokens;
    }

    private static int[] range(int count) {
        int[] rows = new int[count];
        Arrays.setAll(rows, i -> i);
        return rows;
    }

    private static Engine engine(Transformer model, ThreadTeam team) {
        return new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty());
    }

    /** In the file's own number format, with codes where it has them. */
    @ParameterizedTest
    @MethodSource("subjects")
    void treesMasksThreadsAndBackendsDoNotMatter(Subject subject) throws IOException {
        FamilyModel.Case one = subject.model.cases(subject.kind).getFirst();
        try (Transformer model = load(open(subject), one.prompt().length + 64)) {
            MaskTokens masks = TinyModel.maskTokens(model.config(), PROMPTS, MASKS, 1);
            int[][] expected = branchesOneByOne(model, one.prompt());
            for (Backend backend : Backend.values()) {
                Kernels kernels = KernelsProvider.of(backend, Optional.empty()).kernels();
                try (ThreadTeam team = new ThreadTeam(3);
                        KvCache cache = new KvCache(model.config(), CacheFormat.F16);
                        ForwardPass pass = new ForwardPass(
                                new Engine(model, kernels, team, Optional.of(masks)), one.prompt().length)) {
                    read(cache, pass, one.prompt());
                    cache.accept(range(one.prompt().length), one.prompt().length);
                    Rows rows = new Rows();
                    rows.addToken(1, Rows.CACHE_END);
                    rows.addToken(2, 0);
                    rows.addToken(3, 0);
                    rows.addToken(4, 2);
                    rows.addMask(1, rows.addMask(0, 1));
                    rows.addMask(0, 3);
                    pass.run(cache, rows);
                    assertThat(bits(pass.logits(range(4), 4), 4))
                            .as("%s", backend)
                            .isDeepEqualTo(expected);
                }
            }
        }
    }

    /** The logits behind tokens 1, then 2, or 3 and 4, behind a prompt. */
    private static int[][] branchesOneByOne(Transformer model, int[] prompt) {
        try (ThreadTeam team = new ThreadTeam(1);
                KvCache cache = new KvCache(model.config(), CacheFormat.F16);
                ForwardPass pass = new ForwardPass(engine(model, team), 1)) {
            for (int token : prompt) {
                int[] _ = step(cache, pass, token);
            }
            int[] first = step(cache, pass, 1);
            int[] second = step(cache, pass, 2);
            cache.truncate(cache.length() - 1);
            return new int[][] {first, second, step(cache, pass, 3), step(cache, pass, 4)};
        }
    }

    private static int[] step(KvCache cache, ForwardPass pass, int token) {
        Rows rows = new Rows();
        rows.addToken(token, Rows.CACHE_END);
        pass.run(cache, rows);
        cache.accept(new int[] {0}, 1);
        return bits(pass.logits(new int[] {0}, 1), 1)[0];
    }

    private static int[][] bits(MemorySegment logits, int rows) {
        int[][] bits = new int[rows][];
        long bytes = logits.byteSize() / rows;
        for (int row = 0; row < rows; row++) {
            bits[row] = logits.asSlice(row * bytes, bytes).toArray(JAVA_INT);
        }
        return bits;
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void gradientsAreSlopes(Subject subject) throws IOException {
        FamilyModel.Case one = subject.model.cases(subject.kind).getFirst();
        int[] anchors = {0, 3, one.prompt().length - 2, one.prompt().length - 1};
        try (Transformer model = load(open(subject), one.prompt().length + 64);
                ThreadTeam team = new ThreadTeam(2);
                KvCache cache = new KvCache(model.config(), CacheFormat.F32);
                ForwardPass pass = new ForwardPass(engine(model, team), one.prompt().length);
                MaskTraining training = new MaskTraining(engine(model, team), PROMPTS, MASKS, RANK, anchors.length)) {
            read(cache, pass, one.prompt());
            cache.accept(range(one.prompt().length), one.prompt().length);
            LearnedTokens learned = new LearnedTokens(model.config(), PROMPTS, MASKS, RANK);
            LearnedTokens gradients = new LearnedTokens(model.config(), PROMPTS, MASKS, RANK);
            Random random = new Random(1);
            for (long i = 0; i < learned.count(); i++) {
                learned.all().setAtIndex(JAVA_FLOAT, i, 0.3f * (float) random.nextGaussian());
            }
            MemorySegment logits = training.forward(cache, anchors, learned);
            MemorySegment weights = Arena.ofAuto().allocate(logits.byteSize(), 64);
            for (long i = 0; i < weights.byteSize() / Float.BYTES; i++) {
                weights.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
            }
            logits.copyFrom(weights);
            training.backward(gradients);

            // Along a direction in all numbers at once, and along some of them alone.
            List<float[]> directions = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                float[] direction = new float[(int) learned.count()];
                if (i < 4) {
                    for (int j = 0; j < direction.length; j++) {
                        direction[j] = (float) random.nextGaussian();
                    }
                } else {
                    direction[random.nextInt(direction.length)] = 1;
                }
                directions.add(direction);
            }
            double largest = 0;
            for (float gradient : gradients.all().toArray(JAVA_FLOAT)) {
                largest = Math.max(largest, Math.abs(gradient));
            }
            for (float[] direction : directions) {
                double length = Math.sqrt(dot(direction, direction));
                double step = 2e-3 / length;
                double above = loss(training, cache, anchors, learned, direction, step, weights);
                double below = loss(training, cache, anchors, learned, direction, -step, weights);
                double slope = (above - below) / (2 * step) / length;
                double expected = dot(gradients.all().toArray(JAVA_FLOAT), direction) / length;
                assertThat(slope).isCloseTo(expected, within(0.02 * Math.max(largest, Math.abs(expected))));
            }
        }
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    private static double loss(
            MaskTraining training,
            KvCache cache,
            int[] anchors,
            LearnedTokens learned,
            float[] direction,
            double step,
            MemorySegment weights) {
        float[] before = learned.all().toArray(JAVA_FLOAT);
        for (int i = 0; i < before.length; i++) {
            learned.all().setAtIndex(JAVA_FLOAT, i, (float) (before[i] + step * direction[i]));
        }
        float[] logits = training.forward(cache, anchors, learned).toArray(JAVA_FLOAT);
        learned.all().copyFrom(MemorySegment.ofArray(before));
        return dot(logits, weights.toArray(JAVA_FLOAT));
    }
}
