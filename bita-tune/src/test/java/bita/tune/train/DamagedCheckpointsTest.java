package bita.tune.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.model.Damage;
import bita.model.TinyModel;
import bita.model.Transformer;
import bita.model.file.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged checkpoints are refused with the one exception for that, or read. */
class DamagedCheckpointsTest {
    @TempDir
    Path folder;

    @Test
    void damagedCheckpointsAreRefusedOrRead() throws IOException {
        TrainingSettings settings =
                new TrainingSettings(1, 1, 0, 8, 2, 1, 10, 0.1, 1e-3, 2, 1, 4, LossFunction.CROSS_ENTROPY, 60, 7);
        Path path = folder.resolve("checkpoint");
        Checkpoint checkpoint = new Checkpoint(
                path,
                settings,
                Tuning.ValidationSettings.DEFAULT,
                "ab".repeat(32),
                "answers",
                WindowPass.name(KernelsProvider.best().kernels()));
        int read = 0;
        try (Transformer model = TinyModel.load(folder, NumberFormat.F32, 1)) {
            checkpoint.write(
                    TrainingState.start(TrainingState.startingTokens(model, settings), model.config(), settings)
                            .validated(2.5));
            byte[] sound = Files.readAllBytes(path);
            for (int seed = 0; seed < Damage.FILES; seed++) {
                Files.write(path, Damage.of(sound, new Random(seed)));
                try {
                    assertThat(checkpoint.read(model.config(), settings).steps())
                            .isNotNegative();
                    read++;
                } catch (ModelFormatException e) {
                    assertThat(e.getMessage())
                            .as("seed %d", seed)
                            .doesNotContain("\n")
                            .hasSizeLessThan(1000);
                } catch (IOException | RuntimeException | Error e) {
                    fail("seed " + seed + ": " + e, e);
                }
            }
        }
        assertThat(read).isBetween(Damage.FILES / 100, Damage.FILES * 9 / 10);
    }
}
