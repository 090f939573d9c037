package bita.eval.bench;

import java.util.List;

/**
 * What was measured with a number of tokens in the cache.
 *
 * @param context                tokens in the cache
 * @param plainTokensPerSecond   steps of one row
 * @param prefillTokensPerSecond of {@link Bench#PREFILL_TOKENS} tokens, from an empty cache
 * @param rows                   by number of rows, ascending; the first is one row
 */
public record ContextFigures(
        int context, double plainTokensPerSecond, double prefillTokensPerSecond, List<RowFigures> rows) {
    public ContextFigures {
        rows = List.copyOf(rows);
    }

    /**
     * What a number of rows costs: medians, in milliseconds.
     *
     * @param stepMs          a pass with the logits of all rows
     * @param idealStepMs     the products' ideal and attention's: the longer of reading the cache and multiplying at the
     *                        peak rate of f32 numbers
     * @param productsMs      the matrix products of that pass
     * @param idealProductsMs the longer of reading the weights at the rate of a read sweep and multiplying at the best
     *                        rate of any kernel with the weights in the cache
     */
    public record RowFigures(int rows, double stepMs, double idealStepMs, double productsMs, double idealProductsMs) {}
}
