package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {
    private static final SamplingSettings PLAIN = new SamplingSettings(1, 0, 1, 0, 7);

    @Test
    void greedyTakesTheLowestIdOfATie() {
        assertThat(greedy(1, 3, 2, 3)).isEqualTo(1);
        assertThat(greedy(-0.0f, 0.0f)).isEqualTo(0);
        assertThat(greedy(0.0f, -0.0f)).isEqualTo(0);
        assertThat(greedy(Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY)).isEqualTo(0);
        assertThat(greedy(1, Float.POSITIVE_INFINITY, 2)).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 16, 63})
    void refusesNaNWhereverItIs(int at) {
        for (float fill : new float[] {1, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY}) {
            float[] logits = new float[64];
            Arrays.fill(logits, fill);
            logits[at] = Float.NaN;
            MemorySegment segment = MemorySegment.ofArray(logits);
            assertThatExceptionOfType(NotANumberException.class)
                    .isThrownBy(() -> Sampler.greedy(segment, 64, 1234))
                    .withMessageContaining("NaN at position 1234");
            assertThatExceptionOfType(NotANumberException.class)
                    .isThrownBy(() -> new Sampler(PLAIN).sample(segment, 64, 1234, 0))
                    .withMessageContaining("NaN at position 1234");
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY})
    void refusesToSampleWithoutAFiniteLargestLogit(float largest) {
        float[] logits = {Float.NEGATIVE_INFINITY, largest};
        assertThatExceptionOfType(NotANumberException.class)
                .isThrownBy(() -> new Sampler(PLAIN).sample(MemorySegment.ofArray(logits), 2, 9, 0))
                .withMessageContaining("position 9");
    }

    @Test
    void refusesNegativeCounters() {
        MemorySegment logits = MemorySegment.ofArray(new float[2]);
        assertThatIllegalArgumentException().isThrownBy(() -> new Sampler(PLAIN).sample(logits, 2, -1, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> new Sampler(PLAIN).sample(logits, 2, 0, -1));
        assertThatIllegalArgumentException().isThrownBy(() -> new Sampler(PLAIN).sample(logits, 0, 0, 0));
    }

    /** The definition in the class's comment, done naively, against vocabularies with and without ties. */
    @Test
    void isItsDefinition() {
        Random random = new Random(1);
        for (int round = 0; round < 3000; round++) {
            int vocabulary = round % 50 == 0 ? 5000 : 1 + random.nextInt(60);
            float[] logits = logits(random, vocabulary);
            SamplingSettings settings = new SamplingSettings(
                    0.2 + 2 * random.nextDouble(),
                    random.nextBoolean() ? 0 : 1 + random.nextInt(70),
                    random.nextBoolean() ? 1 : 0.05 + 0.949 * random.nextDouble(),
                    random.nextBoolean() ? 0 : random.nextDouble(),
                    random.nextLong());
            Sampler sampler = new Sampler(settings);
            for (int position = 0; position < 5; position++) {
                assertThat(sampler.sample(MemorySegment.ofArray(logits), vocabulary, position, round))
                        .as("%s, round %d, position %d", settings, round, position)
                        .isEqualTo(naive(settings, logits, position, round));
            }
        }
    }

    @Test
    void topPReachedExactlyAddsNoFurtherToken() {
        // Four equal weights: 0.5 of their sum is reached by the first two.
        SamplingSettings settings = new SamplingSettings(1, 0, 0.5, 0, 3);
        assertThat(drawn(settings, new float[4])).containsExactly(0, 1);
        assertThat(drawn(new SamplingSettings(1, 0, 0.5 + 1e-9, 0, 3), new float[4]))
                .containsExactly(0, 1, 2);
    }

    @Test
    void topPCountsTheShareOfWhatTopKKept() {
        // Of all four tokens 0.5 takes two; of the two that top-k keeps, one.
        assertThat(drawn(new SamplingSettings(1, 2, 0.5, 0, 3), new float[4])).containsExactly(0);
    }

    @Test
    void filtersKeepTheLowestIdsOfATie() {
        float[] logits = {0, 2, 1, 1, 1, 2};
        assertThat(drawn(new SamplingSettings(1, 3, 1, 0, 3), logits)).containsExactly(1, 2, 5);
        assertThat(drawn(new SamplingSettings(1, 1, 1, 0, 3), logits)).containsExactly(1);
        assertThat(drawn(new SamplingSettings(1, 0, 1, 1, 3), logits)).containsExactly(1, 5);
        assertThat(drawn(new SamplingSettings(1, 0, 1e-9, 0, 3), logits)).containsExactly(1);
    }

    @Test
    void numberOnTheBoundaryDrawsTheNextToken() {
        long seed = 0x81bada78bb6f41deL; // found by running the generator backwards
        assertThat(CounterRandom.uniform(seed, 0, 0)).isEqualTo(0.5);
        assertThat(sample(new SamplingSettings(1, 0, 1, 0, seed), new float[2], 0, 0))
                .isEqualTo(1);
    }

    @Test
    void neverDrawsAForbiddenToken() {
        float[] logits = {Float.NEGATIVE_INFINITY, 0, Float.NEGATIVE_INFINITY, -1, Float.NEGATIVE_INFINITY};
        assertThat(drawn(PLAIN, logits)).containsExactly(1, 3);
        assertThat(drawn(new SamplingSettings(1, 4, 0.999, 0, 3), logits)).containsExactly(1, 3);
    }

    /** Other draws before it, other lengths of scratch, other memory: the same draw. */
    @Test
    void dependsOnNothingElse() {
        SamplingSettings settings = new SamplingSettings(0.9, 40, 0.9, 0.02, 99);
        Random random = new Random(2);
        List<float[]> rows = new ArrayList<>();
        int[] expected = new int[50];
        for (int i = 0; i < expected.length; i++) {
            rows.add(logits(random, 100 + random.nextInt(400)));
            expected[i] =
                    new Sampler(settings).sample(MemorySegment.ofArray(rows.get(i)), rows.get(i).length, i, i % 3);
        }
        assertThat(Arrays.stream(expected).distinct().count()).isGreaterThan(20);
        Sampler reused = new Sampler(settings);
        for (int visit = 0; visit < 500; visit++) {
            int i = random.nextInt(expected.length);
            float[] row = rows.get(i);
            try (Arena arena = Arena.ofConfined()) {
                // Longer than the vocabulary, as a padded row of the engine would be.
                MemorySegment memory = arena.allocate(ValueLayout.JAVA_FLOAT, row.length + 16L);
                memory.fill((byte) 0xff);
                MemorySegment.copy(row, 0, memory, ValueLayout.JAVA_FLOAT, 0, row.length);
                assertThat(reused.sample(memory, row.length, i, i % 3)).isEqualTo(expected[i]);
            }
        }
    }

    @Test
    void seedChoiceAndPositionEachMatter() {
        float[] logits = new float[1000];
        assertThat(IntStream.range(0, 50)
                        .map(i -> sample(PLAIN, logits, i, 0))
                        .distinct()
                        .count())
                .isGreaterThan(40);
        assertThat(IntStream.range(0, 50)
                        .map(i -> sample(PLAIN, logits, 0, i))
                        .distinct()
                        .count())
                .isGreaterThan(40);
        assertThat(IntStream.range(0, 50)
                        .map(i -> sample(new SamplingSettings(1, 0, 1, 0, i), logits, 0, 0))
                        .distinct()
                        .count())
                .isGreaterThan(40);
    }

    @Test
    void zeroTemperatureIsTheGreedyToken() {
        float[] logits = logits(new Random(3), 500);
        int greedy = Sampler.greedy(MemorySegment.ofArray(logits), 500, 0);
        assertThat(sample(SamplingSettings.greedy(), logits, 5, 5)).isEqualTo(greedy);
        assertThat(sample(new SamplingSettings(0.001, 1, 1, 0, 5), logits, 5, 5))
                .isEqualTo(greedy);
    }

    /** 20,000 positions against the exact probabilities, computed here in f64 from the definition of softmax. */
    @Test
    void drawsFollowTheProbabilities() {
        int vocabulary = 20;
        int draws = 20_000;
        float[] logits = new float[vocabulary];
        Random random = new Random(4);
        for (int i = 0; i < vocabulary; i++) {
            logits[i] = (float) random.nextGaussian();
        }
        double temperature = 0.8;
        Sampler sampler = new Sampler(new SamplingSettings(temperature, 0, 1, 0, 2024));
        int[] counts = new int[vocabulary];
        for (int position = 0; position < draws; position++) {
            counts[sampler.sample(MemorySegment.ofArray(logits), vocabulary, position, 0)]++;
        }
        double total = 0;
        for (float logit : logits) {
            total += Math.exp(logit / temperature);
        }
        double chiSquare = 0;
        for (int i = 0; i < vocabulary; i++) {
            double expected = draws * Math.exp(logits[i] / temperature) / total;
            assertThat(expected).isGreaterThan(5);
            chiSquare += (counts[i] - expected) * (counts[i] - expected) / expected;
        }
        // Quantile 0.999 of chi-square with 19 degrees of freedom.
        assertThat(chiSquare).isLessThan(43.8);
    }

    private static int greedy(float... logits) {
        return Sampler.greedy(MemorySegment.ofArray(logits), logits.length, 0);
    }

    private static int sample(SamplingSettings settings, float[] logits, int position, int choice) {
        return new Sampler(settings).sample(MemorySegment.ofArray(logits), logits.length, position, choice);
    }

    /** All tokens drawn at 300 positions, ascending. */
    private static int[] drawn(SamplingSettings settings, float[] logits) {
        return IntStream.range(0, 300)
                .map(position -> sample(settings, logits, position, 0))
                .distinct()
                .sorted()
                .toArray();
    }

    /** Of different spread; every third row with many ties, zeros of both signs and forbidden tokens. */
    private static float[] logits(Random random, int vocabulary) {
        float spread = 0.2f + 5 * random.nextFloat();
        boolean ties = random.nextInt(3) == 0;
        float[] logits = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
            float logit = spread * (float) random.nextGaussian();
            logits[i] = ties ? (random.nextInt(5) == 0 ? Float.NEGATIVE_INFINITY : (float) Math.rint(logit)) : logit;
        }
        logits[random.nextInt(vocabulary)] = 0.5f;
        return logits;
    }

    private static int naive(SamplingSettings settings, float[] logits, int position, int choice) {
        Comparator<Integer> descendingLogit = (a, b) -> logits[a] > logits[b] ? -1 : logits[a] < logits[b] ? 1 : 0;
        List<Integer> order = new ArrayList<>(IntStream.range(0, logits.length)
                .boxed()
                .sorted(descendingLogit)
                .toList());
        float largest = logits[order.getFirst()];
        float inverse = (float) (1 / settings.temperature());
        double[] weights = new double[logits.length];
        for (int i = 0; i < logits.length; i++) {
            weights[i] = bita.kernels.ScalarMath.exp((logits[i] - largest) * inverse);
        }
        if (settings.topK() > 0 && settings.topK() < order.size()) {
            order = order.subList(0, settings.topK());
        }
        if (settings.topP() < 1) {
            long all = 0;
            for (int token : order) {
                all += (long) (weights[token] * (1L << 33));
            }
            double enough = settings.topP() * all;
            long mass = 0;
            int length = 0;
            while (mass < enough) {
                mass += (long) (weights[order.get(length++)] * (1L << 33));
            }
            order = order.subList(0, length);
        }
        List<Integer> kept = order.stream()
                .filter(token -> weights[token] >= settings.minP())
                .sorted()
                .toList();
        double target = CounterRandom.uniform(settings.seed(), choice, position) * sum(kept, weights);
        double sum = 0;
        for (int token : kept) {
            sum += weights[token];
            if (sum > target) {
                return token;
            }
        }
        throw new AssertionError("nothing drawn");
    }

    private static double sum(List<Integer> tokens, double[] weights) {
        double sum = 0;
        for (int token : tokens.stream().sorted().toList()) {
            sum += weights[token];
        }
        return sum;
    }
}
