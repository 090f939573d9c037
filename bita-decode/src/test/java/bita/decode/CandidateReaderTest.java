package bita.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import bita.kernels.Backend;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ScalarMath;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.TinyModel;
import bita.model.Transformer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a mask's logits are, they make candidates that a tree can be built of, or none. */
class CandidateReaderTest {
    private static final int COUNT = Calibration.RANKS;

    @TempDir
    static Path folder;

    private static Transformer model;
    private static ThreadTeam team;

    @BeforeAll
    static void load() {
        model = TinyModel.load(folder, NumberFormat.Q4_1, 11);
        team = new ThreadTeam(1);
    }

    @AfterAll
    static void close() {
        model.close();
        team.close();
    }

    private static MaskCandidates read(Backend backend, float[]... rows) {
        Engine engine =
                new Engine(model, KernelsProvider.of(backend, Optional.empty()).kernels(), team, Optional.empty());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment logits = arena.allocate((long) rows.length * TinyModel.VOCABULARY * Float.BYTES, 64);
            for (int row = 0; row < rows.length; row++) {
                MemorySegment.copy(
                        rows[row],
                        0,
                        logits,
                        JAVA_FLOAT,
                        (long) row * TinyModel.VOCABULARY * Float.BYTES,
                        TinyModel.VOCABULARY);
            }
            return new CandidateReader(engine, Calibration.none()).read(logits, rows.length);
        }
    }

    private static float[] logits(long seed) {
        Random random = new Random(seed);
        float[] logits = new float[TinyModel.VOCABULARY];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) (3 * random.nextGaussian());
        }
        return logits;
    }

    /** A mask without usable logits has no candidates; those of the others are as they were. */
    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void logitsThatAreNotFiniteMakeNoCandidates(float poison) {
        for (int at : new int[] {0, 50, TinyModel.VOCABULARY - 1}) {
            float[] one = logits(1);
            one[at] = poison;
            float[] all = new float[TinyModel.VOCABULARY];
            Arrays.fill(all, poison);
            float[] allButThree = all.clone();
            allButThree[3] = 1;
            allButThree[4] = 2;
            allButThree[5] = 3;
            MaskCandidates candidates = read(Backend.NATIVE, one, logits(2), all, allButThree, logits(3));
            assertThat(candidates.count(0)).isZero();
            assertThat(candidates.count(2)).isZero();
            assertThat(candidates.count(3)).isZero();
            assertThat(candidates.depth()).isZero();
            MaskCandidates alone = read(Backend.NATIVE, logits(2), logits(3));
            for (int rank = 0; rank < COUNT; rank++) {
                assertThat(candidates.token(1, rank)).isEqualTo(alone.token(0, rank));
                assertThat(candidates.probability(1, rank)).isEqualTo(alone.probability(0, rank));
                assertThat(candidates.token(4, rank)).isEqualTo(alone.token(1, rank));
                assertThat(candidates.probability(4, rank)).isEqualTo(alone.probability(1, rank));
            }
        }
    }

    @Test
    void extremesOfFiniteLogitsMakeCandidates() {
        float[] huge = logits(4);
        huge[7] = Float.MAX_VALUE;
        huge[8] = -Float.MAX_VALUE;
        MaskCandidates candidates = read(Backend.NATIVE, huge, new float[TinyModel.VOCABULARY]);
        assertThat(candidates.token(0, 0)).isEqualTo(7);
        assertThat(candidates.probability(0, 0)).isEqualTo(1);
        assertThat(candidates.probability(0, 1)).isZero();
        assertThat(candidates.token(1, 0)).isZero(); // the lowest of equals
        assertThat(candidates.token(1, 9)).isEqualTo(9);
    }

    /** The exponential is not monotonic in its last bit, probabilities have to be. */
    @ParameterizedTest
    @EnumSource(
            value = Backend.class,
            names = {"NATIVE", "SCALAR"})
    void neighbouringLogitsHaveDescendingProbabilities(Backend backend) {
        float lower = -0.0155f;
        while (!(ScalarMath.exp(lower) > ScalarMath.exp(Math.nextUp(lower)))) {
            lower = Math.nextDown(lower);
        }
        float[] logits = new float[TinyModel.VOCABULARY];
        Arrays.fill(logits, -100);
        logits[20] = 0;
        logits[30] = Math.nextUp(lower);
        logits[31] = lower;
        MaskCandidates candidates = read(backend, logits);
        assertThat(candidates.token(0, 1)).isEqualTo(30);
        assertThat(candidates.token(0, 2)).isEqualTo(31);
        assertThat(candidates.probability(0, 2)).isLessThanOrEqualTo(candidates.probability(0, 1));
    }
}
