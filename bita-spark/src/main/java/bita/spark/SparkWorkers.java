package bita.spark;

import bita.model.LearnedTokens;
import bita.model.ModelConfig;
import bita.tune.train.TrainingSettings;
import bita.tune.train.Window;
import bita.tune.train.WindowOutcome;
import bita.tune.train.WindowWorkers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.apache.spark.broadcast.Broadcast;

/** Executors that compute the windows of a run: a task for each group, whose gradients are handed on in order. */
final class SparkWorkers implements WindowWorkers {
    private final Cluster cluster;
    private final ModelReference model;
    private final TrainingSettings settings;
    private final ModelConfig config;
    private final String kernels;

    /** A {@link JobException} on its way through code that knows none. */
    static final class FailedException extends RuntimeException {
        private static final long serialVersionUID = 1;

        private final JobException reason;

        FailedException(JobException reason) {
            super(reason);
            this.reason = reason;
        }

        JobException reason() {
            return reason;
        }
    }

    /**
     * Executors whose kernels are those of one of them; the others must have the same.
     *
     * @param config of the model
     * @throws JobException if no executor can compute
     */
    SparkWorkers(Cluster cluster, ModelReference model, TrainingSettings settings, ModelConfig config)
            throws IOException, JobException {
        this.cluster = cluster;
        this.model = model;
        this.settings = settings;
        this.config = config;
        kernels = cluster.one(0, new TuneTasks.Kind(model));
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public String kernels() {
        return kernels;
    }

    @Override
    public LearnedTokens start() {
        List<LearnedNumbers> numbers = new ArrayList<>();
        run(List.of(0), new TuneTasks.Start(model, settings, kernels), (number, value) -> numbers.add(value));
        return numbers.getFirst().tokens(settings, config);
    }

    /** {@inheritDoc} Asks whether to stop once, before it begins. */
    @Override
    public boolean gradients(
            LearnedTokens tokens, List<List<Window>> groups, BooleanSupplier stopped, GroupListener inOrder) {
        if (stopped.getAsBoolean()) {
            return false;
        }
        List<TuneTasks.Windows> pieces = groups.stream()
                .map(group -> new TuneTasks.Windows(List.copyOf(group)))
                .toList();
        Broadcast<LearnedNumbers> sent = broadcast(tokens);
        try {
            InOrder waiting = new InOrder(inOrder);
            run(pieces, new TuneTasks.Gradient(model, settings, kernels, sent), waiting::add);
        } finally {
            sent.destroy();
        }
        return true;
    }

    /** {@inheritDoc} Asks whether to stop once, before it begins. */
    @Override
    public Optional<List<WindowOutcome>> measure(LearnedTokens tokens, List<Window> windows, BooleanSupplier stopped) {
        if (stopped.getAsBoolean()) {
            return Optional.empty();
        }
        Map<Integer, WindowOutcome> outcomes = new HashMap<>();
        Broadcast<LearnedNumbers> sent = broadcast(tokens);
        try {
            run(windows, new TuneTasks.Measure(model, settings, kernels, sent), outcomes::put);
        } finally {
            sent.destroy();
        }
        List<WindowOutcome> ordered = new ArrayList<>();
        for (int i = 0; i < windows.size(); i++) {
            ordered.add(Optional.ofNullable(outcomes.get(i)).orElseThrow());
        }
        return Optional.of(ordered);
    }

    private Broadcast<LearnedNumbers> broadcast(LearnedTokens tokens) {
        return cluster.spark().broadcast(LearnedNumbers.of(tokens));
    }

    private <A, R> void run(List<A> pieces, Task<A, R> task, Cluster.Receiver<R> receiver) {
        try {
            cluster.run(pieces, task, receiver);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (JobException e) {
            throw new FailedException(e);
        }
    }

    /** Gradients that have come before those of earlier groups. */
    private static final class InOrder {
        private final GroupListener listener;
        private final Map<Integer, TuneTasks.GroupGradient> early = new HashMap<>();
        private int next;

        InOrder(GroupListener listener) {
            this.listener = listener;
        }

        void add(int number, TuneTasks.GroupGradient group) {
            early.put(number, group);
            for (Optional<TuneTasks.GroupGradient> now = Optional.ofNullable(early.remove(next));
                    now.isPresent();
                    now = Optional.ofNullable(early.remove(next))) {
                listener.computed(now.get().gradient().segment(), now.get().outcomes());
                next++;
            }
        }
    }

    /** The executors are the cluster's. */
    @Override
    public void close() {}
}
