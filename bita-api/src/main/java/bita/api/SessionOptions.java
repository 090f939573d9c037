package bita.api;

import bita.decode.DecodingSettings;
import bita.decode.Method;
import bita.decode.VerifiedLogits;
import bita.kernels.CacheFormat;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a session decodes.
 *
 * @param method       the decoding method; empty for the best that the model's adapter allows
 * @param rows         most rows of a drafting step; empty for the method's own
 * @param context      most tokens of prompt and answer together; empty for what the model was trained for
 * @param cacheFormat  number format of keys and values; it is part of what decides the text
 * @param prefillChunk tokens of the prompt per pass
 * @param observer     sees all logits behind decided tokens
 */
public record SessionOptions(
        Optional<Method> method,
        OptionalInt rows,
        OptionalInt context,
        CacheFormat cacheFormat,
        int prefillChunk,
        VerifiedLogits observer) {
    public SessionOptions {
        if (context.isPresent() && context.getAsInt() < 2) {
            throw new IllegalArgumentException("a context holds at least 2 tokens, not " + context.getAsInt());
        }
    }

    /** Everything chosen automatically. */
    public static SessionOptions automatic() {
        return new SessionOptions(
                Optional.empty(),
                OptionalInt.empty(),
                OptionalInt.empty(),
                CacheFormat.F16,
                DecodingSettings.PREFILL_CHUNK,
                VerifiedLogits.IGNORE);
    }

    public SessionOptions withMethod(Method chosen) {
        return new SessionOptions(Optional.of(chosen), rows, context, cacheFormat, prefillChunk, observer);
    }

    public SessionOptions withObserver(VerifiedLogits watching) {
        return new SessionOptions(method, rows, context, cacheFormat, prefillChunk, watching);
    }
}
