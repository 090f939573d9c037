package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;

import bita.kernels.Backend;
import bita.kernels.CacheFormat;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.Linear;
import bita.model.LowRank;
import bita.model.TinyModel;
import bita.model.Transformer;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whatever numbers an adapter holds, the tokens and every bit of the logits behind them are those of plain decoding: the
 * mask rows that share passes, attention's tiles and the cache with ordinary rows leave them alone.
 */
class HostileAdapterTest {
    private static final int PROMPTS = 17; // one more than a panel has lanes
    private static final int MASKS = 3;
    private static final int PER_LAYER = PROMPTS * TinyModel.HEADS * TinyModel.HEAD_DIM;

    private static final List<String> METHODS = List.of(
            "lookup",
            "masks:chain",
            "masks:half:2",
            "masks:upper-triangle:4",
            "masks:full:2",
            "masks:best:8",
            "masks+lookup:best:8",
            "masks+lookup:full:2",
            "masks+lookup+automaton+lookahead:2,3,2+recycling:4:best:8");

    private static final SamplingSettings SAMPLED = new SamplingSettings(0.8, 20, 0.95, 0.01, 6);

    @TempDir
    static Path folder;

    private static Transformer model;
    private static AdapterShape shape;

    /** How deep mask drafts can get: where a mask's logits are not numbers, it has no candidates, nor those behind it. */
    @SuppressWarnings("ImmutableEnumChecker") // none of the lambdas captures anything
    enum Numbers {
        RANDOM(MASKS, tensors -> {}),
        ZERO(MASKS, tensors -> tensors.fill(0)),
        DENORMAL(MASKS, tensors -> tensors.fill(3e-42f, -1.4e-45f)),
        LARGEST_OF_F16(MASKS, tensors -> tensors.fill(65504, -65504)),
        NAN(0, tensors -> tensors.fill(Float.NaN)),
        INFINITE(0, tensors -> tensors.fill(Float.POSITIVE_INFINITY)),
        NEGATIVE_INFINITE(0, tensors -> tensors.fill(Float.NEGATIVE_INFINITY)),
        INFINITE_OF_BOTH_SIGNS(0, tensors -> tensors.fill(Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY)),
        HUGE(0, tensors -> tensors.fill(3e38f)), // finite, but not their sums
        HUGE_OF_BOTH_SIGNS(0, tensors -> tensors.fill(3e38f, -3e38f)),
        HUGE_VALUES(0, tensors -> Arrays.fill(tensors.values, 3e38f)),
        NAN_KEYS_OF_A_LAYER(0, tensors -> Arrays.fill(tensors.keys, PER_LAYER, 2 * PER_LAYER, Float.NaN)),
        NAN_VALUES_OF_THE_FIRST_LAYER(0, tensors -> Arrays.fill(tensors.values, 0, PER_LAYER, Float.NaN)),
        NAN_VALUES_OF_THE_LAST_LAYER(
                0,
                tensors -> Arrays.fill(
                        tensors.values, tensors.values.length - PER_LAYER, tensors.values.length, Float.NaN)),
        ONE_NAN_KEY(0, tensors -> tensors.keys[2 * PER_LAYER + 5] = Float.NaN),
        ONE_INFINITE_VALUE(0, tensors -> tensors.values[7] = Float.NEGATIVE_INFINITY),
        NAN_MASKS(0, tensors -> Arrays.fill(tensors.masks, Float.NaN)),
        INFINITE_MASKS(0, tensors -> Arrays.fill(tensors.masks, Float.NEGATIVE_INFINITY)),
        ONE_NAN_IN_THE_SECOND_MASK(1, tensors -> tensors.masks[TinyModel.HIDDEN + 40] = Float.NaN),
        INFINITE_LAST_MASK(
                2,
                tensors -> Arrays.fill(
                        tensors.masks, 2 * TinyModel.HIDDEN, 3 * TinyModel.HIDDEN, Float.POSITIVE_INFINITY)),
        LOW_RANK(MASKS, tensors -> tensors.addLowRank(32)),
        LOW_RANK_IN_F32(MASKS, tensors -> tensors.addLowRank(5)),
        LOW_RANK_OF_NAN(0, tensors -> Arrays.fill(tensors.addLowRank(32).a(Linear.Input.GATED), Float.NaN)),
        LOW_RANK_OF_INFINITE_KEYS(
                0, tensors -> Arrays.fill(tensors.addLowRank(5).b(Linear.KEY), Float.POSITIVE_INFINITY)),
        HUGE_LOW_RANK(0, tensors -> Arrays.fill(tensors.addLowRank(32).b(Linear.DOWN), 3e38f));

