package bita.eval.methods;

import bita.api.Answer;
import bita.decode.StepTime;
import java.util.List;
import java.util.Map;

/**
 * One answer of one method, and what it took.
 *
 * @param question         index of the question in the suite
 * @param id               of the question, as the suite names it
 * @param turn             index of the turn
 * @param repetition       index of the repetition
 * @param promptTokens     tokens of the prompt
 * @param tokenIds         all decided tokens
 * @param text             of the answer
 * @param acceptLengths    tokens that each step behind the prefill has decided
 * @param acceptedByDepth  {@code [d - 1]} is the number of steps that accepted at least {@code d} drafted tokens
 * @param acceptedBySource accepted drafted tokens by the source that drafted them, in lower case
 * @param drafted          drafted tokens that were verified
 * @param rows             rows of all steps
 * @param decodeNanos      from the first token to the last; of answers in a batch their part of it
 */
record Measurement(
        int question,
        String id,
        int turn,
        int repetition,
        String method,
        int promptTokens,
        List<Integer> tokenIds,
        String text,
        List<Integer> acceptLengths,
        List<Integer> acceptedByDepth,
        Map<String, Long> acceptedBySource,
        long drafted,
        long rows,
        long decodeNanos,
        long draftNanos,
        long forwardNanos,
        long verifyNanos) {
    /** What tells one answer from the others of a run. */
    record Key(int question, int turn, int repetition, String method) {}

    Measurement {
        tokenIds = List.copyOf(tokenIds);
        acceptLengths = List.copyOf(acceptLengths);
        acceptedByDepth = List.copyOf(acceptedByDepth);
        acceptedBySource = Map.copyOf(acceptedBySource);
        int most = acceptLengths.size(); // steps
        long decided = acceptLengths.stream().mapToLong(Integer::longValue).sum();
        require(!tokenIds.isEmpty(), "it has no tokens");
        require(decided == tokenIds.size() - 1, "its steps make " + decided + " tokens of " + (tokenIds.size() - 1));
        require(
                acceptLengths.stream().allMatch(length -> length > 0)
                        && acceptedByDepth.stream().allMatch(steps -> steps > 0 && steps <= most)
                        && acceptedBySource.values().stream().allMatch(tokens -> tokens > 0)
                        && promptTokens > 0
                        && drafted >= 0
                        && rows >= acceptLengths.size(),
                "a number in it cannot be");
        require(decodeNanos > 0 && draftNanos >= 0 && forwardNanos >= 0 && verifyNanos >= 0, "a time in it cannot be");
    }

    private static void require(boolean holds, String problem) {
        if (!holds) {
            throw new IllegalArgumentException(problem);
        }
    }

    /** What an answer has been, as its steps have told. */
    static Measurement of(Key key, String id, Answer answer, long decodeNanos, StepTally steps) {
        StepTime time = steps.time();
        return new Measurement(
                key.question(),
                id,
                key.turn(),
                key.repetition(),
                key.method(),
                answer.statistics().promptTokens(),
                answer.tokenIds(),
                answer.text(),
                steps.acceptLengths(),
                steps.acceptedByDepth(),
                steps.acceptedBySource(),
                answer.statistics().draftedTokens(),
                answer.statistics().rows(),
                // A clock may not move during an answer of one token, and nothing is divided by zero.
                Math.max(1, decodeNanos),
                time.draft(),
                time.forward(),
                time.verify());
    }

    Key key() {
        return new Key(question, turn, repetition, method);
    }

    int steps() {
        return acceptLengths.size();
    }

    /** Tokens that steps have made: all but the prefill's own. */
    int newTokens() {
        return tokenIds.size() - 1;
    }
}
