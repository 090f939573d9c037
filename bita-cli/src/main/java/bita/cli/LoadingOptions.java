package bita.cli;

import bita.api.AdapterChoice;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.store.ModelStore;
import bita.api.store.PullOptions;
import bita.api.store.StoredAdapter;
import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** How a model is found and loaded. */
final class LoadingOptions {
    private static final String NO_ADAPTER = "none";

    @Option(
            names = "--adapter",
            paramLabel = "FILE|none",
            description = "The adapter that drafts: a file, the name of a stored one, or none. Default: the one that"
                    + " belongs to the model, if there is one.")
    Optional<String> adapter = Optional.empty();

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
     * Loads a model and says what the user should know about it.
     *
     * @param name as the user gave it
     */
    LanguageModel load(Terminal terminal, String name) throws IOException {
        ModelStore store = terminal.store();
        LoadOptions options = loadOptions(store);
        LanguageModel model = LanguageModel.load(find(terminal, name, offline), options);
        model.notices().forEach(notice -> terminal.note("note: " + notice));
        return model;
    }

    /** The file of a model, which is pulled if it is not there. */
    static Path find(Terminal terminal, String name, boolean offline) throws IOException {
        try (PullProgress progress = new PullProgress(terminal, name);
                var _ = terminal.interruption().interruptingThisThread()) {
            return terminal.store().resolve(name, new PullOptions(offline), progress);
        }
    }

    private LoadOptions loadOptions(ModelStore store) throws IOException {
        LoadOptions automatic = LoadOptions.automatic();
        AdapterChoice choice = adapterChoice(store, adapter);
        return UsageException.check(() -> new LoadOptions(choice, threads.orElse(automatic.threads()), backend, isa));
    }

    /** What {@code --adapter} means. */
    static AdapterChoice adapterChoice(ModelStore store, Optional<String> adapter) throws IOException {
        if (adapter.isEmpty()) {
            return new AdapterChoice.Automatic();
        }
        String given = adapter.get();
        if (given.equals(NO_ADAPTER)) {
            return new AdapterChoice.None();
        }
        Path file = Path.of(given);
        if (Files.exists(file)) {
            return new AdapterChoice.File(file);
        }
        List<StoredAdapter> stored = store.adapters();
        return stored.stream()
                .filter(a -> a.name().equals(given))
                .findFirst()
                .map(a -> new AdapterChoice.File(a.path()))
                .orElseThrow(() -> new FileNotFoundException("there is no adapter file '" + given
                        + "', and no stored adapter of this name; \"bita list\" shows those, --adapter none does"
                        + " without"));
    }
}
