package bita.eval.plot;

import java.util.List;

/**
 * How a tuning run has gone so far, by steps made.
 *
 * @param steps         of the whole run
 * @param training      loss of each step, in nats
 * @param validation    loss on the validation answers, in nats
 * @param masks         of each mask, in order
 * @param chain         tokens per step of a chain, on the validation answers
 * @param upperTriangle tokens per step of the reference implementation's tree, on the validation answers
 */
public record TuningCurves(
        int steps,
        List<Point> training,
        List<Point> validation,
        List<Mask> masks,
        List<Point> chain,
        List<Point> upperTriangle) {
    /** A value behind so many steps; both finite. */
    public record Point(int step, double value) {
        public Point {
            if (step < 0 || !Double.isFinite(value)) {
                throw new IllegalArgumentException(
                        "a point needs a step from 0 on and a number, not " + step + " and " + value);
            }
        }
    }

    /**
     * How often a mask is right on the validation answers.
     *
     * @param top1 share of its predictions whose most likely token was the true one
     * @param top5 share of its predictions whose five most likely tokens held the true one
     */
    public record Mask(List<Point> top1, List<Point> top5) {
        public Mask {
            top1 = List.copyOf(top1);
            top5 = List.copyOf(top5);
        }
    }

    public TuningCurves {
        if (steps < 1) {
            throw new IllegalArgumentException("a run has at least 1 step, not " + steps);
        }
        training = List.copyOf(training);
        validation = List.copyOf(validation);
        masks = List.copyOf(masks);
        chain = List.copyOf(chain);
        upperTriangle = List.copyOf(upperTriangle);
    }
}
