package bita.api.store;

import java.nio.file.Path;
import java.time.Instant;

/**
 * A tuned adapter in the store.
 *
 * @param name its file name without {@code .safetensors}
 * @param path the safetensors file
 * @param bytes size of the file
 * @param modified when it was last changed
 */
public record StoredAdapter(String name, Path path, long bytes, Instant modified) {}
