package bita.cli;

import bita.decode.Adapter;
import bita.decode.Bigrams;
import bita.decode.Calibration;
import bita.kernels.Kernels;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.Transformer;
import bita.tune.data.AnsweredSet;
import bita.tune.data.Split;
import bita.tune.train.LocalWorkers;
import bita.tune.train.MaskCalibration;
import bita.tune.train.TrainingSettings;
import bita.tune.train.TunedAdapter;
import bita.tune.train.Tuning;
import bita.tune.train.WindowWorkers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;

/** From answers to an adapter: trains, measures how often the masks are right, and writes. */
final class TuneRun {
    private final Terminal terminal;
    private final Kernels kernels;
    private final int threads;
    private final TrainingSettings settings;

    /**
     * What it is about.
     *
     * @param model     file
     * @param answers   file
     * @param output    the adapter to write
     * @param replace   whether an adapter that exists is replaced
     * @param folder    for the state of the run
     * @param arguments of the command, for the report
     * @param start     {@link System#nanoTime} when it was called
     */
    record Job(
            Path model, Path answers, Path output, boolean replace, Path folder, List<String> arguments, long start) {}

    /**
     * What it has led to.
     *
     * @param report of the run, if it could be written
     */
    record Outcome(Adapter adapter, AnsweredSet answers, Tuning.Result tuning, Optional<Path> report) {}

    TuneRun(Terminal terminal, Kernels kernels, int threads, TrainingSettings settings) {
        this.terminal = terminal;
        this.kernels = kernels;
        this.threads = threads;
        this.settings = settings;
    }

    /**
     * Makes the adapter.
     *
     * @throws CancellationException if it was stopped, which has been said
     */
    Outcome run(Job job) throws IOException {
        String sha256 = terminal.store().hashes().sha256(job.model());
        try (ThreadTeam team = new ThreadTeam(threads);
                Transformer transformer =
                        TuningModel.load(terminal, job.model(), kernels, team, settings, Files.size(job.answers()))) {
            AnsweredSet set = AnsweredSet.read(
                    job.answers(), transformer.config().vocabulary(), AnsweredSet.SHORTEST, Split.DEFAULT);
            if (!set.origin().modelSha256().equals(sha256)) {
                throw new IOException(job.answers() + ": these are the answers of another model file than "
                        + job.model() + "; make some with bita distill");
            }
            Engine engine = new Engine(transformer, kernels, team, Optional.empty());
            TuningReport report = new TuningReport(
                    job.folder(),
                    new TuningReport.Run(
                            job.output(),
                            job.model(),
                            sha256,
                            job.answers(),
                            set,
                            settings,
                            engine,
                            job.arguments(),
                            job.start()));
            Tuning.Result result = train(engine, set, job.folder(), report);
            Bigrams bigrams = TunedAdapter.bigrams(set);
            Adapter adapter = adapter(job, transformer, sha256, result, Calibration.none(), bigrams);
            Engine tuned =
                    new Engine(transformer, kernels, team, Optional.of(adapter.maskTokens(transformer.config())));
            adapter = adapter(job, transformer, sha256, result, calibrate(tuned, set), bigrams);
            adapter.write(job.output(), NumberFormat.F16, job.replace());
            return new Outcome(adapter, set, result, report.file());
        }
    }

    private static Adapter adapter(
            Job job, Transformer model, String sha256, Tuning.Result result, Calibration calibration, Bigrams bigrams) {
        return TunedAdapter.of(job.output().toString(), model.config(), sha256, result.tokens(), calibration, bigrams);
    }

    private Tuning.Result train(Engine engine, AnsweredSet set, Path folder, TuningReport report) throws IOException {
        AtomicBoolean stop = new AtomicBoolean();
        try (WindowWorkers workers = new LocalWorkers(engine, settings);
                ProgressBar bar = ProgressBar.ofParts(terminal);
                var _ = terminal.interruption().stopping(() -> stop.set(true))) {
            TuningProgress progress = new TuningProgress(terminal, bar, settings.steps(), report);
            Tuning.Result result = new Tuning(workers, settings, Tuning.ValidationSettings.DEFAULT, progress)
                    .run(set, folder.resolve("checkpoint.safetensors"), folder.resolve(TuningReport.LOG), stop::get);
            progress.write(result.finished());
            if (!result.finished()) {
                bar.clear();
                throw stopped(result.steps());
            }
            return result;
        }
    }

    private Calibration calibrate(Engine tuned, AnsweredSet set) {
        AtomicBoolean stop = new AtomicBoolean();
        try (ProgressBar bar = ProgressBar.ofParts(terminal);
                var _ = terminal.interruption().stopping(() -> stop.set(true))) {
            return MaskCalibration.measure(
                            tuned,
                            set.validation(),
                            settings.mostTokens(),
                            MaskCalibration.ANCHORS,
                            done -> bar.update(
                                    done, MaskCalibration.ANCHORS, "measuring how often the masks are right"),
                            stop::get)
                    .orElseThrow(() -> stopped(settings.steps()));
        }
    }

    private CancellationException stopped(int steps) {
        terminal.note(steps + " of " + settings.steps() + " steps are made and saved; the same command goes on with"
                + " them");
        return new CancellationException();
    }
}
