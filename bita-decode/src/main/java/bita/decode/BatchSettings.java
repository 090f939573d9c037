package bita.decode;

import bita.kernels.CacheFormat;
import java.util.OptionalInt;

/**
 * How sequences are decoded together.
 *
 * @param sequences   most sequences at a time; further ones wait for their turn
 * @param rows        most rows of a pass that are not drafts, at least one per sequence; what decoding leaves of them reads
 *     prompts
 * @param method      plain or drafting
 * @param draftRows   most rows of those that draft, all together; empty for as many as pay
 * @param cacheFormat number format of keys and values
 * @param kept        sequences that keep their keys and values when they have ended, for prompts that begin like them
 */
public record BatchSettings(
        int sequences, int rows, Method method, OptionalInt draftRows, CacheFormat cacheFormat, int kept) {
    /** Most sequences that can be asked for. */
    public static final int MOST_SEQUENCES = 1024;

    /** Most rows that can be asked for. */
    public static final int MOST_ROWS = 4096;

    public BatchSettings {
        if (sequences < 1 || sequences > MOST_SEQUENCES) {
            throw new IllegalArgumentException(
                    "a batch has 1 to " + MOST_SEQUENCES + " sequences at a time, not " + sequences);
        }
        if (rows < sequences || rows > MOST_ROWS) {
            throw new IllegalArgumentException("a pass for " + sequences + " sequences has " + sequences + " to "
                    + MOST_ROWS + " rows, not " + rows);
        }
        if (method instanceof Method.Drafting drafting && draftRows.isEmpty() && !drafting.isPlanned()) {
            throw new IllegalArgumentException("the tree of " + method.name()
                    + " is as large as it is: for several sequences at a time it needs a budget of rows");
        }
        DecodingSettings.checkRows(draftRows);
        if (kept < 0 || kept > MOST_SEQUENCES) {
            throw new IllegalArgumentException("0 to " + MOST_SEQUENCES + " ended sequences can be kept, not " + kept);
        }
    }
}
