package bita.decode;

import bita.kernels.CacheFormat;
import java.util.OptionalInt;

/**
 * How a session decodes.
 *
 * @param method       plain or drafting
 * @param rows         most rows of a drafting step; empty for what the method asks for
 * @param context      most tokens of the sequence, which the cache's memory is held to; empty for what the model was
 *                     trained for
 * @param cacheFormat  number format of keys and values
 * @param prefillChunk tokens of a prompt that go through the model in one pass
 */
public record DecodingSettings(
        Method method, OptionalInt rows, OptionalInt context, CacheFormat cacheFormat, int prefillChunk) {
    public DecodingSettings {
        checkRows(rows);
        if (prefillChunk < 1 || prefillChunk > 4096) {
            throw new IllegalArgumentException("a prefill chunk is between 1 and 4096 tokens, not " + prefillChunk);
        }
    }

    static void checkRows(OptionalInt budget) {
        if (budget.isPresent() && (budget.getAsInt() < 2 || budget.getAsInt() > Drafter.MAX_ROWS)) {
            throw new IllegalArgumentException(
                    "a row budget is between 2 and " + Drafter.MAX_ROWS + ", not " + budget.getAsInt());
        }
    }

    /** Tokens of a prefill chunk unless asked otherwise. */
    public static final int PREFILL_CHUNK = 256;

    /** A method with the default settings. */
    public static DecodingSettings of(Method method) {
        return new DecodingSettings(method, OptionalInt.empty(), OptionalInt.empty(), CacheFormat.F16, PREFILL_CHUNK);
    }
}
