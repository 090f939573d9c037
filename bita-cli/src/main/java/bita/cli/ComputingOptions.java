package bita.cli;

import bita.api.AdapterChoice;
import bita.api.BatchOptions;
import bita.api.CostChoice;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.SessionOptions;
import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** What computes, and where models may come from. */
final class ComputingOptions {
    @Option(names = "--threads", paramLabel = "N", description = "Threads. Default: one per core.")
    Optional<Integer> threads = Optional.empty();

    @Option(
            names = "--backend",
            paramLabel = "native|vector|scalar",
            description = "Who executes the kernels; all give the same text. Default: the fastest that works here.")
    Optional<Backend> backend = Optional.empty();

    @Option(
            names = "--isa",
            paramLabel = "generic|neon|avx2|avx512|amx",
            description = "The native kernels' instruction set. Default: the best; of avx512 and amx the"
                    + " faster, as measured at the start.")
    Optional<InstructionSet> isa = Optional.empty();

    @Option(names = "--offline", description = "Use only what lies on this machine.")
    boolean offline;

    /**
     * Finds and loads a model, and says what the user should know about it.
     *
     * @param name    as the user gave it
     * @param session what will run on it, so that too little memory is found before the weights are read
     */
    LanguageModel load(Terminal terminal, String name, AdapterChoice adapter, SessionOptions session)
            throws IOException {
        LoadOptions options = options(terminal, adapter);
        Path file = LoadingOptions.find(terminal, name, offline);
        return announced(terminal, LanguageModel.load(file, options, session));
    }

    /** As {@link #load(Terminal, String, AdapterChoice, SessionOptions)}, of a file, for a batch. */
    LanguageModel load(Terminal terminal, Path file, AdapterChoice adapter, BatchOptions batch) throws IOException {
        return announced(terminal, LanguageModel.load(file, options(terminal, adapter), batch));
    }

    private LoadOptions options(Terminal terminal, AdapterChoice adapter) {
        CostChoice costs = new CostChoice.Measured(Optional.of(terminal.store().costs()));
        return UsageException.check(() ->
                new LoadOptions(adapter, threads.orElse(LoadOptions.automatic().threads()), backend, isa, costs));
    }

    private static LanguageModel announced(Terminal terminal, LanguageModel model) {
        model.notices().forEach(notice -> terminal.note("note: " + notice));
        return model;
    }
}
