package bita.tune.train;

import bita.model.LearnedTokens;
import bita.model.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Who computes the windows of a run: this machine ({@link LocalWorkers}), or many. Whoever it is, the results are those of
 * {@link WindowPass}, bit for bit.
 */
public interface WindowWorkers extends AutoCloseable {
    /** The model that is tuned. */
    ModelConfig config();

    /** The kernels that compute, which decide the last bits: {@code native avx2}, for instance. */
    String kernels();

    /** Where a run begins: masks near the mean embedding, prompts of small random values. */
    LearnedTokens start();

    /**
     * Computes the gradients of groups of windows, each from zero in the group's order.
     *
     * @param stopped asked between windows
     * @param inOrder is told of each group, in their order
     * @return whether all were computed; not if stopped
     */
    boolean gradients(LearnedTokens tokens, List<List<Window>> groups, BooleanSupplier stopped, GroupListener inOrder);

    /**
     * What learned tokens are worth on windows.
     *
     * @param stopped asked between windows
     * @return in the windows' order; empty if stopped
     */
    Optional<List<WindowOutcome>> measure(LearnedTokens tokens, List<Window> windows, BooleanSupplier stopped);

    @Override
    void close();

    /** Hears of groups of windows. */
    @FunctionalInterface
    interface GroupListener {
        /**
         * A group is computed.
         *
         * @param gradient f32, as {@link LearnedTokens#all} has it; valid during the call
         * @param outcomes of its windows
         */
        void computed(MemorySegment gradient, List<WindowOutcome> outcomes);
    }
}
