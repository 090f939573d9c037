package bita.spark;

import bita.api.AdapterChoice;
import bita.api.CostChoice;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.store.ModelStore;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.ThreadTeam;
import bita.model.ModelFiles;
import bita.model.Transformer;
import bita.model.file.ModelFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.TaskContext;

/** The models of an executor process: each is loaded once, and its weights are shared by all tasks. */
final class SharedModel {
    private static final Map<ModelReference, LanguageModel> TALKING = new HashMap<>();
    private static final Map<ModelReference, Transformer> TUNED = new HashMap<>();

    private SharedModel() {}

    /** Threads of a task: as many as Spark gives it processors. */
    static int threads() {
        return TaskContext.get().cpus();
    }

    /**
     * A model that answers, with threads of the task's own; to be closed by the task.
     *
     * @throws JobException if it cannot be loaded here, or is not the driver's; the message says why
     */
    static LanguageModel talking(ModelReference reference) throws JobException {
        synchronized (TALKING) {
            try {
                LanguageModel loaded = TALKING.get(reference);
                if (loaded == null) {
                    loaded = LanguageModel.load(checked(reference), options(reference));
                    TALKING.put(reference, loaded);
                }
                return loaded.sharing(options(reference));
            } catch (IOException | RuntimeException e) {
                throw unusable(reference, e);
            }
        }
    }

    private static LoadOptions options(ModelReference reference) throws JobException {
        AdapterChoice adapter = switch (reference.adapter()) {
            case "" -> new AdapterChoice.Automatic();
            case ModelReference.NONE -> new AdapterChoice.None();
            default -> new AdapterChoice.File(ModelReference.shippedFile(reference.adapter()));
        };
        return new LoadOptions(
                adapter,
                threads(),
                reference.kernelBackend(),
                reference.instructionSet(),
                new CostChoice.Measured(Optional.of(ModelStore.ofUser().costs())));
    }

    /**
     * A model's weights, to tune with these kernels.
     *
     * @throws JobException if it cannot be loaded here, or is not the driver's; the message says why
     */
    static Transformer tuned(ModelReference reference, Kernels kernels) throws JobException {
        synchronized (TUNED) {
            Transformer loaded = TUNED.get(reference);
            if (loaded != null) {
                return loaded;
            }
            try (ThreadTeam team = new ThreadTeam(threads())) {
                ModelFile file = ModelFiles.open(checked(reference));
                try {
                    loaded = Transformer.load(file, kernels, team);
                } catch (IOException | RuntimeException e) {
                    file.close();
                    throw e;
                }
                TUNED.put(reference, loaded);
                return loaded;
            } catch (IOException | RuntimeException e) {
                throw unusable(reference, e);
            }
        }
    }

    /**
     * The kernels of this process.
     *
     * @throws JobException if it has none of the kind asked for
     */
    static Kernels kernels(ModelReference reference) throws JobException {
        try {
            return reference.kernelBackend().isPresent()
                    ? KernelsProvider.of(reference.kernelBackend().get(), reference.instructionSet())
                            .kernels()
                    : KernelsProvider.best(reference.instructionSet()).kernels();
        } catch (UnsupportedOperationException e) {
            throw new JobException(String.valueOf(e.getMessage()), e);
        }
    }

    private static Path checked(ModelReference reference) throws IOException, JobException {
        Path path = reference.path();
        String sha256 = ModelStore.ofUser().hashes().sha256(path);
        if (!sha256.equals(reference.sha256())) {
            throw new JobException(path + " is another file than the driver's (SHA-256 " + sha256.substring(0, 12)
                    + "..., not " + reference.sha256().substring(0, 12)
                    + "...): copy the driver's there, or let the job bring it with --distribute");
        }
        return path;
    }

    private static JobException unusable(ModelReference reference, Exception e) {
        return new JobException("the model " + reference.file() + " cannot be used: " + e.getMessage(), e);
    }
}
