package bita.eval.methods;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A method's figures over the prompts of a category. Each turn of a question is a prompt. Counts are of all repetitions;
 * the time of a prompt is the median over its repetitions.
 *
 * @param category          {@link #ALL} for the whole suite
 * @param tokens            tokens of one repetition, without the prefill's own, the first of each answer
 * @param steps             passes behind the prefill, of all repetitions
 * @param tokensPerStep     tokens over the passes that made them, as {@link bita.api.Answer.Statistics} has it; 0 without
 *     any
 * @param rowsPerStep       rows of these passes; 0 without any
 * @param tokensPerSecond   tokens over the sum of the prompts' times; 0 without any
 * @param speedup           over plain decoding; empty if no answer has a second token
 * @param identicalPrompts  prompts whose answers, in all repetitions, are plain decoding's
 * @param acceptanceByDepth {@code [d - 1]} is the share of steps that accepted at least {@code d} drafted tokens
 * @param acceptedBySource  accepted drafted tokens by the source that drafted them
 * @param drafted           drafted tokens that were verified
 * @param time              shares of the time of decoding
 * @param specBench         what the suite's own script makes of it
 */
public record ResultRow(
        String method,
        String category,
        int prompts,
        long tokens,
        long steps,
        double tokensPerStep,
        double rowsPerStep,
        double tokensPerSecond,
        Optional<Speedup> speedup,
        int identicalPrompts,
        List<Double> acceptanceByDepth,
        Map<String, Long> acceptedBySource,
        long drafted,
        Shares time,
        SpecBench specBench) {
    /** The category of the rows over the whole suite. */
    public static final String ALL = "all";

    public ResultRow {
        acceptanceByDepth = List.copyOf(acceptanceByDepth);
    }

    /**
     * Plain decoding's time over the method's, each the sum of the prompts' times, for the same tokens.
     *
     * @param low  lower end of the 95 % interval, see {@link Bootstrap}
     * @param high its upper end
     */
    public record Speedup(double ratio, double low, double high) {}

    /**
     * Shares of the time from the first token to the last, together 1.
     *
     * @param draft   finding candidates and shaping the tree
     * @param forward layers and output head
     * @param verify  deciding, keeping accepted rows, reading the masks' candidates
     * @param other   turning tokens to text, and everything else
     */
    public record Shares(double draft, double forward, double verify, double other) {}

    /**
     * The figures of Spec-Bench's {@code evaluation/speed.py} for the answers in its format.
     *
     * @param tokensPerSecond    mean over the questions of their tokens per second
     * @param meanAcceptedTokens mean over all steps
     */
    public record SpecBench(double tokensPerSecond, double meanAcceptedTokens) {}
}
