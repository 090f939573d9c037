package bita.api.store;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Where the store keeps its files, and where the Hugging Face tools keep theirs.
 *
 * @param models folder of models
 * @param adapters folder of tuned adapters
 * @param hashes file of the {@link HashCache}
 * @param costs folder of the {@link StepCostStore}
 * @param hubCache folder of the Hugging Face hub's cache, which is only read
 * @param hubToken file of the Hugging Face token, which is only read
 */
public record StorePaths(Path models, Path adapters, Path hashes, Path costs, Path hubCache, Path hubToken) {

    /**
     * The usual folders of this operating system.
     *
     * <p>{@code XDG_CACHE_HOME} and {@code XDG_DATA_HOME} count everywhere (relative paths in them are ignored, as the
     * XDG Base Directory Specification says); without them it is {@code ~/.cache} and {@code ~/.local/share},
     * {@code ~/Library/Caches} and {@code ~/Library/Application Support} on macOS, {@code %LOCALAPPDATA%} on Windows.
     * The hub's folders follow {@code HF_HUB_CACHE}, {@code HF_TOKEN_PATH} and {@code HF_HOME}.
     *
     * @param env environment variables
     * @param home the user's home folder
     */
    public static StorePaths fromEnvironment(Map<String, String> env, Path home) {
        return fromEnvironment(env, home, System.getProperty("os.name"));
    }

    static StorePaths fromEnvironment(Map<String, String> env, Path home, String osName) {
        String os = osName.toLowerCase(Locale.ROOT);
        Path cache;
        Path data;
        if (os.startsWith("mac")) {
            cache = home.resolve("Library", "Caches");
            data = home.resolve("Library", "Application Support");
        } else if (os.startsWith("windows")) {
            cache = absolute(env, "LOCALAPPDATA").orElse(home.resolve("AppData", "Local"));
            data = cache;
        } else {
            cache = home.resolve(".cache");
            data = home.resolve(".local", "share");
        }
        Path bitaCache = absolute(env, "XDG_CACHE_HOME").orElse(cache).resolve("bita");
        Path bitaData = absolute(env, "XDG_DATA_HOME").orElse(data).resolve("bita");
        // The Hugging Face client uses ~/.cache on every system.
        Path hub = path(env, "HF_HOME")
                .orElseGet(() -> absolute(env, "XDG_CACHE_HOME")
                        .orElse(home.resolve(".cache"))
                        .resolve("huggingface"));
        return new StorePaths(
                bitaCache.resolve("models"),
                bitaData.resolve("adapters"),
                bitaCache.resolve("hashes.json"),
                bitaCache.resolve("costs"),
                path(env, "HF_HUB_CACHE").orElse(hub.resolve("hub")),
                path(env, "HF_TOKEN_PATH").orElse(hub.resolve("token")));
    }

    private static Optional<Path> path(Map<String, String> env, String variable) {
        return Optional.ofNullable(env.get(variable)).filter(v -> !v.isBlank()).map(Path::of);
    }

    private static Optional<Path> absolute(Map<String, String> env, String variable) {
        return path(env, variable).filter(Path::isAbsolute);
    }
}
