package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.Rows;
import bita.model.TinyModel;
import bita.model.Transformer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a planner makes of candidates whose costs and luck are made up. */
class PlannerTest {
    private static final Method.Drafting METHOD = (Method.Drafting) Method.parse("masks:best:16");
    private static final int MASKS = 2;
    private static final StepCosts FREE_TO_FOUR = StepCosts.fixed(Map.of(1, 10.0, 4, 10.0, 5, 15.0, 16, 70.0));
    private static final StepCosts DEAR = StepCosts.fixed(Map.of(1, 10.0, 16, 160.0));
    private static final Planner.Pass ALONE = new Planner.Pass(0, new StepCosts.Contexts(1, 256));
    private static final StepCosts FREE = StepCosts.fixed(Map.of(1, 10.0, 16, 10.0));

    @TempDir
    static Path folder;

    private static Transformer model;
    private static ThreadTeam team;
    private static Engine engine;

    @BeforeAll
    static void load() {
        model = TinyModel.load(folder, NumberFormat.Q4_1, 2);
        team = new ThreadTeam(1);
        engine = new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty());
    }

    @AfterAll
    static void close() {
        team.close();
        model.close();
    }

    private static MaskCandidates candidates(float first, float second) {
        return MaskCandidates.of(new int[][] {{11, 12}, {21, 22}}, new float[][] {
            {first, first / 2}, {second, second / 2}
        });
    }

    private static Drafter drafter(MaskCandidates candidates) {
        Drafter drafter = new Drafter(engine, METHOD, MASKS, Bigrams.none(), 16);
        drafter.propose(1, candidates, 100, 0);
        return drafter;
    }

    private static int rows(Drafter drafter) {
        Rows rows = new Rows();
        drafter.layOut(rows);
        return rows.size();
    }

    private static MaskGains gains(int masks) {
        return new MaskGains(masks, Calibration.none(), false);
    }

    private static Planner planner(StepCosts costs) {
        return Planner.of(METHOD, gains(MASKS), OptionalInt.empty(), () -> costs)
                .orElseThrow();
    }

    @Test
    void takesTheRowsThatAreFree() {
        Drafter drafter = drafter(candidates(0.3f, 0.1f));
        planner(FREE_TO_FOUR).plan(List.of(drafter), ALONE);

        assertThat(rows(drafter)).isEqualTo(4);
        assertThat(drafter.tree().child(0, 11)).isNotEqualTo(DraftTree.NONE);
        assertThat(drafter.masks(0)).isPositive();
    }

    @Test
    void isPlainWhereNothingPays() {
        Drafter drafter = drafter(candidates(0.3f, 0.1f));
        planner(DEAR).plan(List.of(drafter), ALONE);

        assertThat(rows(drafter)).isEqualTo(1);
    }

    @Test
    void verifiesWhatIsNearlyCertainThoughRowsAreDear() {
        Drafter drafter = drafter(candidates(0.99f, 0.1f));
        StepCosts costs = StepCosts.fixed(Map.of(1, 10.0, 16, 130.0)); // a row costs eight tenths of a step
        planner(costs).plan(List.of(drafter), ALONE);

        assertThat(drafter.pool().size()).isGreaterThan(4);
        assertThat(rows(drafter)).isEqualTo(2);
    }

    /** Held against all numbers of rows: what is drafted now brings most tokens for its time, whatever earlier steps brought. */
    @Test
    void takesTheRowsThatBringMostForTheirTime() {
        StepCosts costs = StepCosts.fixed(Map.of(1, 10.0, 4, 11.0, 5, 14.0, 8, 20.0, 16, 40.0));
        double[] times = costs.milliseconds(ALONE.contexts());
        for (float likely : new float[] {0.05f, 0.2f, 0.5f, 0.7f, 0.95f}) {
            Drafter drafter = drafter(candidates(likely, 0.8f * likely));
            DraftTree pool = drafter.pool();
            double[] probabilities = IntStream.range(1, pool.size())
                    .mapToDouble(node -> -pool.probability(node))
                    .sorted()
                    .toArray();
            double tokens = 1;
            double most = 1.1 / times[0]; // less than a tenth more than plain decoding's is not worth it
            int expected = 1;
            for (int rows = 2; rows <= pool.size(); rows++) {
                tokens -= probabilities[rows - 2];
                if (tokens / times[rows - 1] > most) {
                    most = tokens / times[rows - 1];
                    expected = rows;
                }
            }
            Planner.of(METHOD, gains(0), OptionalInt.empty(), () -> costs)
                    .orElseThrow()
                    .plan(List.of(drafter), ALONE);
            assertThat(rows(drafter)).as("with %s", likely).isEqualTo(expected);
        }
    }

    @Test
    void takesAllThatIsFreeWithinABudget() {
        Drafter drafter = drafter(candidates(0.3f, 0.1f));
        planner(FREE).plan(List.of(drafter), ALONE);
        assertThat(rows(drafter)).isGreaterThan(10); // the others hardly bring anything

        Planner within =
                Planner.of(METHOD, gains(MASKS), OptionalInt.of(6), () -> DEAR).orElseThrow();
        within.plan(List.of(drafter), ALONE);
        assertThat(rows(drafter)).isEqualTo(6);
    }

    /** Masks go behind the nodes that are likely to turn out last: the root where no candidate is likely, else a leaf. */
    @Test
    void putsMasksBehindTheLikelyLast() {
        Drafter unlikely = drafter(candidates(0.1f, 0.1f));
        planner(FREE_TO_FOUR).plan(List.of(unlikely), ALONE);
        rows(unlikely);
        assertThat(unlikely.masks(0)).isPositive();

        Drafter likely = drafter(candidates(0.9f, 0.1f));
        planner(FREE_TO_FOUR).plan(List.of(likely), ALONE);
        rows(likely);
        assertThat(likely.masks(likely.tree().child(0, 11))).isPositive();
        assertThat(likely.masks(0)).isZero();
    }

    /** A first mask brings 0.4 tokens, as long as nothing was seen; masks take half a millisecond besides their rows. */
    @Test
    void masksPayForMoreThanTheirRows() {
        Drafter drafter = drafter(MaskCandidates.none());
        planner(StepCosts.of(Map.of(1, 10.0, 2, 12.5, 3, 20.0), StepCosts.Attention.NONE, 0.5))
                .plan(List.of(drafter), ALONE);
        assertThat(rows(drafter)).isEqualTo(1);
        planner(StepCosts.of(Map.of(1, 10.0, 2, 12.5, 3, 20.0), StepCosts.Attention.NONE, 0))
                .plan(List.of(drafter), ALONE);
        assertThat(rows(drafter)).isEqualTo(2);
    }

    @Test
    void sequencesShareTheRows() {
        Drafter likely = drafter(candidates(0.9f, 0.8f));
        Drafter unlikely = drafter(candidates(0.05f, 0.01f));
        planner(FREE_TO_FOUR).plan(List.of(likely, unlikely), ALONE);

        assertThat(rows(likely) + rows(unlikely)).isEqualTo(4);
        assertThat(rows(likely)).isEqualTo(3);
    }

    /** Rows beside a prompt's cost what wide steps' rows cost, and the prompt is not part of the choice. */
    @Test
    void plansBesideAPrompt() {
        Drafter drafter = drafter(candidates(0.9f, 0.8f));
        planner(FREE_TO_FOUR).plan(List.of(drafter), new Planner.Pass(200, ALONE.contexts()));
        int beside = rows(drafter);
        planner(FREE_TO_FOUR).plan(List.of(drafter), ALONE);

        assertThat(beside).isBetween(2, rows(drafter));
    }

    @Test
    void asksForCandidatesThatCanPay() {
        Drafter one = drafter(candidates(0.5f, 0.1f));
        Planner dear = planner(DEAR);
        assertThat(dear.leastProbability(List.of(one), ALONE)).isEqualTo(0.5f);
        assertThat(planner(FREE_TO_FOUR).leastProbability(List.of(one), ALONE)).isEqualTo(0.01f);

        Drafter asked = new Drafter(engine, METHOD, MASKS, Bigrams.none(), 16);
        asked.propose(1, candidates(0.6f, 0.5f), 100, 0.5f);
        assertThat(asked.pool().size()).isEqualTo(2);
    }

    /** Nothing behind the last token that may be decided is verified. */
    @Test
    void draftsNoDeeperThanWhatIsWanted() {
        Drafter drafter = new Drafter(engine, METHOD, MASKS, Bigrams.none(), 16);
        drafter.propose(1, candidates(0.9f, 0.9f), 2, 0);
        planner(FREE).plan(List.of(drafter), ALONE);
        Rows rows = new Rows();
        drafter.layOut(rows);

        assertThat(drafter.tree().size()).isEqualTo(3); // the first mask's two candidates
    }

    /** A prompt's last token has a whole group only where its rows are cheap: not beside many that decode. */
    @Test
    void putsMasksBehindPromptsWhereTheyPay() {
        StepCosts costs = StepCosts.fixed(Map.of(1, 10.0, 16, 40.0)); // a row costs a fifth of a step
        List<Drafter> two = List.of(drafter(candidates(0.3f, 0.1f)), drafter(candidates(0.3f, 0.1f)));

        assertThat(planner(FREE).firstMasks(List.of(), prompt(8))).isEqualTo(MASKS);
        assertThat(planner(costs).firstMasks(List.of(), prompt(8))).isEqualTo(1);
        assertThat(planner(costs).firstMasks(two, prompt(8))).isEqualTo(1);
        assertThat(planner(DEAR).firstMasks(two, prompt(8))).isZero();
    }

    private static Planner.Pass prompt(int tokens) {
        return new Planner.Pass(tokens, new StepCosts.Contexts(1, 256));
    }

    /** Masks that are never right are not tried for long, and tried again later. */
    @Test
    void learnsWhetherMasksPay() {
        StepCosts costs = StepCosts.fixed(Map.of(1, 10.0, 16, 40.0)); // a row costs a fifth of a step
        Planner planner = planner(costs);
        Drafter drafter = new Drafter(engine, METHOD, MASKS, Bigrams.none(), 16);
        MaskCandidates next = MaskCandidates.none();
        int early = 0;
        int late = 0;
        for (int step = 0; step < 600; step++) {
            drafter.propose(1, next, 100, 0);
            planner.plan(List.of(drafter), ALONE);
            int rows = rows(drafter);
            if (step >= 100) {
                late += rows - 1;
            } else {
                early += rows - 1;
            }
            drafter.learn(List.of(new Step.Token(99, DraftOrigin.ROOT, 0)));
            next = drafter.masks(0) > 0 ? candidates(0.4f, 0.2f) : MaskCandidates.none();
            planner.learn(List.of(drafter), 1, rows, drafter.masks(0) > 0, ALONE, 10_000_000);
        }

        assertThat(early).isPositive();
        assertThat(late / 500.0).isPositive().isLessThan(0.5 * early / 100.0);
    }

    /** What the adapter's calibration says of masks is expected of them, and half of it beside other sources. */
    @Test
    void masksBeginWithWhatTheAdapterSays() {
        Calibration.Counter counter = new Calibration.Counter(MASKS);
        for (int i = 0; i < 10; i++) {
            counter.count(candidates(0.5f, 0.4f), new int[] {i < 6 ? 11 : 12, i % 2 == 0 ? 21 : 99});
        }
        MaskGains alone = new MaskGains(MASKS, counter.result(), false);
        MaskGains besideOthers = new MaskGains(MASKS, counter.result(), true);

        assertThat(alone.of(0)).isCloseTo(0.6, within(1e-9));
        assertThat(alone.of(1)).isCloseTo(0.6 * 0.5, within(1e-9));
        assertThat(besideOthers.of(0)).isCloseTo(0.3, within(1e-9));
        assertThat(besideOthers.of(1)).isCloseTo(0.15, within(1e-9));
    }

    @Test
    void aSourceIsBelievedAsFarAsItWasRight() {
        HitRates rates = new HitRates(0.5f, 0.5f);
        for (int i = 0; i < 300; i++) {
            rates.learn(0, i % 10 == 0);
        }
        assertThat(rates.of(0)).isBetween(0.08f, 0.15f);
        assertThat(rates.of(1)).isEqualTo(0.5f);

        MaskRates masks = new MaskRates(MASKS);
        for (int i = 0; i < 300; i++) {
            MaskCandidates corrected = masks.corrected(candidates(0.4f, 0.4f));
            masks.learn(0, corrected.probability(0, 0), i % 5 == 0); // half as often as claimed
            masks.learn(1, corrected.probability(1, 0), i % 5 < 3); // half as often again
        }
        MaskCandidates corrected = masks.corrected(candidates(0.4f, 0.4f));
        assertThat(corrected.probability(0, 0)).isBetween(0.17f, 0.24f);
        assertThat(corrected.probability(1, 0)).isBetween(0.55f, 0.65f);
    }
}
