package bita.tune;

import bita.tune.data.SelfAsked.Verdict;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/**
 * What a distillation has brought.
 *
 * @param asked         candidates for questions that the model has asked itself and that were judged, those of earlier
 *     runs included; 0 if the questions were given
 * @param kept          of these, questions that are answered
 * @param dropped       candidates by what was wrong with them
 * @param answersBefore turns that the file had answers to
 * @param answers       turns answered by this run
 * @param skipped       turns without an answer, because they do not fit the context or the chat template
 * @param failed        questions and candidates at which the model produced NaN
 * @param tokens        decided by this run, those of questions included
 * @param nanos         that took
 */
public record DistillationResult(
        int asked,
        int kept,
        Map<Verdict, Long> dropped,
        int answersBefore,
        int answers,
        int skipped,
        int failed,
        long tokens,
        long nanos) {
    public DistillationResult {
        Map<Verdict, Long> ordered = new EnumMap<>(Verdict.class);
        ordered.putAll(dropped);
        dropped = Collections.unmodifiableMap(ordered);
    }

    /** Tokens of questions and answers per second; 0 if there were none. */
    public double tokensPerSecond() {
        return tokens == 0 ? 0 : tokens / (nanos / 1e9);
    }
}
