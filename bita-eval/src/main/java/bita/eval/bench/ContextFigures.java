package bita.eval.bench;

import java.util.List;
import java.util.Optional;

/**
 * What was measured with a number of tokens in the cache.
 *
 * @param context                tokens in the cache
 * @param cacheBytes             bytes of their keys and values
 * @param plainTokensPerSecond   steps of one row
 * @param prefillTokensPerSecond of {@link Bench#PREFILL_TOKENS} tokens, from an empty cache
 * @param rows                   by number of rows, ascending; the first is one row
 */
public record ContextFigures(
        int context,
        long cacheBytes,
        double plainTokensPerSecond,
        double prefillTokensPerSecond,
        List<RowFigures> rows) {
    public ContextFigures {
        rows = List.copyOf(rows);
    }

    /**
     * What a number of rows costs: medians, in milliseconds.
     *
     * @param stepMs     a pass with the logits of all rows
     * @param productsMs the matrix products of that pass
     * @param ideal      empty where the machine's limits are unknown
     */
    public record RowFigures(int rows, double stepMs, double productsMs, Optional<Ideal> ideal) {}

    /**
     * What a number of rows would cost at the machine's limits, in milliseconds.
     *
     * @param stepMs     the products' ideal and attention's: the longer of reading the cache and multiplying at the peak
     *                   rate of f32 numbers
     * @param productsMs the longer of reading the weights at the rate of a read sweep and multiplying at the best rate
     *                   of any kernel with the weights in the cache
     */
    public record Ideal(double stepMs, double productsMs) {}
}
