package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import bita.kernels.NumberFormat;
import bita.model.Damage;
import bita.model.Linear;
import bita.model.LowRank;
import bita.model.file.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged adapters are refused with the one exception for that, or read. */
class DamagedAdaptersTest {
    @TempDir
    Path folder;

    private static float[] numbers(int count) {
        float[] numbers = new float[count];
        Arrays.fill(numbers, 0.25f);
        return numbers;
    }

    /** One with all parts. */
    private byte[] sound() throws IOException {
        Map<Linear.Input, float[]> a = new EnumMap<>(Linear.Input.class);
        for (Linear.Input input : Linear.Input.values()) {
            a.put(input, numbers(2 * 8));
        }
        Map<Linear, float[]> b = Arrays.stream(Linear.values())
                .collect(Collectors.toMap(
                        linear -> linear, _ -> numbers(8 * 2), (x, _) -> x, () -> new EnumMap<>(Linear.class)));
        Path file = folder.resolve("sound.safetensors");
        Adapter.of(
                        "test",
                        new AdapterShape("llama", 1, 2, 4, 8, 3, 2),
                        Optional.of("ab".repeat(32)),
                        Calibration.none(),
                        numbers(24),
                        numbers(24),
                        numbers(16),
                        Optional.of(new LowRank(2, a, b)))
                .write(file, NumberFormat.F32, false);
        return Files.readAllBytes(file);
    }

    @Test
    void damagedAdaptersAreRefusedOrRead() throws IOException {
        byte[] sound = sound();
        Path file = folder.resolve("damaged.safetensors");
        int read = 0;
        for (int seed = 0; seed < Damage.FILES; seed++) {
            Files.write(file, Damage.of(sound, new Random(seed)));
            try {
                assertThat(Adapter.read(file).parameters()).isPositive();
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
        assertThat(read).isBetween(Damage.FILES / 100, Damage.FILES * 9 / 10);
    }
}
