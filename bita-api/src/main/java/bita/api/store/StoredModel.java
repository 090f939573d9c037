package bita.api.store;

import java.nio.file.Path;
import java.time.Instant;

/**
 * A model in the store.
 *
 * @param name what it can be called: the catalogue's id, or its path relative to the store's folder
 * @param path the GGUF file, or the folder of a safetensors model
 * @param bytes size of the file, or of the folder's files together
 * @param modified when it was last changed
 */
public record StoredModel(String name, Path path, long bytes, Instant modified) {}
