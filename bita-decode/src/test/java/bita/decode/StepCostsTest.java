package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.MaskTokens;
import bita.model.TinyModel;
import bita.model.Transformer;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StepCostsTest {
    private static final StepCosts.Contexts ONE = new StepCosts.Contexts(1, 256);

    @Test
    void interpolatesAndNeverFalls() {
        double[] milliseconds = StepCosts.of(Map.of(1, 2.0, 3, 4.0, 4, 3.0, 6, 5.0), StepCosts.Attention.NONE, 0)
                .milliseconds(ONE);

        // What three rows were measured to take must have been noise: four take less.
        assertThat(milliseconds).containsExactly(2, 3, 3, 3, 4, 5);
    }

    @Test
    void refusesWhatCannotBeCosts() {
        assertThatThrownBy(() -> StepCosts.of(Map.of(), StepCosts.Attention.NONE, 0))
                .hasMessageContaining("one row");
        assertThatThrownBy(() -> StepCosts.of(Map.of(2, 1.0), StepCosts.Attention.NONE, 0))
                .hasMessageContaining("one row");
        for (double time : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThatThrownBy(() -> StepCosts.of(Map.of(1, time), StepCosts.Attention.NONE, 0))
                    .hasMessageContaining("cannot take " + time);
        }
        assertThatThrownBy(() -> StepCosts.of(Map.of(1, 1.0, 65, 2.0), StepCosts.Attention.NONE, 0))
                .hasMessageContaining("65 rows");
        assertThatThrownBy(() -> StepCosts.of(Map.of(0, 1.0, 1, 2.0), StepCosts.Attention.NONE, 0))
                .hasMessageContaining("0 rows");
    }

    @Test
    void tellsWhatContextsCostFromSeveralSteps() {
        StepCosts.Attention line = StepCosts.attention(Map.of(1, 3.0, 4, 4.5, 8, 6.5, 16, 10.5), 1000);
        assertThat(line.perToken()).isCloseTo(0.0025, within(1e-9));
        assertThat(line.perTokenAndRow()).isCloseTo(0.0005, within(1e-9));

        assertThat(StepCosts.attention(Map.of(1, 3.0), 1000)).isEqualTo(new StepCosts.Attention(0.003, 0));
        // More rows cannot take less, and a context is not for nothing where rows alone seem to cost.
        assertThat(StepCosts.attention(Map.of(1, 4.0, 8, 2.0), 1000)).isEqualTo(new StepCosts.Attention(0.003, 0));
        assertThat(StepCosts.attention(Map.of(1, -1.0, 3, 7.0), 1000)).isEqualTo(new StepCosts.Attention(0, 0.004));
    }

    @Test
    void followsAMachineThatHasChanged() {
        StepCosts costs = StepCosts.of(Map.of(1, 4.0, 8, 8.0), StepCosts.Attention.NONE, 0);
        assertThat(costs.drifted()).isFalse();
        for (int i = 0; i < 400; i++) {
            costs.observe(1, false, ONE, 4);
            costs.observe(8, false, ONE, 16);
            costs.observe(8, false, ONE, 500); // interrupted
        }

        assertThat(costs.milliseconds(ONE)[7] / costs.milliseconds(ONE)[0]).isCloseTo(4, within(0.2));
        assertThat(costs.drifted()).isTrue();
    }

    /** Other programs hold some steps up: by how much says nothing about rows. */
    @Test
    void stepsThatWereHeldUpHardlyCount() {
        StepCosts costs = StepCosts.of(Map.of(1, 4.0, 8, 8.0), StepCosts.Attention.NONE, 0);
        for (int i = 0; i < 400; i++) {
            double delay = i % 5 == 0 ? 2.5 : 1;
            costs.observe(1, false, ONE, 4);
            costs.observe(8, false, ONE, 8 * delay);
        }

        assertThat(costs.milliseconds(ONE)[7] / costs.milliseconds(ONE)[0]).isBetween(2.0, 2.15);
    }

    /** Contexts that are read once for all rows do not make a further row dearer. */
    @Test
    void severalSequencesReadSeveralContexts() {
        StepCosts costs = StepCosts.of(Map.of(1, 4.0, 8, 11.0, 9, 12.0), new StepCosts.Attention(0.004, 0.001), 0);
        StepCosts.Contexts eight = new StepCosts.Contexts(8, 8 * 256);

        double[] milliseconds = costs.milliseconds(eight);
        assertThat(milliseconds[7]).isCloseTo(11 + 7 * 256 * 0.004, within(1e-9));
        assertThat(milliseconds[8] - milliseconds[7]).isCloseTo(1, within(1e-9));

        for (int i = 0; i < 400; i++) {
            costs.observe(8, false, eight, 2 * milliseconds[7]); // the machine has half its speed
        }
        assertThat(costs.milliseconds(ONE)[0]).isCloseTo(8, within(0.8));
    }

    @Test
    void longContextsMakeRowsDearerAndShortOnesCheaper() {
        StepCosts costs = StepCosts.of(Map.of(1, 4.0, 2, 5.0), new StepCosts.Attention(0.004, 0.001), 0);

        double[] milliseconds = costs.milliseconds(new StepCosts.Contexts(1, 1256));
        assertThat(milliseconds[0]).isCloseTo(4 + 1000 * 0.005, within(1e-9));
        assertThat(milliseconds[1]).isCloseTo(5 + 1000 * 0.006, within(1e-9));
        assertThat(costs.milliseconds(new StepCosts.Contexts(1, 0))[0]).isCloseTo(4 - 256 * 0.005, within(1e-9));
        StepCosts steep = StepCosts.of(Map.of(1, 4.0), new StepCosts.Attention(1, 0), 0);
        assertThat(steep.milliseconds(new StepCosts.Contexts(1, 0))[0]).isEqualTo(2);
    }

    @Test
    void refusesWhatAttentionCannotCost() {
        for (double time : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThatThrownBy(() -> new StepCosts.Attention(time, 0)).hasMessageContaining("cannot take " + time);
            assertThatThrownBy(() -> new StepCosts.Attention(0, time)).hasMessageContaining(time + " ms for each row");
        }
    }

    /** All steps twice as long is no other machine: only ratios count. */
    @Test
    void aSlowerMachineIsNoOther() {
        StepCosts costs = StepCosts.of(Map.of(1, 4.0, 2, 5.0), StepCosts.Attention.NONE, 0);
        for (int i = 0; i < 400; i++) {
            costs.observe(1 + i % 2, false, ONE, i % 2 == 0 ? 8 : 10);
        }

        assertThat(costs.milliseconds(ONE)[1] / costs.milliseconds(ONE)[0]).isCloseTo(1.25, within(0.05));
        assertThat(costs.drifted()).isFalse();
    }

    /** What was measured beside other programs is measured again once they have ended. */
    @Test
    void aFasterMachineWasBusyWhenItWasMeasured() {
        StepCosts costs = StepCosts.of(Map.of(1, 12.0, 2, 13.0), StepCosts.Attention.NONE, 0);
        for (int i = 0; i < 100; i++) {
            costs.observe(1, false, ONE, 11);
        }
        assertThat(costs.drifted()).isFalse();
        for (int i = 0; i < 100; i++) {
            costs.observe(1, false, ONE, 5);
        }

        assertThat(costs.drifted()).isTrue();
    }

    @Test
    void aSlowerMachineIsNoOtherThoughOneNumberOfRowsIsSeen() {
        StepCosts costs = StepCosts.of(Map.of(1, 4.0, 8, 8.0), StepCosts.Attention.NONE, 0);
        for (int i = 0; i < 400; i++) {
            costs.observe(1, false, ONE, 8);
        }

        assertThat(costs.milliseconds(ONE)[7] / costs.milliseconds(ONE)[0]).isBetween(1.7, 2.0);
        assertThat(costs.drifted()).isFalse();
    }

    @Test
    void fixedCostsStay() {
        StepCosts costs = StepCosts.fixed(Map.of(1, 4.0, 2, 5.0));
        costs.observe(1, false, ONE, 7);

        assertThat(costs.milliseconds(ONE)).containsExactly(4, 5);
    }

    /** What masks take besides their rows is known, and does not make rows dearer. */
    @Test
    void stepsWithMasksTeachWhatRowsCost() {
        StepCosts costs = StepCosts.of(Map.of(1, 4.0, 2, 5.0), StepCosts.Attention.NONE, 0.5);
        assertThat(costs.masks()).isEqualTo(0.5);

        costs.observe(2, true, ONE, 5.5);
        assertThat(costs.milliseconds(ONE)).containsExactly(4, 5);

        for (int i = 0; i < 400; i++) {
            costs.observe(2, true, ONE, 11); // the machine has half its speed
        }
        assertThat(costs.masks()).isCloseTo(1, within(0.2));
        assertThat(costs.milliseconds(ONE)[1]).isCloseTo(10, within(0.5));
    }

    @Test
    void refusesWhatMasksCannotCost() {
        for (double time : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThatThrownBy(() -> StepCosts.of(Map.of(1, 1.0), StepCosts.Attention.NONE, time))
                    .hasMessageContaining("masks cannot take " + time);
        }
    }

    @Test
    void measures(@TempDir Path folder) {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_1, 2);
                ThreadTeam team = new ThreadTeam(1)) {
            Engine plain = new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty());
            StepCosts costs = StepCosts.measure(plain);

            assertThat(costs.points()).containsKeys(1, 2, 3, 4);
            assertThat(costs.attention().perToken()).isLessThan(1);
            assertThat(costs.points().values()).allMatch(time -> time > 0 && time < 1000);
            assertThat(costs.masks()).isZero();

            // So many prompt tokens that reading them cannot be lost in what else a step takes.
            MaskTokens masks = TinyModel.maskTokens(model.config(), 2000, 3, 12);
            StepCosts withMasks = StepCosts.measure(new Engine(model, plain.kernels(), team, Optional.of(masks)));
            assertThat(withMasks.masks()).isBetween(1e-6, 1000.0);
        }
    }
}
