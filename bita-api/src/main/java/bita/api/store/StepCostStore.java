package bita.api.store;

import bita.decode.StepCosts;
import bita.model.file.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Keeps what steps cost, so that it is measured once for a model's shape, kernels and machine: a small JSON file for each. A
 * file that cannot be read counts as none, and one that cannot be written costs a measurement the next time.
 */
public final class StepCostStore {
    private static final JsonMapper JSON = JsonMapper.shared();

    private final Path folder;

    /** @param folder made when there is something to keep */
    public StepCostStore(Path folder) {
        this.folder = folder;
    }

    /**
     * What a file holds.
     *
     * @param of           what the costs belong to
     * @param milliseconds by rows
     * @param masks        milliseconds of a step's masks, besides their rows
     */
    private record Kept(String of, Map<Integer, Double> milliseconds, StepCosts.Attention attention, double masks) {}

    /** What was kept under a key, if it can be used. */
    public Optional<StepCosts> read(String key) {
        try {
            Kept kept = JSON.readValue(Files.readAllBytes(file(key)), Kept.class);
            return kept.of().equals(key)
                    ? Optional.of(StepCosts.of(kept.milliseconds(), kept.attention(), kept.masks()))
                    : Optional.empty();
        } catch (IOException | RuntimeException e) { // a file of anything
            return Optional.empty();
        }
    }

    /** Keeps costs in place of those kept before. */
    public void keep(String key, StepCosts costs) {
        try {
            Files.createDirectories(folder);
            try (AtomicFile file = AtomicFile.create(file(key), true)) {
                Kept kept = new Kept(key, costs.points(), costs.attention(), costs.masks());
                file.write(ByteBuffer.wrap(JSON.writeValueAsBytes(kept)));
                file.commit();
            }
        } catch (IOException | JacksonException e) {
            // Measured again next time, where nothing can be kept (a read-only home).
        }
    }

    /** Removes what was kept under a key. */
    public void forget(String key) {
        try {
            Files.deleteIfExists(file(key));
        } catch (IOException e) {
            // What is not kept up to date costs some speed.
        }
    }

    private Path file(String key) {
        return folder.resolve(Sha256.of(key).substring(0, 16) + ".json");
    }
}
