package bita.tune.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import bita.kernels.KernelsProvider;
import bita.kernels.TrainingKernels;
import bita.model.Engine;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/** The loss of a window's predictions, and its gradient. */
final class WindowLoss {
    private static final double FOCUS = 2; // the exponent of the focal loss, as in its paper

    private final Engine engine;
    private final TrainingKernels kernels;
    private final TrainingSettings settings;
    private final int vocabulary;

    WindowLoss(Engine engine, TrainingSettings settings) {
        this.engine = engine;
        this.settings = settings;
        kernels = KernelsProvider.training(engine.kernels());
        vocabulary = engine.model().config().vocabulary();
    }

    /**
     * Replaces logits by the gradients of the window's mean loss.
     *
     * @param logits  f32 (groups, masks, vocabulary)
     * @param teacher f32 (tokens, vocabulary): the frozen model's distributions for the tokens from the first
     *                anchor's first label on; for {@link LossFunction#FORWARD_KL}
     * @param scale   factor of the gradients
     */
    WindowOutcome apply(MemorySegment logits, Window window, Optional<MemorySegment> teacher, double scale) {
        int masks = settings.masks();
        int rows = window.count() * masks;
        double total = 0;
        for (int row = 0; row < rows; row++) {
            total += window.hasLabel(row / masks, row % masks) ? settings.weight(row % masks) : 0;
        }
        double[] losses = new double[rows];
        int[] ranks = new int[rows];
        double all = total;
        engine.team().run(member -> {
            for (int row = member.from(rows); row < member.to(rows); row++) {
                int group = row / masks;
                int mask = row % masks;
                MemorySegment own = row(logits, row);
                if (!window.hasLabel(group, mask)) {
                    own.fill((byte) 0);
                    ranks[row] = WindowOutcome.NONE;
                    continue;
                }
                double weight = settings.weight(mask) / all;
                int label = window.label(group, mask);
                double loss = -own.getAtIndex(JAVA_FLOAT, label);
                loss += kernels.softmax(own, vocabulary);
                float probability = own.getAtIndex(JAVA_FLOAT, label);
                losses[row] = loss * weight;
                ranks[row] = kernels.countAbove(own, vocabulary, probability);
                Optional<MemorySegment> target =
                        teacher.map(t -> row(t, window.anchors()[group] - window.first() + mask));
                gradient(own, label, probability, weight * scale, target);
            }
        });
        return new WindowOutcome(Arrays.stream(losses).sum(), ranks);
    }

    private void gradient(
            MemorySegment row, int label, double probability, double weight, Optional<MemorySegment> target) {
        if (target.isPresent()) {
            kernels.combine(row, (float) weight, target.get(), (float) -weight, vocabulary);
            return;
        }
        double factor = weight;
        if (settings.loss() == LossFunction.FOCAL) {
            double rest = 1 - probability;
            double log = Math.log(Math.max(probability, Float.MIN_NORMAL));
            factor *= Math.pow(rest, FOCUS) - FOCUS * probability * Math.pow(rest, FOCUS - 1) * log;
        }
        kernels.combine(row, (float) factor, row, 0, vocabulary);
        row.setAtIndex(JAVA_FLOAT, label, row.getAtIndex(JAVA_FLOAT, label) - (float) factor);
    }

    private MemorySegment row(MemorySegment rows, int row) {
        long bytes = (long) vocabulary * Float.BYTES;
        return rows.asSlice(row * bytes, bytes);
    }
}
