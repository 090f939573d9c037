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
 */
public record LoadOptions(
        AdapterChoice adapter, int threads, Optional<Backend> backend, Optional<InstructionSet> instructionSet) {
    public LoadOptions {
        if (threads < 1 || threads > 1024) {
            throw new IllegalArgumentException("the number of threads is between 1 and 1024, not " + threads);
        }
    }

    /** Everything chosen automatically. */
    public static LoadOptions automatic() {
        return new LoadOptions(
                new AdapterChoice.Automatic(), ThreadTeam.defaultThreads(), Optional.empty(), Optional.empty());
    }

    public LoadOptions withAdapter(AdapterChoice choice) {
        return new LoadOptions(choice, threads, backend, instructionSet);
    }
}
