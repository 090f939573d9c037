package bita.eval.methods;

import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What a comparison has found.
 *
 * @param settings    of the run
 * @param methods     names, plain decoding first
 * @param categories  of the suite, in its order
 * @param rows        a row for each method over all prompts, then for each category and method
 * @param differences where answers differ from those of plain decoding, in the order of the suite
 * @param skipped     questions that could not be answered, or only in part
 * @param leftOut     methods that could not run, a sentence each
 * @param notes       what else to know, a sentence each
 * @param answers     of each method, by question
 */
public record EvaluationResult(
        RunSettings settings,
        List<String> methods,
        List<String> categories,
        List<ResultRow> rows,
        List<Difference> differences,
        List<SkippedQuestion> skipped,
        List<String> leftOut,
        List<String> notes,
        Map<String, List<SpecBenchAnswer>> answers) {
    public EvaluationResult {
        methods = List.copyOf(methods);
        categories = List.copyOf(categories);
        rows = List.copyOf(rows);
        differences = List.copyOf(differences);
        skipped = List.copyOf(skipped);
        leftOut = List.copyOf(leftOut);
        notes = List.copyOf(notes);
        answers = Map.copyOf(answers);
    }

    /**
     * An answer that is not plain decoding's first one.
     *
     * @param turn       from 1
     * @param repetition from 1
     * @param token      index of the first token that differs, from 0
     */
    public record Difference(String question, int turn, int repetition, String method, int token) {
        /** For people, who count from 1. */
        public String describe() {
            return "question " + question + ", turn " + turn + ", " + method
                    + (repetition > 1 ? " (repetition " + repetition + ")" : "") + ": token " + (token + 1);
        }
    }

    /**
     * A question with a turn that could not be answered; the turns behind it are skipped as well.
     *
     * @param turn from 1
     */
    public record SkippedQuestion(String question, int turn, String reason) implements Serializable {
        /** For people. */
        public String describe() {
            return "question " + question + " from turn " + turn + " on: " + reason;
        }
    }

    /** Whether every token of every method was plain decoding's. */
    public boolean identical() {
        return differences.isEmpty();
    }

    /** The rows of one category, or of {@link ResultRow#ALL}, in the methods' order. */
    public Stream<ResultRow> rows(String category) {
        return rows.stream().filter(row -> row.category().equals(category));
    }
}