        private final int depth;
        private final Consumer<Tensors> poison;

        Numbers(int depth, Consumer<Tensors> poison) {
            this.depth = depth;
            this.poison = poison;
        }

        Adapter adapter() {
            Tensors tensors = new Tensors();
            poison.accept(tensors);
            return Adapter.of(
                    "hostile",
                    shape,
                    Optional.empty(),
                    Calibration.none(),
                    tensors.keys,
                    tensors.values,
                    tensors.masks,
                    tensors.lowRank);
        }
    }

    /** An adapter's numbers, random at first. */
    static final class Tensors {
        private final Random random = new Random(12);
        private final float[] keys = random(TinyModel.LAYERS * PER_LAYER);
        private final float[] values = random(TinyModel.LAYERS * PER_LAYER);
        private final float[] masks = random(MASKS * TinyModel.HIDDEN);

        private Optional<LowRank> lowRank = Optional.empty();

        LowRank addLowRank(int rank) {
            Map<Linear.Input, float[]> a = new EnumMap<>(Linear.Input.class);
            for (Linear.Input input : Linear.Input.values()) {
                a.put(input, random(TinyModel.LAYERS * rank * input.columns(model.config())));
            }
            Map<Linear, float[]> b = new EnumMap<>(Linear.class);
            for (Linear linear : Linear.values()) {
                b.put(linear, random(TinyModel.LAYERS * rank * linear.rows(model.config())));
            }
            LowRank added = new LowRank(rank, a, b);
            lowRank = Optional.of(added);
            return added;
        }

        private float[] random(int count) {
            float[] numbers = new float[count];
            for (int i = 0; i < count; i++) {
                numbers[i] = (float) random.nextGaussian();
            }
            return numbers;
        }

        /** Puts these numbers everywhere, by turns. */
        void fill(float... numbers) {
            for (float[] tensor : List.of(keys, values, masks)) {
                for (int i = 0; i < tensor.length; i++) {
                    tensor[i] = numbers[i % numbers.length];
                }
            }
        }
    }

    /** What a sequence is decoded with. */
    private record Task(
            Backend backend,
            CacheFormat format,
            SamplingSettings sampling,
            int threads,
            List<Integer> prompt,
            int tokens) {
        Engine engine(ThreadTeam team, Optional<Adapter> adapter) {
            Kernels kernels = KernelsProvider.of(backend, Optional.empty()).kernels();
            return new Engine(model, kernels, team, adapter.map(a -> a.maskTokens(model.config())));
        }

        int[] promptTokens() {
            return prompt.stream().mapToInt(Integer::intValue).toArray();
        }
    }

    /** Decided tokens and the bits of the logits behind each. */
    private record Trace(List<Integer> tokens, List<int[]> logits) {
        void assertSame(Trace reference) {
            assertThat(tokens).isEqualTo(reference.tokens);
            assertThat(logits).hasSameSizeAs(reference.logits);
            for (int i = 0; i < logits.size(); i++) {
                assertThat(logits.get(i)).as("logits behind token %d", i).isEqualTo(reference.logits.get(i));
            }
        }
    }

    private static final Map<Task, Trace> PLAIN = new HashMap<>();

    @BeforeAll
    static void load() {
        model = TinyModel.load(folder, NumberFormat.Q4_1, 11);
        shape = new AdapterShape(
                model.config().architecture(),
                TinyModel.LAYERS,
                TinyModel.HEADS,
                TinyModel.HEAD_DIM,
                TinyModel.HIDDEN,
                PROMPTS,
                MASKS);
    }

    @AfterAll
    static void close() {
        model.close();
        PLAIN.clear();
    }

    private static Trace plain(Task task) {
        return PLAIN.computeIfAbsent(task, t -> {
            try (ThreadTeam team = new ThreadTeam(1)) {
                return decode(t, t.engine(team, Optional.empty()), "plain", OptionalInt.empty(), MASKS);
            }
        });
    }

