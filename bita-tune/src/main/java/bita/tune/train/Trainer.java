package bita.tune.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import bita.model.LearnedTokens;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** Makes steps of training out of what windows say. Not thread-safe. */
final class Trainer {
    private final WindowWorkers workers;
    private final TrainingSettings settings;
    private final LearnedTokens gradient;

    Trainer(WindowWorkers workers, TrainingSettings settings) {
        this.workers = workers;
        this.settings = settings;
        gradient = settings.zeros(workers.config());
    }

    /**
     * Makes the next step.
     *
     * @param stopped asked between windows
     * @return empty if stopped: then the state is as it was
     * @throws DivergedException if the loss is not a number
     */
    Optional<StepReport> step(TrainingState state, Schedule schedule, BooleanSupplier stopped) {
        long start = System.nanoTime();
        gradient.all().fill((byte) 0);
        List<WindowOutcome> outcomes = new ArrayList<>();
        boolean complete = workers.gradients(
                state.tokens(), groups(schedule.step(state.steps())), stopped, (group, itsOutcomes) -> {
                    add(group);
                    outcomes.addAll(itsOutcomes);
                });
        if (!complete) {
            return Optional.empty();
        }
        MaskCounts counts = new MaskCounts(settings.masks());
        double sum = 0;
        for (WindowOutcome outcome : outcomes) {
            sum += outcome.loss() / settings.answersPerStep();
            counts.add(outcome);
        }
        double norm = AdamW.clip(gradient, settings.clip());
        if (!Double.isFinite(sum) || !Double.isFinite(norm)) {
            throw new DivergedException("in step " + (state.steps() + 1));
        }
        double share = settings.rateShare(state.steps());
        double learningRate = share * settings.learningRate();
        new AdamW(state.mean(), state.square())
                .update(state.tokens(), gradient, state.steps(), learningRate, share * settings.lowRankRate());
        double seconds = (System.nanoTime() - start) / 1e9;
        return Optional.of(new StepReport(state.steps() + 1, sum, norm, learningRate, seconds, counts));
    }

    private List<List<Window>> groups(List<Window> windows) {
        List<List<Window>> groups = new ArrayList<>();
        for (int from = 0; from < windows.size(); from += settings.accumulate()) {
            groups.add(windows.subList(from, Math.min(from + settings.accumulate(), windows.size())));
        }
        return groups;
    }

    private void add(MemorySegment group) {
        MemorySegment sum = gradient.all();
        for (long i = 0; i < gradient.count(); i++) {
            sum.setAtIndex(JAVA_FLOAT, i, sum.getAtIndex(JAVA_FLOAT, i) + group.getAtIndex(JAVA_FLOAT, i));
        }
    }
}
