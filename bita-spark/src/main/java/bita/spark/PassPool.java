package bita.spark;

import bita.api.InsufficientMemoryException;
import bita.kernels.Kernels;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.Transformer;
import bita.tune.train.TrainingSettings;
import bita.tune.train.TuningMemory;
import bita.tune.train.WindowPass;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.function.Function;

/** Memory for windows, of an executor process: taken by the first tasks and used by those after them. */
final class PassPool {
    private static final Map<Key, Deque<WindowPass>> FREE = new ConcurrentHashMap<>();

    private record Key(ModelReference model, TrainingSettings settings, int threads) {}

    private PassPool() {}

    /**
     * Computes something with a pass that is free, or a new one.
     *
     * @param expected what {@link WindowPass#name} says of the run's kernels
     * @throws JobException if this process has other kernels, or cannot load the model
     */
    static <R> Task.Result<R> use(
            ModelReference model, TrainingSettings settings, String expected, Function<WindowPass, R> computation)
            throws JobException {
        Kernels kernels = SharedModel.kernels(model);
        String name = WindowPass.name(kernels);
        if (!name.equals(expected)) {
            throw new JobException("it has the kernels \"" + name + "\", and the run's are \"" + expected
                    + "\", whose last bits are others: pin those that all machines have (--isa)");
        }
        Deque<WindowPass> free = FREE.computeIfAbsent(
                new Key(model, settings, SharedModel.threads()), key -> new ConcurrentLinkedDeque<>());
        WindowPass pass = free.poll();
        if (pass == null) {
            pass = create(model, settings, kernels);
        }
        R value = computation.apply(pass);
        free.push(pass);
        return new Task.Result<>(value, name);
    }

    private static WindowPass create(ModelReference model, TrainingSettings settings, Kernels kernels)
            throws JobException {
        Transformer weights = SharedModel.tuned(model, kernels);
        int threads = SharedModel.threads();
        // Its threads end with the process, as the pass does.
        ThreadTeam team = new ThreadTeam(threads);
        try {
            TuningMemory.of(weights.config(), settings, threads, weights.weightBytes(), 0)
                    .require();
            return new WindowPass(new Engine(weights, kernels, team, Optional.empty()), settings);
        } catch (UnsupportedOperationException | InsufficientMemoryException e) {
            team.close();
            throw new JobException(String.valueOf(e.getMessage()), e);
        }
    }
}
