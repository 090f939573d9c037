package bita.api;

import bita.decode.TokenLogprobs;
import java.util.List;

/**
 * A finished answer.
 *
 * @param text     without the end-of-turn token and without the stop text
 * @param tokenIds all decided tokens, an end-of-turn token included
 * @param logprobs how likely each of them was, if that was asked for; otherwise empty
 * @param finish   why it ended
 */
public record Answer(
        String text, List<Integer> tokenIds, List<TokenLogprobs> logprobs, Finish finish, Statistics statistics) {
    public Answer {
        tokenIds = List.copyOf(tokenIds);
        logprobs = List.copyOf(logprobs);
    }

    /** Why an answer ended. */
    public enum Finish {
        /** The model ended its turn, or a stop text came. */
        STOP,
        /** The most tokens asked for, or the end of the context. */
        LENGTH,
        /** The session was cancelled. */
        CANCELLED
    }

    /**
     * What it took.
     *
     * @param promptTokens     tokens of the prompt
     * @param reusedTokens     those of them that were known from another text and not computed again
     * @param completionTokens decided tokens
     * @param steps            passes after the prefill
     * @param rows             rows of these passes
     * @param draftedTokens    drafted tokens that these passes have verified
     * @param firstTokenNanos  from the call to the first token
     * @param decodeNanos      from the first token to the last
     */
    public record Statistics(
            int promptTokens,
            int reusedTokens,
            int completionTokens,
            int steps,
            long rows,
            long draftedTokens,
            long firstTokenNanos,
            long decodeNanos) {
        /** Tokens after the prefill's own, over the passes that made them; 0 if there were none. */
        public double tokensPerStep() {
            return steps == 0 ? 0 : (completionTokens - 1) / (double) steps;
        }

        /** Rows over passes; 0 if there were none. */
        public double rowsPerStep() {
            return steps == 0 ? 0 : rows / (double) steps;
        }

        /** Tokens after the first one, per second; 0 if there were none. */
        public double tokensPerSecond() {
            return steps == 0 ? 0 : (completionTokens - 1) / (decodeNanos / 1e9);
        }
    }
}
