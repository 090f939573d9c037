package bita.tune.train;

import bita.model.LearnedTokens;
import bita.tune.data.Example;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/**
 * Measures learned tokens on answers, and simulates decoding on them: with a mask group behind every anchor, the ranks of
 * the true tokens say how far a tree of candidates would have got.
 */
final class Validation {
    private static final int WIDEST = 5;

    private final TrainingSettings settings;
    private final List<Example> examples;

    /**
     * @param most anchors; further examples are left out
     */
    Validation(TrainingSettings settings, List<Example> all, int most) {
        this.settings = settings;
        List<Example> taken = new ArrayList<>();
        int anchors = 0;
        for (Example example : all) {
            int own = Window.anchors(example, settings);
            if (own > 0 && anchors < most) {
                taken.add(example);
                anchors += own;
            }
        }
        examples = List.copyOf(taken);
    }

    boolean isEmpty() {
        return examples.isEmpty();
    }

    /**
     * Measures.
     *
     * @param steps   made until then
     * @param stopped asked between windows
     * @return empty if stopped
     */
    Optional<ValidationReport> measure(
            WindowWorkers workers, LearnedTokens tokens, int steps, BooleanSupplier stopped) {
        List<Window> windows = new ArrayList<>();
        for (Example example : examples) {
            int anchors = Window.anchors(example, settings);
            for (int from = 0; from < anchors; from += settings.window()) {
                IntStream consecutive = IntStream.range(from, Math.min(from + settings.window(), anchors));
                windows.add(Window.of(example, settings, consecutive));
            }
        }
        return workers.measure(tokens, windows, stopped).map(outcomes -> report(steps, outcomes));
    }

    private ValidationReport report(int steps, List<WindowOutcome> all) {
        MaskCounts counts = new MaskCounts(settings.masks());
        double loss = 0;
        for (WindowOutcome outcome : all) {
            loss += outcome.loss();
            counts.add(outcome);
        }
        Simulation chain = new Simulation(1, settings.masks());
        Simulation triangle = new Simulation(WIDEST, settings.masks());
        int next = 0;
        for (Example example : examples) {
            int anchors = Window.anchors(example, settings);
            int windows = Math.ceilDiv(anchors, settings.window());
            List<WindowOutcome> outcomes = all.subList(next, next + windows);
            next += windows;
            chain.run(outcomes, anchors, settings.window());
            triangle.run(outcomes, anchors, settings.window());
        }
        return new ValidationReport(steps, loss / all.size(), counts, chain.tokensPerStep(), triangle.tokensPerStep());
    }

    /** Decoding with a tree of widest, widest - 1, ... candidates in which only each level's best has children. */
    private static final class Simulation {
        private final int widest;
        private final int masks;
        private long tokens;
        private long steps;

        Simulation(int widest, int masks) {
            this.widest = widest;
            this.masks = masks;
        }

        void run(List<WindowOutcome> outcomes, int anchors, int window) {
            for (int anchor = 0; anchor < anchors; ) {
                int accepted = accepted(outcomes.get(anchor / window), anchor % window * masks);
                tokens += accepted + 1;
                steps++;
                anchor += accepted + 1;
            }
        }

        private int accepted(WindowOutcome outcome, int first) {
            for (int mask = 0; mask < masks; mask++) {
                if (!outcome.hasRank(first + mask) || outcome.rank(first + mask) >= Math.max(widest - mask, 1)) {
                    return mask;
                }
                if (outcome.rank(first + mask) > 0) {
                    return mask + 1;
                }
            }
            return masks;
        }

        double tokensPerStep() {
            return steps == 0 ? 1 : (double) tokens / steps;
        }
    }
}
