package bita.tune.train;

import bita.kernels.CacheFormat;
import bita.kernels.KernelsProvider;
import bita.kernels.TrainingKernels;
import bita.model.Engine;
import bita.model.ForwardPass;
import bita.model.KvCache;
import bita.model.LearnedTokens;
import bita.model.MaskTraining;
import bita.model.Rows;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Makes steps of training. Results depend on the settings, the windows and the instruction set, not on the number of
 * threads. Not thread-safe.
 */
final class Trainer implements AutoCloseable {
    private final Engine engine;
    private final TrainingSettings settings;
    private final TrainingKernels kernels;
    private final ForwardPass frozen;
    private final KvCache cache;
    private final MaskTraining training;
    private final WindowLoss loss;
    private final LearnedTokens gradient;
    private final Rows rows = new Rows();

    /**
     * @param engine without an adapter
     * @throws UnsupportedOperationException if the engine's kernels have none for tuning
     */
    Trainer(Engine engine, TrainingSettings settings) {
        this.engine = engine;
        this.settings = settings;
        kernels = KernelsProvider.training(engine.kernels());
        loss = new WindowLoss(engine, settings);
        gradient = new LearnedTokens(engine.model().config(), settings.prompts(), settings.masks(), settings.rank());
        training = new MaskTraining(engine, settings.prompts(), settings.masks(), settings.rank(), settings.window());
        frozen = new ForwardPass(engine, settings.mostTokens());
        frozen.reserveLogits(settings.mostTeachers());
        cache = new KvCache(engine.model().config(), CacheFormat.F32, settings.mostPositions());
        // All memory is taken at once, so that it does not grow with the answers.
        cache.assumeLength(settings.mostPositions());
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
        MaskCounts counts = new MaskCounts(settings.masks());
        double sum = 0;
        for (Window window : schedule.step(state.steps())) {
            if (stopped.getAsBoolean()) {
                return Optional.empty();
            }
            Optional<MemorySegment> teacher = readRealTokens(window);
            MemorySegment logits = training.forward(cache, window.anchors(), state.tokens());
            WindowLoss.Outcome outcome = loss.apply(logits, window, teacher, 1.0 / settings.answersPerStep());
            sum += outcome.loss() / settings.answersPerStep();
            counts.add(outcome);
            training.backward(gradient);
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

    /** What learned tokens are worth on a window. */
    WindowLoss.Outcome measure(Window window, LearnedTokens tokens) {
        readRealTokens(window);
        return loss.apply(training.forward(cache, window.anchors(), tokens), window, Optional.empty(), 1);
    }

    /** Computes the keys and values of the real tokens that the window's groups see; the distributions to learn from. */
    private Optional<MemorySegment> readRealTokens(Window window) {
        boolean teaching = settings.loss() == LossFunction.FORWARD_KL;
        int last = window.last();
        int length = Math.min(window.length(), last + 1 + (teaching ? settings.masks() : 0));
        cache.truncate(0);
        rows.clear();
        int[] all = new int[length];
        for (int i = 0; i < length; i++) {
            rows.addToken(window.token(i), i - 1);
            all[i] = i;
        }
        frozen.run(cache, rows);
        cache.accept(all, length);
        if (!teaching) {
            return Optional.empty();
        }
        // The token that mask 0 of the first anchor is to predict follows the token behind that anchor.
        int from = window.first() + 1;
        int count = length - from;
        int[] behind = new int[count];
        System.arraycopy(all, from, behind, 0, count);
        MemorySegment logits = frozen.logits(behind, count);
        int vocabulary = engine.model().config().vocabulary();
        long bytes = (long) vocabulary * Float.BYTES;
        engine.team().run(member -> {
            for (int row = member.from(count); row < member.to(count); row++) {
                kernels.softmax(logits.asSlice(row * bytes, bytes), vocabulary);
            }
        });
        return Optional.of(logits);
    }

    @Override
    public void close() {
        training.close();
        frozen.close();
        cache.close();
    }
}
