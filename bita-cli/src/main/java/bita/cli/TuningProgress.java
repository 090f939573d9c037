package bita.cli;

import bita.tune.train.MaskCounts;
import bita.tune.train.StepReport;
import bita.tune.train.Tuning;
import bita.tune.train.ValidationReport;
import java.util.List;
import java.util.Locale;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Shows the loss, how often each mask is right, and tokens per step on the validation answers; writes the report of each
 * validation.
 */
final class TuningProgress implements Tuning.Listener {
    private final Terminal terminal;
    private final ProgressBar bar;
    private final int steps;
    private final TuningReport report;
    private String validated = "";

    TuningProgress(Terminal terminal, ProgressBar bar, int steps, TuningReport report) {
        this.terminal = terminal;
        this.bar = bar;
        this.steps = steps;
        this.report = report;
    }

    /** Writes the report as the run is now; {@code ended} if it has come to its end. */
    void write(boolean ended) {
        List<String> problems = report.write(ended);
        if (!problems.isEmpty()) {
            bar.clear();
            problems.forEach(terminal::note);
        }
    }

    @Override
    public void started(int made) {
        bar.update(made, steps, "step " + made + " of " + steps);
    }

    @Override
    public void step(StepReport step) {
        bar.update(
                step.step(),
                steps,
                String.format(
                        Locale.ROOT,
                        "step %d of %d, loss %.2f, top-1 %s, top-5 %s%s",
                        step.step(),
                        steps,
                        step.loss(),
                        shares(step.counts(), step.counts()::top1),
                        shares(step.counts(), step.counts()::top5),
                        validated));
    }

    @Override
    public void validated(ValidationReport validation) {
        validated = String.format(Locale.ROOT, ", %.2f tokens per step", validation.upperTriangle());
        write(false);
    }

    /** A share of each mask. */
    static String shares(MaskCounts counts, IntToDoubleFunction share) {
        return IntStream.range(0, counts.masks())
                .mapToObj(mask -> String.format(Locale.ROOT, "%.2f", share.applyAsDouble(mask)))
                .collect(Collectors.joining(" "));
    }
}
