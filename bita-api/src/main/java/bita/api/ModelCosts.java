package bita.api;

import bita.api.store.StepCostStore;
import bita.decode.StepCosts;
import bita.kernels.Processors;
import bita.model.Engine;
import bita.model.MaskTokens;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What steps cost with a model, found when it is first asked for. Thread-safe. */
final class ModelCosts {
    private final CostChoice choice;
    private final Engine engine;
    private @Nullable StepCosts costs;

    ModelCosts(CostChoice choice, Engine engine) {
        this.choice = choice;
        this.engine = engine;
    }

    /** The costs, which all sessions of the model share; measured if need be. */
    synchronized StepCosts get() {
        if (costs == null) {
            costs = switch (choice) {
                case CostChoice.Given given -> given.costs();
                case CostChoice.Measured measured -> measured(measured.store());
            };
        }
        return costs;
    }

    private StepCosts measured(Optional<StepCostStore> store) {
        Optional<StepCosts> kept = store.flatMap(folder -> folder.read(key()));
        if (kept.isPresent()) {
            return kept.get();
        }
        StepCosts found = StepCosts.measure(engine);
        store.ifPresent(folder -> folder.keep(key(), found));
        return found;
    }

    /** What decides the costs. */
    private String key() {
        return String.join(
                ", ",
                engine.model().config().toString(),
                engine.model().weightBytes() + " bytes",
                engine.maskTokens().map(ModelCosts::key).orElse("no adapter"),
                (engine.kernels().backend() + " " + engine.kernels().instructionSet()).toLowerCase(Locale.ROOT),
                engine.team().threads() + " threads",
                Processors.name());
    }

    private static String key(MaskTokens masks) {
        return masks.masks() + " masks, " + masks.prompts() + " prompt tokens, rank " + masks.rank();
    }

    /** Lets the next process measure anew if the machine has become another one, or was busy when it was measured. */
    synchronized void close() {
        if (costs != null && costs.drifted() && choice instanceof CostChoice.Measured(Optional<StepCostStore> store)) {
            store.ifPresent(folder -> folder.forget(key()));
        }
    }
}
