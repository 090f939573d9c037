package bita.eval.methods;

import bita.api.BatchOptions;
import bita.api.SessionOptions;
import bita.decode.DecodingSettings;
import bita.decode.Method;
import bita.decode.SamplingSettings;
import bita.decode.VerifiedLogits;
import bita.kernels.CacheFormat;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How methods are compared.
 *
 * @param batch       prompts that are answered at a time
 * @param repetitions answers of each method to each prompt
 * @param maxTokens   most tokens of an answer
 * @param sampling    how tokens are chosen, the same for all
 * @param rows        most rows of a step of a method that drafts; empty for each method's own
 * @param context     most tokens of prompt and answer together; empty for what the model was trained for
 * @param cacheFormat number format of keys and values
 */
public record EvaluationOptions(
        int batch,
        int repetitions,
        int maxTokens,
        SamplingSettings sampling,
        OptionalInt rows,
        OptionalInt context,
        CacheFormat cacheFormat) {
    /** Most tokens of an answer unless asked otherwise. */
    public static final int MAX_TOKENS = 256;

    private static final int MOST_REPETITIONS = 1000;
    private static final int MOST_BATCH = 64;

    public EvaluationOptions {
        if (batch < 1 || batch > MOST_BATCH) {
            throw new IllegalArgumentException("a batch is 1 to " + MOST_BATCH + " prompts, not " + batch);
        }
        if (repetitions < 1 || repetitions > MOST_REPETITIONS) {
            throw new IllegalArgumentException(
                    "the number of repetitions is 1 to " + MOST_REPETITIONS + ", not " + repetitions);
        }
        if (maxTokens < 1) {
            throw new IllegalArgumentException("at least one token must be asked for, not " + maxTokens);
        }
        SessionOptions _ = session(new Method.Plain(), rows, context, cacheFormat);
        DecodingSettings _ =
                new DecodingSettings(new Method.Plain(), rows, context, cacheFormat, DecodingSettings.PREFILL_CHUNK);
    }

    /** A session of one of the methods. */
    public SessionOptions session(Method method) {
        return session(method, rows, context, cacheFormat);
    }

    /** A batch of one of the methods. */
    BatchOptions batch(Method method) {
        BatchOptions automatic = BatchOptions.of(batch);
        return new BatchOptions(batch, automatic.rows(), Optional.of(method), rows, context, cacheFormat, 0);
    }

    private static SessionOptions session(
            Method method, OptionalInt rows, OptionalInt context, CacheFormat cacheFormat) {
        return new SessionOptions(
                Optional.of(method), rows, context, cacheFormat, DecodingSettings.PREFILL_CHUNK, VerifiedLogits.IGNORE);
    }
}
