package bita.cli;

import bita.eval.Markdown;
import bita.eval.plot.Drawing;
import bita.eval.plot.ImageFormat;
import bita.eval.plot.TuningCurves;
import bita.eval.plot.TuningCurves.Point;
import bita.eval.plot.TuningPlot;
import bita.kernels.Backend;
import bita.model.Engine;
import bita.model.file.AtomicFile;
import bita.tune.data.AnsweredSet;
import bita.tune.train.TrainingHistory;
import bita.tune.train.TrainingSettings;
import bita.tune.train.Tuning;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.Comparator;
import java.util.Formatter;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Writes how a tuning run goes, in Markdown, with its curves as a picture, from what the run has logged. Nothing that goes
 * wrong with it ends the run: it is said instead.
 */
final class TuningReport {
    /** Name of the log in the folder of a run. */
    static final String LOG = "log.jsonl";

    private static final String CURVES = "curves.svg";

    private final Path file;
    private final Path log;
    private final Run run;
    private final Set<String> said = new HashSet<>();
    private boolean written;

    /**
     * What a report is about.
     *
     * @param adapter     to be written
     * @param model       file
     * @param answers     file
     * @param set         what it holds
     * @param engine      that computes
     * @param arguments   of the command
     * @param startNanos  {@link System#nanoTime} when it was called
     */
    record Run(
            Path adapter,
            Path model,
            String modelSha256,
            Path answers,
            AnsweredSet set,
            TrainingSettings settings,
            Engine engine,
            List<String> arguments,
            long startNanos) {}

    /**
     * A report that is yet to be written.
     *
     * @param folder of the run, which has its log, for the report and the picture
     */
    TuningReport(Path folder, Run run) {
        this.file = folder.resolve("report.md");
        this.log = folder.resolve(LOG);
        this.run = run;
    }

    /** The report, if it could be written as the run is now. */
    Optional<Path> file() {
        return written ? Optional.of(file) : Optional.empty();
    }

    /**
     * Writes report and picture as the run is now.
     *
     * @param ended whether the run has come to its end, which may be before its last step
     * @return what went wrong, in sentences; each is said once in a run
     */
    List<String> write(boolean ended) {
        Optional<String> unwritten = Optional.empty();
        Optional<String> undrawn = Optional.empty();
        written = false;
        try {
            TrainingHistory history = TrainingHistory.read(log);
            undrawn = draw(history);
            write(file, text(history, undrawn, ended).getBytes(StandardCharsets.UTF_8));
            written = true;
        } catch (IOException e) {
            unwritten = Optional.of("there is no report of this run: " + Failure.sentence(e));
        }
        return List.of(undrawn, unwritten).stream()
                .flatMap(Optional::stream)
                .filter(said::add)
                .toList();
    }

    /** Draws the picture, or says why there is none. */
    private Optional<String> draw(TrainingHistory history) throws IOException {
        byte[] picture;
        try {
            Optional<String> problem = Drawing.problem();
            if (problem.isPresent()) {
                return Optional.of("the report has no picture: " + problem.get());
            }
            picture = TuningPlot.draw(curves(history), ImageFormat.SVG);
        } catch (LinkageError | InternalError | RuntimeException e) { // of libraries that the run does not need
            return Optional.of("the report has no picture: drawing failed (" + e + ")");
        }
        write(file.resolveSibling(CURVES), picture);
        return Optional.empty();
    }

    private static void write(Path path, byte[] content) throws IOException {
        try (AtomicFile atomic = AtomicFile.create(path, true)) {
            atomic.write(ByteBuffer.wrap(content));
            atomic.commit();
        }
    }

    private TuningCurves curves(TrainingHistory history) {
        List<TrainingHistory.Validation> validations = history.validations();
        int masks = validations.isEmpty()
                ? 0
                : validations.getFirst().masks().top1().size();
        return new TuningCurves(
                run.settings().steps(),
                history.steps().stream()
                        .map(step -> new Point(step.step(), step.loss()))
                        .toList(),
                points(validations, TrainingHistory.Validation::loss),
                IntStream.range(0, masks)
                        .mapToObj(mask -> new TuningCurves.Mask(
                                points(validations, one -> one.masks().top1().get(mask)),
                                points(validations, one -> one.masks().top5().get(mask))))
                        .toList(),
                points(validations, TrainingHistory.Validation::chain),
                points(validations, TrainingHistory.Validation::upperTriangle));
    }

    private static List<Point> points(
            List<TrainingHistory.Validation> validations, ToDoubleFunction<TrainingHistory.Validation> value) {
        return validations.stream()
                .filter(one -> Double.isFinite(value.applyAsDouble(one)))
                .map(one -> new Point(one.steps(), value.applyAsDouble(one)))
                .toList();
    }

    private String text(TrainingHistory history, Optional<String> undrawn, boolean ended) {
        int made = history.steps().isEmpty() ? 0 : history.steps().getLast().step();
        StringBuilder text = new StringBuilder();
        try (Formatter out = new Formatter(text, Locale.ROOT)) {
            out.format("# Tuning of %s\n\n", Markdown.code(run.adapter().toString()));
            out.format(progress(made, ended), made, run.settings().steps());
            result(out, history);
            undrawn.ifPresentOrElse(
                    why -> out.format("There are no curves: %s.\n\n", Markdown.code(why)),
                    () -> out.format(
                            "![Loss, how often each mask is right, and tokens per step, by steps of training](%s)\n\n",
                            CURVES));
            validations(out, history.validations());
            origin(out, history);
            settings(out);
            command(out, ended);
        }
        return text.toString();
    }

