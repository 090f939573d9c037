package bita.tune.train;

import bita.kernels.CacheFormat;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.TrainingKernels;
import bita.model.Engine;
import bita.model.ForwardPass;
import bita.model.KvCache;
import bita.model.LearnedTokens;
import bita.model.MaskTraining;
import bita.model.Rows;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Optional;

/**
 * Computes windows, forward and backward. What comes out depends on the settings, the window and the instruction set, not
 * on the number of threads or on what was computed before. Not thread-safe.
 */
public final class WindowPass implements AutoCloseable {
    private final Engine engine;
    private final TrainingSettings settings;
    private final TrainingKernels kernels;
    private final ForwardPass frozen;
    private final KvCache cache;
    private final MaskTraining training;
    private final WindowLoss loss;
    private final Rows rows = new Rows();

    /**
     * Takes all memory that it needs.
     *
     * @param engine without an adapter
     * @throws UnsupportedOperationException if the engine's kernels have none for tuning
     */
    public WindowPass(Engine engine, TrainingSettings settings) {
        this.engine = engine;
        this.settings = settings;
        kernels = KernelsProvider.training(engine.kernels());
        loss = new WindowLoss(engine, settings);
        training = new MaskTraining(engine, settings.prompts(), settings.masks(), settings.rank(), settings.window());
        frozen = new ForwardPass(engine, settings.mostTokens());
        frozen.reserveLogits(settings.mostTeachers());
        cache = new KvCache(engine.model().config(), CacheFormat.F32, settings.mostPositions());
        // All memory is taken at once, so that it does not grow with the answers.
        cache.assumeLength(settings.mostPositions());
    }

    /** What decides the last bits, as {@link WindowWorkers#kernels} has it. */
    public static String name(Kernels kernels) {
        return (kernels.backend() + " " + kernels.instructionSet()).toLowerCase(Locale.ROOT);
    }

    /** Where a run begins, as {@link WindowWorkers#start} has it. */
    public LearnedTokens start() {
        return TrainingState.startingTokens(engine.model(), settings);
    }

    /** Adds a window's gradient of a step's mean loss to those before it. */
    public WindowOutcome gradient(Window window, LearnedTokens tokens, LearnedTokens sum) {
        Optional<MemorySegment> teacher = readRealTokens(window);
        MemorySegment logits = training.forward(cache, window.anchors(), tokens);
        WindowOutcome outcome = loss.apply(logits, window, teacher, 1.0 / settings.answersPerStep());
        training.backward(sum);
        return outcome;
    }

    /** What learned tokens are worth on a window. */
    public WindowOutcome measure(Window window, LearnedTokens tokens) {
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
