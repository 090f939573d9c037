package bita.eval;

/**
 * What an audit saw of one method. Tokens per step are those of greedy answers alone.
 *
 * @param comparisons answers compared with their reference
 * @param identical   of these, the answers without a difference
 * @param prompts     prompts that were answered greedily
 * @param tokens      tokens of the greedy answers, without the prefill's own (the first of each)
 * @param steps       passes that made these tokens
 * @param rows        rows of these passes
 */
public record MethodFigures(
        String method, int comparisons, int identical, int prompts, long tokens, long steps, long rows) {
    /** Over all prompts together; 0 if there was no step. */
    public double tokensPerStep() {
        return steps == 0 ? 0 : tokens / (double) steps;
    }

    /** Over all prompts together; 0 if there was no step. */
    public double rowsPerStep() {
        return steps == 0 ? 0 : rows / (double) steps;
    }
}
