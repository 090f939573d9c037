package bita.spark;

import bita.decode.Adapter;
import bita.decode.Bigrams;
import bita.decode.Calibration;
import bita.kernels.Kernels;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.LearnedTokens;
import bita.model.ModelConfig;
import bita.model.Transformer;
import bita.tune.data.Example;
import bita.tune.train.MaskCalibration;
import bita.tune.train.TrainingSettings;
import bita.tune.train.TunedAdapter;
import bita.tune.train.Window;
import bita.tune.train.WindowOutcome;
import bita.tune.train.WindowPass;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.broadcast.Broadcast;

/** What executors do in a run of tuning. */
final class TuneTasks {
    private TuneTasks() {}

    /** Says which kernels an executor has, as {@link WindowPass#name} does. */
    record Kind(ModelReference model) implements Task<Integer, String> {
        @Override
        public Result<String> run(Integer nothing) throws JobException {
            String name = WindowPass.name(SharedModel.kernels(model));
            return new Result<>(name, name);
        }
    }

    /** Computes where a run begins. */
    record Start(ModelReference model, TrainingSettings settings, String kernels)
            implements Task<Integer, LearnedNumbers> {
        @Override
        public Result<LearnedNumbers> run(Integer nothing) throws JobException {
            return PassPool.use(model, settings, kernels, pass -> LearnedNumbers.of(pass.start()));
        }
    }

    /** Windows of a group, in their order. */
    record Windows(List<Window> list) implements Serializable {}

    /** A group's gradient. */
    record GroupGradient(LearnedNumbers gradient, List<WindowOutcome> outcomes) implements Serializable {}

    /** Computes the gradient of a group. */
    record Gradient(ModelReference model, TrainingSettings settings, String kernels, Broadcast<LearnedNumbers> tokens)
            implements Task<Windows, GroupGradient> {
        @Override
        public Result<GroupGradient> run(Windows group) throws JobException {
            ModelConfig config = config(model);
            return PassPool.use(model, settings, kernels, pass -> {
                LearnedTokens learned = tokens.value().tokens(settings, config);
                LearnedTokens sum = settings.zeros(config);
                List<WindowOutcome> outcomes = new ArrayList<>();
                group.list().forEach(window -> outcomes.add(pass.gradient(window, learned, sum)));
                return new GroupGradient(LearnedNumbers.of(sum), outcomes);
            });
        }
    }

    /** Measures windows. */
    record Measure(ModelReference model, TrainingSettings settings, String kernels, Broadcast<LearnedNumbers> tokens)
            implements Task<Window, WindowOutcome> {
        @Override
        public Result<WindowOutcome> run(Window window) throws JobException {
            ModelConfig config = config(model);
            return PassPool.use(
                    model,
                    settings,
                    kernels,
                    pass -> pass.measure(window, tokens.value().tokens(settings, config)));
        }
    }

    /** Examples to calibrate on. */
    record Examples(List<Example> list) implements Serializable {}

    /** Counts how often the masks are right. */
    record Calibrate(ModelReference model, TrainingSettings settings, LearnedNumbers numbers)
            implements Task<Examples, Calibration> {
        @Override
        public Result<Calibration> run(Examples examples) throws JobException {
            Kernels kernels = SharedModel.kernels(model);
            Transformer weights = SharedModel.tuned(model, kernels);
            LearnedTokens tokens = numbers.tokens(settings, weights.config());
            Adapter adapter = TunedAdapter.of(
                    "tuned", weights.config(), model.sha256(), tokens, Calibration.none(), Bigrams.none());
            try (ThreadTeam team = new ThreadTeam(SharedModel.threads())) {
                Engine engine = new Engine(weights, kernels, team, Optional.of(adapter.maskTokens(weights.config())));
                Calibration calibration = MaskCalibration.measure(
                                engine,
                                examples.list(),
                                settings.mostTokens(),
                                MaskCalibration.ANCHORS,
                                done -> {},
                                () -> false)
                        .orElseThrow();
                return new Result<>(calibration, WindowPass.name(kernels));
            }
        }
    }

    private static ModelConfig config(ModelReference model) throws JobException {
        return SharedModel.tuned(model, SharedModel.kernels(model)).config();
    }
}
