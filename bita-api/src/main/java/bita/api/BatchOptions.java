package bita.api;

import bita.decode.BatchSettings;
import bita.decode.Method;
import bita.kernels.CacheFormat;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a batch decodes.
 *
 * @param sequences   most sequences at a time
 * @param rows        most rows of a pass that are not drafts
 * @param method      the decoding method; empty for the best that the model's adapter allows
 * @param draftRows   most rows of those that draft, all together; empty for as many as pay
 * @param context     most tokens of prompt and answer together; empty for what the model was trained for
 * @param cacheFormat number format of keys and values; it is part of what decides the text
 * @param kept        ended answers whose keys and values are kept for prompts that begin like them; they take memory
 */
public record BatchOptions(
        int sequences,
        int rows,
        Optional<Method> method,
        OptionalInt draftRows,
        OptionalInt context,
        CacheFormat cacheFormat,
        int kept) {
    /** Rows of a pass, where sequences do not need more: beyond some tens a row costs the same, however many there are. */
    private static final int ROWS = 256;

    public BatchOptions {
        if (context.isPresent() && context.getAsInt() < 2) {
            throw new IllegalArgumentException("a context holds at least 2 tokens, not " + context.getAsInt());
        }
        BatchSettings _ =
                new BatchSettings(sequences, rows, method.orElseGet(Method.Plain::new), draftRows, cacheFormat, kept);
    }

    /**
     * Everything else chosen automatically.
     *
     * @param sequences most sequences at a time
     */
    public static BatchOptions of(int sequences) {
        return new BatchOptions(
                sequences,
                Math.max(ROWS, sequences),
                Optional.empty(),
                OptionalInt.empty(),
                OptionalInt.empty(),
                CacheFormat.F16,
                0);
    }

    public BatchOptions withMethod(Method chosen) {
        return new BatchOptions(sequences, rows, Optional.of(chosen), draftRows, context, cacheFormat, kept);
    }

    public BatchOptions withContext(int tokens) {
        return new BatchOptions(sequences, rows, method, draftRows, OptionalInt.of(tokens), cacheFormat, kept);
    }

    public BatchOptions withKept(int answers) {
        return new BatchOptions(sequences, rows, method, draftRows, context, cacheFormat, answers);
    }

    /** Sequences whose keys and values are held at a time. */
    public int caches() {
        return sequences + kept;
    }

    /** For a decoder whose method is known. */
    BatchSettings settings(Method chosen) {
        return new BatchSettings(sequences, rows, chosen, draftRows, cacheFormat, kept);
    }
}
