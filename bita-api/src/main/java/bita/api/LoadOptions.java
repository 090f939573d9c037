package bita.api;

import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import bita.kernels.ThreadTeam;
import java.util.Optional;

/**
 * How a model is loaded.
 *
 * @param adapter        the learned prompt and mask tokens to draft with
 * @param threads        threads for the arithmetic, by default one per core
 * @param backend        who executes the kernels; empty for the fastest that works here
 * @param instructionSet the native kernels' instruction set; empty for the best
 * @param costs          what steps are taken to cost
 */
public record LoadOptions(
        AdapterChoice adapter,
        int threads,
        Optional<Backend> backend,
        Optional<InstructionSet> instructionSet,
        CostChoice costs) {
    public LoadOptions {
        if (threads < 1 || threads > 1024) {
            throw new IllegalArgumentException("the number of threads is between 1 and 1024, not " + threads);
        }
    }

    /** Everything chosen automatically. */
    public static LoadOptions automatic() {
        return new LoadOptions(
                new AdapterChoice.Automatic(),
                ThreadTeam.defaultThreads(),
                Optional.empty(),
                Optional.empty(),
                new CostChoice.Measured(Optional.empty()));
    }

    public LoadOptions withAdapter(AdapterChoice choice) {
        return new LoadOptions(choice, threads, backend, instructionSet, costs);
    }

    public LoadOptions withThreads(int number) {
        return new LoadOptions(adapter, number, backend, instructionSet, costs);
    }

    public LoadOptions withCosts(CostChoice choice) {
        return new LoadOptions(adapter, threads, backend, instructionSet, choice);
    }
}
