package bita.api;

import bita.api.store.ModelStore;
import bita.decode.Adapter;
import bita.decode.ShippedAdapters;
import bita.model.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Finds the adapter for a model. */
final class Adapters {
    private Adapters() {}

    static Optional<Adapter> choose(AdapterChoice choice, Path model, ModelConfig config, List<String> notices)
            throws IOException {
        return switch (choice) {
            case AdapterChoice.None none -> Optional.empty();
            case AdapterChoice.File file -> {
                Adapter adapter = Adapter.read(file.path());
                Optional<String> misfit = adapter.misfit(config);
                if (misfit.isPresent()) {
                    throw new IOException(misfit.get());
                }
                warnOfOtherModel(adapter, model, notices);
                yield Optional.of(adapter);
            }
            case AdapterChoice.Automatic automatic -> {
                Optional<Adapter> shipped = ShippedAdapters.find(config);
                if (shipped.isPresent()) {
                    warnOfOtherModel(shipped.get(), model, notices);
                }
                yield shipped;
            }
        };
    }

    /** An adapter that does not say which file it was tuned on, such as an imported one, is not warned of. */
    private static void warnOfOtherModel(Adapter adapter, Path model, List<String> notices) throws IOException {
        Optional<String> tunedOn = adapter.modelSha256();
        if (tunedOn.isPresent()
                && !tunedOn.get().equals(ModelStore.ofUser().hashes().sha256(model))) {
            notices.add("the adapter " + adapter.origin()
                    + " was tuned on another file of this model: answers are the same, drafts may be a little worse");
        }
    }
}
