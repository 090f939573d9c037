package bita.api;

import bita.api.store.StepCostStore;
import bita.decode.StepCosts;
import java.util.Optional;

/** What a model's sessions take steps to cost, which decides how they are planned and so how fast they are. */
public sealed interface CostChoice {
    /**
     * What is measured here, when the first session needs it.
     *
     * @param store where it is kept; empty to measure it for each loaded model
     */
    record Measured(Optional<StepCostStore> store) implements CostChoice {}

    /** What is known already. */
    record Given(StepCosts costs) implements CostChoice {}
}