    private String progress(int made, boolean ended) {
        if (!ended) {
            return "%d of %d steps are made.\n\n";
        }
        return made == run.settings().steps()
                ? "All %2$d steps are made.\n\n"
                : "The run ended after %d of %d steps, since it got no better.\n\n";
    }

    private void result(Formatter out, TrainingHistory history) {
        if (run.set().validation().isEmpty() || history.validations().isEmpty()) {
            out.format("Nothing has been measured: there are no validation answers.\n\n");
            return;
        }
        TrainingHistory.Validation best =
                Collections.min(history.validations(), Comparator.comparingDouble(TrainingHistory.Validation::loss));
        out.format("## Result\n");
        out.format(
                "The best, after %d steps, on answers that are not trained on: **%.2f tokens per step** with the"
                        + " reference's tree (upper triangle), %.2f with a chain, loss %.3f nats.\n\n",
                best.steps(), best.upperTriangle(), best.chain(), best.loss());
        out.format("| the true token is | %s |\n", names(best.masks()));
        out.format("|---|%s\n", "--:|".repeat(best.masks().top1().size()));
        out.format("| a mask's most likely | %s |\n", percents(best.masks().top1(), " | "));
        out.format(
                "| among its five most likely | %s |\n\n", percents(best.masks().top5(), " | "));
    }

    private static String names(TrainingHistory.Shares masks) {
        return IntStream.rangeClosed(1, masks.top1().size())
                .mapToObj(mask -> "mask " + mask)
                .collect(Collectors.joining(" | "));
    }

    private static String percents(List<Double> shares, String between) {
        return shares.stream()
                .map(share -> String.format(Locale.ROOT, "%.1f %%", 100 * share))
                .collect(Collectors.joining(between));
    }

    private static void validations(Formatter out, List<TrainingHistory.Validation> validations) {
        if (validations.isEmpty()) {
            return;
        }
        out.format("## Validations\n");
        out.format(
                "| steps | loss (nats) | top-1 by mask | top-5 by mask | tokens per step: chain | upper triangle |\n");
        out.format("|--:|--:|--:|--:|--:|--:|\n");
        for (TrainingHistory.Validation one : validations) {
            out.format(
                    "| %d | %.3f | %s | %s | %.3f | %.3f |\n",
                    one.steps(),
                    one.loss(),
                    percents(one.masks().top1(), ", "),
                    percents(one.masks().top5(), ", "),
                    one.chain(),
                    one.upperTriangle());
        }
        out.format("\n");
    }

    private void origin(Formatter out, TrainingHistory history) {
        double seconds = history.steps().stream()
                .mapToDouble(TrainingHistory.Step::seconds)
                .sum();
        out.format("## From what, and how\n");
        out.format("| | |\n|---|---|\n");
        row(out, "model", Markdown.code(run.model().toString()));
        row(out, "its SHA-256", Markdown.code(run.modelSha256()));
        row(out, "answers", Markdown.code(run.answers().toString()));
        row(out, "trained on", Format.count(run.set().training().size()) + " answers");
        row(
                out,
                "measured on",
                Format.count(run.set().validation().size()) + " others, as many of them as hold "
                        + Format.count(Tuning.ValidationSettings.DEFAULT.anchors()) + " anchors");
        row(out, "kernels", kernels(run.engine()));
        if (!history.steps().isEmpty()) {
            row(
                    out,
                    "time of the steps",
                    time(seconds) + ", "
                            + Format.threeDigits(seconds / history.steps().size()) + " s each");
        }
        row(out, "time since the last start", time((System.nanoTime() - run.startNanos()) / 1e9));
        out.format("\n");
    }

    private static String kernels(Engine engine) {
        int threads = engine.team().threads();
        return lower(engine.kernels().backend())
                + (engine.kernels().backend() == Backend.NATIVE
                        ? ", " + lower(engine.kernels().instructionSet())
                        : "")
                + (threads == 1 ? ", 1 thread" : ", " + threads + " threads");
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private static String time(double seconds) {
        return Format.timeLeft(Duration.ofMillis(Math.round(1000 * seconds)));
    }

    private void settings(Formatter out) {
        TrainingSettings settings = run.settings();
        out.format("## Settings\n");
        out.format("| | |\n|---|---|\n");
        row(out, "steps", settings.steps());
        row(out, "prompt tokens", settings.prompts());
        row(out, "mask tokens", settings.masks());
        row(out, "rank of what is added to linear layers", settings.rank());
        row(out, "answers of a step", settings.answersPerStep());
        row(out, "anchors of a window", settings.window());
        row(out, "highest learning rate", settings.learningRate());
        row(out, "highest learning rate of what is added", settings.lowRankRate());
        row(out, "steps of warm-up", settings.warmup());
        row(out, "largest gradient norm", settings.clip());
        row(out, "decay of the masks' weights", settings.decay());
        row(out, "loss", lower(settings.loss()));
        row(out, "tokens of an answer, at most", settings.mostTokens());
        row(out, "seed", settings.seed());
        out.format("\n");
    }

    private static void row(Formatter out, String name, Object value) {
        out.format("| %s | %s |\n", name, value);
    }

    private void command(Formatter out, boolean ended) {
        out.format("## Command\n");
        String command = ShellCommand.of(run.arguments());
        out.format("%s", Markdown.block(command));
        out.format(
                ended
                        ? "With another output it learns the same adapter again, to the last bit, from the same files on the"
                                + " same instruction set.\n"
                        : "If the run has stopped, this goes on with it.\n");
    }
}
