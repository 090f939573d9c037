package bita.cli;

import bita.api.AdapterChoice;
import bita.api.BatchOptions;
import bita.api.LanguageModel;
import bita.api.SessionOptions;
import bita.api.store.ModelStore;
import bita.api.store.PullOptions;
import bita.api.store.StoredAdapter;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How a model is found and loaded, to decode with drafts. */
final class LoadingOptions {
    private static final String NO_ADAPTER = "none";

    @Option(
            names = "--adapter",
            paramLabel = "FILE|none",
            description = "The adapter that drafts: a file, the name of a stored one, or none. Default: the one that"
                    + " belongs to the model, if there is one.")
    Optional<String> adapter = Optional.empty();

    @Mixin
    final ComputingOptions computing = new ComputingOptions();

    /**
     * Loads a model and says what the user should know about it.
     *
     * @param name    as the user gave it
     * @param session what will run on it, so that too little memory is found before the weights are read
     */
    LanguageModel load(Terminal terminal, String name, SessionOptions session) throws IOException {
        return computing.load(terminal, name, adapterChoice(terminal.store(), adapter), session);
    }

    /** As {@link #load(Terminal, String, SessionOptions)}, of a file, for a batch. */
    LanguageModel load(Terminal terminal, Path file, BatchOptions batch) throws IOException {
        return computing.load(terminal, file, adapterChoice(terminal.store(), adapter), batch);
    }

    /** The file of a model, which is pulled if it is not there. */
    static Path find(Terminal terminal, String name, boolean offline) throws IOException {
        try (PullProgress progress = new PullProgress(terminal, name);
                var _ = terminal.interruption().interruptingThisThread()) {
            return terminal.store().resolve(name, new PullOptions(offline), progress);
        }
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
