package bita.eval.methods;

import bita.eval.Question;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Runs that need no model. */
final class Runs {
    static final String PLAIN = "plain";
    static final String LOOKUP = "lookup";

    static final List<Question> QUESTIONS = List.of(
            new Question("81", "writing", List.of("First?", "Second?")),
            new Question("x/2", "math", List.of("1 + 1?")));

    private Runs() {}

    static RunSettings settings(String... changes) {
        Map<String, String> values = new LinkedHashMap<>(Map.of("model", "m.gguf"));
        values.put("methods", "plain, lookup");
        values.put("max_tokens", "32");
        for (int i = 0; i < changes.length; i += 2) {
            values.put(changes[i], changes[i + 1]);
        }
        return new RunSettings(values);
    }

    /**
     * A measurement of as many tokens as the steps make and one more, which took so many milliseconds: a fifth of them
     * for drafts, half for the pass, a tenth for verification.
     */
    static Measurement measurement(
            int question, int turn, int repetition, String method, long milliseconds, Integer... acceptLengths) {
        List<Integer> lengths = List.of(acceptLengths);
        int tokens = 1 + lengths.stream().mapToInt(Integer::intValue).sum();
        int deepest = lengths.stream().mapToInt(length -> length - 1).max().orElse(0);
        long accepted = tokens - 1L - lengths.size();
        long nanos = milliseconds * 1_000_000;
        return new Measurement(
                question,
                QUESTIONS.get(question).id(),
                turn,
                repetition,
                method,
                10,
                IntStream.range(0, tokens).boxed().toList(),
                "text of " + question + "/" + turn,
                lengths,
                IntStream.rangeClosed(1, deepest)
                        .mapToObj(depth -> (int) lengths.stream()
                                .filter(length -> length > depth)
                                .count())
                        .toList(),
                accepted == 0 ? Map.of() : Map.of(method, accepted),
                2 * accepted,
                3L * lengths.size(),
                nanos,
                nanos / 5,
                nanos / 2,
                nanos / 10);
    }

    static EvaluationResult result(Path folder, int repetitions, Measurement... measurements) throws IOException {
        try (Journal journal = Journal.open(folder.resolve("journal.jsonl"), true, settings(), QUESTIONS)) {
            for (Measurement one : measurements) {
                journal.append(one);
            }
            return Results.of(
                    settings(),
                    QUESTIONS,
                    List.of(PLAIN, LOOKUP),
                    repetitions,
                    journal,
                    List.of(),
                    List.of(),
                    List.of());
        }
    }
}
