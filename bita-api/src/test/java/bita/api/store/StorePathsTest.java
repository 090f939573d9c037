package bita.api.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StorePathsTest {

    private static final Path HOME = Path.of("/home/u");

    @Test
    void followsTheSystem() {
        StorePaths linux = StorePaths.fromEnvironment(Map.of(), HOME, "Linux");
        assertThat(linux.models()).isEqualTo(Path.of("/home/u/.cache/bita/models"));
        assertThat(linux.adapters()).isEqualTo(Path.of("/home/u/.local/share/bita/adapters"));
        assertThat(linux.hashes()).isEqualTo(Path.of("/home/u/.cache/bita/hashes.json"));
        assertThat(linux.hubCache()).isEqualTo(Path.of("/home/u/.cache/huggingface/hub"));
        assertThat(linux.hubToken()).isEqualTo(Path.of("/home/u/.cache/huggingface/token"));

        StorePaths mac = StorePaths.fromEnvironment(Map.of(), HOME, "Mac OS X");
        assertThat(mac.models()).isEqualTo(Path.of("/home/u/Library/Caches/bita/models"));
        assertThat(mac.adapters()).isEqualTo(Path.of("/home/u/Library/Application Support/bita/adapters"));

        StorePaths windows = StorePaths.fromEnvironment(Map.of("LOCALAPPDATA", "/local"), HOME, "Windows 11");
        assertThat(windows.models()).isEqualTo(Path.of("/local/bita/models"));
        assertThat(StorePaths.fromEnvironment(Map.of(), HOME, "Windows 11").adapters())
                .isEqualTo(Path.of("/home/u/AppData/Local/bita/adapters"));
    }

    @Test
    void variablesWinOnEverySystem() {
        Map<String, String> env = Map.of("XDG_CACHE_HOME", "/c", "XDG_DATA_HOME", "/d", "HF_HOME", "/hf");
        for (String os : new String[] {"Linux", "Mac OS X", "Windows 11"}) {
            StorePaths paths = StorePaths.fromEnvironment(env, HOME, os);
            assertThat(paths.models()).isEqualTo(Path.of("/c/bita/models"));
            assertThat(paths.adapters()).isEqualTo(Path.of("/d/bita/adapters"));
            assertThat(paths.hubCache()).isEqualTo(Path.of("/hf/hub"));
            assertThat(paths.hubToken()).isEqualTo(Path.of("/hf/token"));
        }
        assertThat(StorePaths.fromEnvironment(Map.of("HF_HUB_CACHE", "/hub", "HF_HOME", "/hf"), HOME, "Linux")
                        .hubCache())
                .isEqualTo(Path.of("/hub"));
    }

    @Test
    void emptyAndRelativeVariablesDoNotCount() {
        Map<String, String> env = Map.of("XDG_CACHE_HOME", "", "XDG_DATA_HOME", "relative", "HF_HOME", " ");
        assertThat(StorePaths.fromEnvironment(env, HOME, "Linux"))
                .isEqualTo(StorePaths.fromEnvironment(Map.of(), HOME, "Linux"));
    }
}