    /** Decodes the task twice in one session, so that what the first time left in the cache is there the second time. */
    private static Trace decode(Task task, Engine engine, String method, OptionalInt rows, int depth) {
        DecodingSettings settings =
                new DecodingSettings(Method.parse(method), rows, OptionalInt.empty(), task.format(), 19);
        List<int[]> logits = new ArrayList<>();
        List<Integer> tokens = new ArrayList<>();
        try (DecodingSession session = new DecodingSession(
                engine,
                Optional.empty(),
                SomeCosts::of,
                settings,
                (position, row) -> logits.add(row.toArray(ValueLayout.JAVA_INT)))) {
            for (int[] prompt : List.of(task.promptTokens(), new int[] {1, 2, 3, 1, 2})) {
                int decided = 1;
                tokens.add(session.begin(
                                prompt, task.sampling(), 0, LogitsProcessor.NONE, true, (done, all) -> {}, () -> false)
                        .orElseThrow()
                        .tokens()
                        .getFirst()
                        .id());
                while (decided < task.tokens()) {
                    Step step = session.step(task.tokens() - decided, token -> false);
                    step.tokens().forEach(token -> tokens.add(token.id()));
                    decided += step.tokens().size();
                    if (method.equals("masks:chain") && rows.isEmpty()) {
                        assertThat(step.drafted()).as("length of a chain").isEqualTo(depth);
                    } else if (depth == 0 && !method.contains("lookup")) {
                        assertThat(step.drafted()).as("drafts").isZero();
                    }
                }
            }
        }
        return new Trace(tokens, logits);
    }

    private static List<Integer> prompt(int length) {
        return new Random(length).ints(length, 0, TinyModel.VOCABULARY).boxed().toList();
    }

    private static void assertPlain(Numbers numbers, Task task, List<String> methods, OptionalInt rows) {
        Trace reference = plain(task);
        try (ThreadTeam team = new ThreadTeam(task.threads())) {
            Engine engine = task.engine(team, Optional.of(numbers.adapter()));
            for (String method : methods) {
                decode(task, engine, method, rows, numbers.depth).assertSame(reference);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void nativeKernelsDecodeAsWithoutIt(Numbers numbers) {
        Task greedy = new Task(Backend.NATIVE, CacheFormat.F16, SamplingSettings.greedy(), 2, prompt(120), 14);
        assertPlain(numbers, greedy, METHODS, OptionalInt.empty());
        Task sampled = new Task(Backend.NATIVE, CacheFormat.F32, SAMPLED, 2, prompt(121), 14);
        assertPlain(numbers, sampled, METHODS, OptionalInt.empty());
        assertPlain(numbers, sampled, List.of("masks:full:2", "masks+lookup:best:8"), OptionalInt.of(5));
    }

    @ParameterizedTest
    @EnumSource
    void scalarKernelsDecodeAsWithoutIt(Numbers numbers) {
        Task greedy = new Task(Backend.SCALAR, CacheFormat.F16, SamplingSettings.greedy(), 1, prompt(9), 4);
        Task sampled = new Task(Backend.SCALAR, CacheFormat.F32, SAMPLED, 1, prompt(9), 4);
        for (int i = 0; i < METHODS.size(); i++) { // slow, so each with one of the two
            Task task = i % 2 == 0 ? greedy : sampled;
            assertPlain(numbers, task, List.of(METHODS.get(i)), OptionalInt.empty());
        }
    }

    /** Few rows behind many positions: attention is split by positions, and its sums go through memory of all rows. */
    @ParameterizedTest
    @EnumSource
    void splittingByPositionsDecodesAsWithoutIt(Numbers numbers) {
        Task task = new Task(Backend.NATIVE, CacheFormat.F16, SamplingSettings.greedy(), 4, prompt(400), 6);
        assertPlain(numbers, task, List.of("masks1:half:2"), OptionalInt.empty());
        assertPlain(numbers, task, List.of("masks:best:8"), OptionalInt.of(5));
    }

    /** As an adapter comes in practice: from a file, half as wide. */
    @ParameterizedTest
    @EnumSource(
            value = Numbers.class,
            names = {"LARGEST_OF_F16", "NAN", "INFINITE_OF_BOTH_SIGNS", "DENORMAL", "ONE_NAN_IN_THE_SECOND_MASK"})
    void storedAdaptersDecodeAsWithoutIt(Numbers numbers) throws IOException {
        Path file = folder.resolve(numbers + ".safetensors");
        numbers.adapter().write(file, NumberFormat.F16, false);
        Task task = new Task(Backend.NATIVE, CacheFormat.F16, SAMPLED, 2, prompt(120), 14);
        Trace reference = plain(task);
        try (ThreadTeam team = new ThreadTeam(2)) {
            Engine engine = task.engine(team, Optional.of(Adapter.read(file)));
            decode(task, engine, "masks:upper-triangle:4", OptionalInt.empty(), numbers.depth)
                    .assertSame(reference);
        }
    }
}
