package bita.tune.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The examples of a file of answers, all in memory (4 bytes per token), split by question: all turns of a conversation
 * are on the same side. Their order is that of the hashes of their ids: it looks random, and is the same whatever the
 * order in which the answers were finished.
 *
 * @param origin     what the answers come from
 * @param training   examples to learn from
 * @param validation examples to measure on; empty if there are too few questions
 * @param counts     what the file held
 */
public record AnsweredSet(AnswerOrigin origin, List<Example> training, List<Example> validation, Counts counts) {
    /** Answers of fewer tokens teach nothing. */
    public static final int SHORTEST = 12;

    public AnsweredSet {
        training = List.copyOf(training);
        validation = List.copyOf(validation);
    }

    /**
     * What a file held.
     *
     * @param answers      all of them, duplicates not counted
     * @param tooShort     of these, dropped because the answer has fewer tokens than asked for
     * @param duplicates   lines that repeat an answer
     * @param questions    that have an answer of sufficient length
     * @param promptTokens of the examples
     * @param answerTokens of the examples
     * @param brokenBytes  of half a line at the end, which is ignored; 0 if there is none
     */
    public record Counts(
            long answers,
            long tooShort,
            long duplicates,
            int questions,
            long promptTokens,
            long answerTokens,
            long brokenBytes) {}

    /**
     * Reads a file that {@link AnswerFile} has written; one that is still being written gives the answers so far.
     *
     * @param tokens   size of the model's vocabulary: an answer with another token id is an error
     * @param shortest answers of fewer tokens are dropped
     * @throws IOException if the file cannot be read, holds no answer of sufficient length, or anything but answers of
     *     one origin
     */
    public static AnsweredSet read(Path file, int tokens, int shortest, Split split) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            AnswerLines lines = new AnswerLines(file, in, Optional.empty());
            List<Example> examples = new ArrayList<>();
            Set<String> ids = new HashSet<>();
            long answers = 0;
            long promptTokens = 0;
            long answerTokens = 0;
            for (Optional<AnswerLines.Line> line = lines.next(); line.isPresent(); line = lines.next()) {
                AnsweredTurn answer = line.get().answer();
                answers++;
                checkTokens(file, answer, tokens);
                if (answer.answerTokenIds().size() >= shortest) {
                    examples.add(new Example(answer));
                    ids.add(answer.id());
                    promptTokens += answer.promptTokenIds().size();
                    answerTokens += answer.answerTokenIds().size();
                }
            }
            if (examples.isEmpty()) {
                throw new IOException(
                        file + ": the file holds " + answers + " answers, and none of " + shortest + " tokens or more");
            }
            Counts counts = new Counts(
                    answers,
                    answers - examples.size(),
                    lines.duplicates(),
                    ids.size(),
                    promptTokens,
                    answerTokens,
                    lines.brokenBytes());
            return of(lines.origin().orElseThrow(), examples, split.validation(ids), counts);
        }
    }

    private static AnsweredSet of(AnswerOrigin origin, List<Example> examples, Set<String> validation, Counts counts) {
        Comparator<Example> order =
                Comparator.comparing((Example e) -> Fingerprint.of(e.id())).thenComparingInt(Example::turn);
        List<Example> sorted = examples.stream().sorted(order).toList();
        return new AnsweredSet(
                origin,
                sorted.stream().filter(e -> !validation.contains(e.id())).toList(),
                sorted.stream().filter(e -> validation.contains(e.id())).toList(),
                counts);
    }

    private static void checkTokens(Path file, AnsweredTurn answer, int tokens) throws IOException {
        for (List<Integer> ids : List.of(answer.promptTokenIds(), answer.answerTokenIds())) {
            for (int id : ids) {
                if (id >= tokens) {
                    throw new IOException(file + ": the answer to question " + answer.id() + " has the token " + id
                            + ", and the model's vocabulary ends at " + (tokens - 1)
                            + "; use the answers of this model");
                }
            }
        }
    }
}
