package bita.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import bita.kernels.CacheFormat;
import bita.kernels.KernelsProvider;
import bita.kernels.ThreadTeam;
import bita.model.file.ModelFile;
import bita.model.file.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged models of all families are refused with the one exception for that, or run. More of them with
 * {@code -Dbita.fuzz.files=200000}.
 */
class HostileModelsTest {
    private static final long MOST_MILLIS = 5000;

    @TempDir
    Path folder;

    /** A sound model, and those of its files that are damaged. */
    private record Sound(Path model, List<Path> files) {}

    private List<Sound> sound() throws IOException {
        List<Sound> sound = new ArrayList<>();
        for (FamilyModel model : FamilyModel.all()) {
            if (!model.gguf().isEmpty()) {
                Path file = model.copyGguf(folder.resolve("gguf"));
                sound.add(new Sound(file, ModelFiles.of(file)));
            }
            if (!model.safetensors().isEmpty()) {
                Path of = model.copySafetensors(folder.resolve("safetensors"));
                try (Stream<Path> files = Files.list(of)) {
                    sound.add(new Sound(of, files.sorted().toList()));
                }
            }
        }
        return sound;
    }

    @Test
    void damagedModelsAreRefusedOrRun() throws IOException {
        List<Sound> sound = sound();
        int refused = 0;
        int ran = 0;
        for (int seed = 0; seed < Damage.FILES; seed++) {
            Random random = new Random(seed);
            Sound one = sound.get(random.nextInt(sound.size()));
            Path file = one.files().get(random.nextInt(one.files().size()));
            byte[] before = Files.readAllBytes(file);
            Files.write(file, Damage.of(before, random));
            long start = System.nanoTime();
            try {
                run(one.model());
                ran++;
            } catch (ModelFormatException e) {
                assertThat(e.getMessage())
                        .as("seed %d", seed)
                        .hasSizeLessThan(1000)
                        .doesNotContain("\n");
                refused++;
            } catch (IOException | RuntimeException | Error e) {
                fail("seed " + seed + ", " + folder.relativize(file) + ": " + e, e);
            } finally {
                Files.write(file, before);
            }
            assertThat((System.nanoTime() - start) / 1_000_000)
                    .as("seed %d", seed)
                    .isLessThan(MOST_MILLIS);
        }
        assertThat(refused).isGreaterThan(Damage.FILES / 5);
        assertThat(ran).isGreaterThan(Damage.FILES / 20);
    }

    @Test
    void aContextThatHoldsNothingIsRefused() throws IOException {
        Path model = FamilyModel.named("gemma-3").copySafetensors(folder);
        Path config = model.resolve("config.json");
        String text = Files.readString(config);
        Files.writeString(config, text.replaceAll("(\"max_position_embeddings\": )\\d+", "$11"));
        assertThatThrownBy(() -> run(model))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("context_length is 1; a context holds at least 2 tokens");
    }

    private static void run(Path path) throws IOException {
        try (ThreadTeam team = new ThreadTeam(1)) {
            ModelFile file = ModelFiles.open(path);
            try {
                MemoryNeed need = MemoryNeed.of(file, OptionalInt.empty(), CacheFormat.F16);
                if (need.totalBytes() < 2L << 30) { // as those who load it check against the machine's memory
                    runLoaded(file, team);
                    return;
                }
            } catch (IOException | RuntimeException | Error e) {
                file.close();
                throw e;
            }
            file.close();
        }
    }

    private static void runLoaded(ModelFile file, ThreadTeam team) throws IOException {
        try (Transformer model = Transformer.load(file, KernelsProvider.best().kernels(), team);
                KvCache cache = new KvCache(model.config(), CacheFormat.F16, 16);
                ForwardPass pass = new ForwardPass(
                        new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty()), 3)) {
            Rows rows = new Rows();
            rows.addToken(0, Rows.CACHE_END);
            rows.addToken(model.config().vocabulary() - 1, 0);
            rows.addToken(0, 0);
            pass.run(cache, rows);
            assertThat(pass.logits(new int[] {0, 1, 2}, 3).byteSize()).isPositive();
        }
    }
}
