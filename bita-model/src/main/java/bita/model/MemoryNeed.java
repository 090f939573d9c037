package bita.model;

import bita.kernels.CacheFormat;
import bita.model.file.ModelFile;
import bita.model.file.ModelFormatException;
import java.util.OptionalInt;

/**
 * What a model with a session, or several sequences at a time, takes of a machine's memory, known before anything is loaded. Pages of the model file,
 * which the system takes back when it needs them, are not counted.
 *
 * @param weightBytes  the packed weights
 * @param context      tokens that a cache is for
 * @param cacheFormat  the number format of keys and values
 * @param cacheBytes   the KV caches when their contexts are full; they grow with use
 * @param workingBytes everything else, at most: scratch memory of passes, vocabulary, adapter, the virtual machine
 */
public record MemoryNeed(long weightBytes, int context, CacheFormat cacheFormat, long cacheBytes, long workingBytes) {
    /** What {@link #workingBytes} is held to. */
    public static final long WORKING_BYTES = 256L << 20;

    /**
     * What a file's model needs, from the file's header alone.
     *
     * @param context most tokens of the session; empty for what the model was trained for
     * @throws ModelFormatException if the file does not hold a model that can be loaded
     * @throws IllegalArgumentException if the context is not between 2 and what the model was trained for
     */
    public static MemoryNeed of(ModelFile file, OptionalInt context, CacheFormat cacheFormat)
            throws ModelFormatException {
        ModelConfig config = Transformer.config(file);
        return of(config, Transformer.bytes(file), context, cacheFormat);
    }

    /** As {@link #of(ModelFile, OptionalInt, CacheFormat)}, of a model whose packed weights are known. */
    public static MemoryNeed of(ModelConfig config, long weightBytes, OptionalInt context, CacheFormat cacheFormat) {
        int tokens = config.checkedContext(context);
        long cacheBytes = KvCache.bytes(config, cacheFormat, KvCache.mostSlots(tokens));
        return new MemoryNeed(weightBytes, tokens, cacheFormat, cacheBytes, WORKING_BYTES);
    }

    /** As this need, with a cache for each of so many sequences. */
    public MemoryNeed withSequences(int sequences) {
        return new MemoryNeed(weightBytes, context, cacheFormat, cacheBytes * sequences, workingBytes);
    }

    /**
     * The longest context, up to this need's, with which so many sequences fit a memory; below 2 if none do.
     *
     * @param bytes of the memory
     */
    public int contextFor(int sequences, long bytes) {
        int slots = KvCache.mostSlots(context);
        long most = (bytes - weightBytes - workingBytes) / sequences / (cacheBytes / slots);
        return Math.clamp(most - (slots - context), 0, context);
    }

    /** All together. */
    public long totalBytes() {
        return weightBytes + cacheBytes + workingBytes;
    }
}
