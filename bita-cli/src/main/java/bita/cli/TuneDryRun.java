package bita.cli;

import bita.eval.bench.BenchOptions;
import bita.kernels.Kernels;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.ModelConfig;
import bita.model.ModelFiles;
import bita.model.Transformer;
import bita.model.file.ModelFile;
import bita.tune.train.DryRun;
import bita.tune.train.TrainingSettings;
import bita.tune.train.Tuning;
import bita.tune.train.TuningMemory;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;

/** Shows what tuning would cost in memory and time. */
final class TuneDryRun {
    private final Terminal terminal;
    private final Kernels kernels;
    private final int threads;
    private final TrainingSettings settings;

    TuneDryRun(Terminal terminal, Kernels kernels, int threads, TrainingSettings settings) {
        this.terminal = terminal;
        this.kernels = kernels;
        this.threads = threads;
        this.settings = settings;
    }

    /**
     * Measures and reports.
     *
     * @param answerBytes of the file of answers; 0 if there is none
     */
    void run(BenchOptions.Source source, long answerBytes, boolean json) throws IOException {
        try (ThreadTeam team = new ThreadTeam(threads);
                ProgressBar bar = ProgressBar.ofParts(terminal);
                var _ = terminal.interruption().interruptingThisThread()) {
            TuningMemory memory = memory(source, team, answerBytes);
            memory.require();
            DryRun.Result result;
            try (Transformer model = load(source, team, bar)) {
                Engine engine = new Engine(model, kernels, team, Optional.empty());
                result = DryRun.run(
                        engine,
                        settings,
                        Tuning.ValidationSettings.DEFAULT,
                        (done, total) -> bar.update(done, total, "window " + Math.min(done + 1, total)));
            }
            bar.clear();
            if (json) {
                Json.print(terminal, object(name(source), memory, result));
            } else {
                terminal.print(text(name(source), memory, result));
            }
        } catch (InterruptedException _) {
            throw new CancellationException();
        }
    }

    private TuningMemory memory(BenchOptions.Source source, ThreadTeam team, long answerBytes) throws IOException {
        return switch (source) {
            case BenchOptions.Source.File file -> {
                try (ModelFile opened = ModelFiles.open(file.path())) {
                    yield TuningModel.memory(opened, settings, team, answerBytes);
                }
            }
            case BenchOptions.Source.Random random -> {
                ModelConfig config = random.shape().config();
                long weights = Transformer.bytes(config, random.format());
                yield TuningMemory.of(config, settings, team.threads(), weights, answerBytes);
            }
        };
    }

    private Transformer load(BenchOptions.Source source, ThreadTeam team, ProgressBar bar) throws IOException {
        return switch (source) {
            case BenchOptions.Source.File file -> Transformer.load(ModelFiles.open(file.path()), kernels, team);
            case BenchOptions.Source.Random random ->
                Transformer.random(random.shape().config(), random.format(), kernels, team, (done, total) -> {
                    if (Thread.interrupted()) {
                        throw new CancellationException();
                    }
                    bar.update(done, total, "making weights");
                });
        };
    }

    private static String name(BenchOptions.Source source) {
        return switch (source) {
            case BenchOptions.Source.File file -> file.path().getFileName().toString();
            case BenchOptions.Source.Random random ->
                random.shape().name() + ", random " + random.format().name().toUpperCase(Locale.ROOT);
        };
    }

    private String text(String name, TuningMemory memory, DryRun.Result result) {
        StringBuilder text = new StringBuilder(name + ", " + threads + (threads == 1 ? " thread, " : " threads, ")
                + kernels.instructionSet() + "\n\n");
        Table bytes = new Table("lr");
        memory.parts().forEach((part, size) -> bytes.row(part, Format.bytes(size)));
        bytes.row("stated in all, at most", Format.bytes(memory.total()));
        result.peakResidentBytes()
                .ifPresent(peak -> bytes.row("measured, at the peak, with mapped files", Format.bytes(peak)));
        Table times = new Table("lr");
        times.row("a window of " + settings.window() + " anchors", time(result.secondsPerWindow()));
        times.row(
                "a step of " + settings.answersPerStep() + (settings.answersPerStep() == 1 ? " window" : " windows"),
                time(result.secondsPerStep()));
        times.row("a validation, about", time(result.secondsPerValidation()));
        times.row("all " + Format.count(settings.steps()) + " steps and validations", time(result.seconds()));
        return text.append(bytes).append('\n').append(times).toString();
    }

    private static String time(double seconds) {
        return seconds < 60
                ? Format.threeDigits(seconds) + " s"
                : Format.timeLeft(Duration.ofMillis(Math.round(1000 * seconds)));
    }

    private Map<String, Object> object(String name, TuningMemory memory, DryRun.Result result) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("model", name);
        object.put("threads", threads);
        object.put("backend", kernels.backend());
        object.put("instruction_set", kernels.instructionSet());
        object.put("memory_bytes", memory);
        object.put("stated_bytes", memory.total());
        result.peakResidentBytes().ifPresent(peak -> object.put("peak_resident_bytes", peak));
        object.put("window", settings.window());
        object.put("windows_per_step", settings.answersPerStep());
        object.put("steps", settings.steps());
        object.put("seconds_per_window", result.secondsPerWindow());
        object.put("seconds_per_step", result.secondsPerStep());
        object.put("seconds_per_validation", result.secondsPerValidation());
        object.put("seconds", result.seconds());
        return object;
    }
}
