package bita.tune.train;

import bita.model.Engine;
import bita.model.LearnedTokens;
import bita.model.ModelConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** This machine, one window after the other. Not thread-safe. */
public final class LocalWorkers implements WindowWorkers {
    private final Engine engine;
    private final WindowPass pass;
    private final LearnedTokens gradient;

    /**
     * @param engine without an adapter
     * @throws UnsupportedOperationException if the engine's kernels have none for tuning
     */
    public LocalWorkers(Engine engine, TrainingSettings settings) {
        this.engine = engine;
        pass = new WindowPass(engine, settings);
        gradient = settings.zeros(engine.model().config());
    }

    @Override
    public ModelConfig config() {
        return engine.model().config();
    }

    @Override
    public String kernels() {
        return WindowPass.name(engine.kernels());
    }

    @Override
    public LearnedTokens start() {
        return pass.start();
    }

    @Override
    public boolean gradients(
            LearnedTokens tokens, List<List<Window>> groups, BooleanSupplier stopped, GroupListener inOrder) {
        for (List<Window> group : groups) {
            gradient.all().fill((byte) 0);
            List<WindowOutcome> outcomes = new ArrayList<>();
            for (Window window : group) {
                if (stopped.getAsBoolean()) {
                    return false;
                }
                outcomes.add(pass.gradient(window, tokens, gradient));
            }
            inOrder.computed(gradient.all(), outcomes);
        }
        return true;
    }

    @Override
    public Optional<List<WindowOutcome>> measure(LearnedTokens tokens, List<Window> windows, BooleanSupplier stopped) {
        List<WindowOutcome> outcomes = new ArrayList<>();
        for (Window window : windows) {
            if (stopped.getAsBoolean()) {
                return Optional.empty();
            }
            outcomes.add(pass.measure(window, tokens));
        }
        return Optional.of(outcomes);
    }

    @Override
    public void close() {
        pass.close();
    }
}
