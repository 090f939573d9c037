package bita.api;

import bita.decode.BatchSettings;
import bita.kernels.CacheFormat;
import java.util.OptionalInt;

/**
 * How a batch decodes.
 *
 * @param settings sequences at a time, rows per pass, and the cache's number format, which is part of what decides the
 *     text
 * @param context  most tokens of prompt and answer together; empty for what the model was trained for
 */
public record BatchOptions(BatchSettings settings, OptionalInt context) {
    /** Rows of a pass, where sequences do not need more: beyond some tens a row costs the same, however many there are. */
    private static final int ROWS = 256;

    public BatchOptions {
        if (context.isPresent() && context.getAsInt() < 2) {
            throw new IllegalArgumentException("a context holds at least 2 tokens, not " + context.getAsInt());
        }
    }

    /**
     * Everything else chosen automatically.
     *
     * @param sequences most sequences at a time
     */
    public static BatchOptions of(int sequences) {
        return new BatchOptions(
                new BatchSettings(sequences, Math.max(ROWS, sequences), CacheFormat.F16), OptionalInt.empty());
    }
}
