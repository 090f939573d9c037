package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.TinyModel;
import bita.model.Transformer;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StepCostsTest {
    @Test
    void interpolatesAndNeverFalls() {
        double[] milliseconds =
                StepCosts.of(Map.of(1, 2.0, 3, 4.0, 4, 3.0, 6, 5.0)).milliseconds();

        // What three rows were measured to take must have been noise: four take less.
        assertThat(milliseconds).containsExactly(2, 3, 3, 3, 4, 5);
    }

    @Test
    void refusesWhatCannotBeCosts() {
        assertThatThrownBy(() -> StepCosts.of(Map.of())).hasMessageContaining("one row");
        assertThatThrownBy(() -> StepCosts.of(Map.of(2, 1.0))).hasMessageContaining("one row");
        for (double time : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThatThrownBy(() -> StepCosts.of(Map.of(1, time))).hasMessageContaining("cannot take " + time);
        }
        assertThatThrownBy(() -> StepCosts.of(Map.of(1, 1.0, 65, 2.0))).hasMessageContaining("65 rows");
        assertThatThrownBy(() -> StepCosts.of(Map.of(0, 1.0, 1, 2.0))).hasMessageContaining("0 rows");
    }

    @Test
    void followsAMachineThatHasChanged() {
        StepCosts costs = StepCosts.of(Map.of(1, 4.0, 8, 8.0));
        assertThat(costs.drifted()).isFalse();
        for (int i = 0; i < 400; i++) {
            costs.observe(1, 4);
            costs.observe(8, 16);
            costs.observe(8, 500); // interrupted
        }

        assertThat(costs.milliseconds()[7] / costs.milliseconds()[0]).isCloseTo(4, within(0.2));
        assertThat(costs.drifted()).isTrue();
    }

    /** Steps of four sequences read four contexts: what they teach is no matter of the steps of one. */
    @Test
    void whatSeveralSequencesCostIsLearnedByItself() {
        StepCosts costs = StepCosts.of(Map.of(1, 4.0, 8, 8.0));
        assertThat(costs.forSequences(1)).isSameAs(costs);
        assertThat(costs.forSequences(4).milliseconds()).isEqualTo(costs.milliseconds());
        double[] before = costs.milliseconds();
        for (int i = 0; i < 400; i++) {
            costs.forSequences(4).observe(4, 9);
            costs.forSequences(4).observe(8, 18);
        }

        assertThat(costs.forSequences(4).milliseconds()[7]).isCloseTo(18, within(1.0));
        assertThat(costs.forSequences(4).milliseconds()[3]).isCloseTo(9, within(0.5));
        assertThat(costs.milliseconds()).isEqualTo(before);
        assertThat(StepCosts.fixed(Map.of(1, 1.0)).forSequences(4).milliseconds())
                .containsExactly(1);
    }

    /** All steps twice as long is no other machine: only ratios count. */
    @Test
    void aSlowerMachineIsNoOther() {
        StepCosts costs = StepCosts.of(Map.of(1, 4.0, 2, 5.0));
        for (int i = 0; i < 400; i++) {
            costs.observe(1 + i % 2, i % 2 == 0 ? 8 : 10);
        }

        assertThat(costs.milliseconds()[1] / costs.milliseconds()[0]).isCloseTo(1.25, within(0.05));
        assertThat(costs.drifted()).isFalse();
    }

    @Test
    void aSlowerMachineIsNoOtherThoughOneNumberOfRowsIsSeen() {
        StepCosts costs = StepCosts.of(Map.of(1, 4.0, 8, 8.0));
        for (int i = 0; i < 400; i++) {
            costs.observe(1, 8);
        }

        assertThat(costs.milliseconds()[7] / costs.milliseconds()[0]).isBetween(1.7, 2.0);
        assertThat(costs.drifted()).isFalse();
    }

    @Test
    void fixedCostsStay() {
        StepCosts costs = StepCosts.fixed(Map.of(1, 4.0, 2, 5.0));
        costs.observe(1, 7);

        assertThat(costs.milliseconds()).containsExactly(4, 5);
    }

    @Test
    void measures(@TempDir Path folder) {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_1, 2);
                ThreadTeam team = new ThreadTeam(1)) {
            StepCosts costs =
                    StepCosts.measure(new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty()));

            assertThat(costs.points()).containsKeys(1, 2, 3, 4);
            assertThat(costs.points().values()).allMatch(time -> time > 0 && time < 1000);
        }
    }
}
