package bita.eval.methods;

import bita.eval.Question;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * A method's answer to a question, as Spec-Bench (Xia 2024, arXiv 2401.07851) writes it and its {@code
 * evaluation/speed.py} reads it: the turns in order.
 *
 * @param question      of the suite
 * @param method        name
 * @param turns         texts
 * @param decodingSteps of the first repetition
 * @param newTokens     without the prefill's own, which the time does not cover either
 * @param wallTime      seconds, medians over the repetitions
 * @param acceptLengths tokens of each step, turn after turn, of all repetitions: their mean is the tokens per step
 */
public record SpecBenchAnswer(
        Question question,
        String method,
        List<String> turns,
        List<Integer> decodingSteps,
        List<Integer> newTokens,
        List<Double> wallTime,
        List<Integer> acceptLengths) {
    public SpecBenchAnswer {
        turns = List.copyOf(turns);
        decodingSteps = List.copyOf(decodingSteps);
        newTokens = List.copyOf(newTokens);
        wallTime = List.copyOf(wallTime);
        acceptLengths = List.copyOf(acceptLengths);
    }

    /** Tokens of all turns over their time. */
    double tokensPerSecond() {
        return newTokens.stream().mapToInt(Integer::intValue).sum()
                / wallTime.stream().mapToDouble(Double::doubleValue).sum();
    }

    /**
     * What a JSON mapper needs.
     *
     * @param seconds when it was written, since 1970
     */
    Map<String, Object> json(double seconds) {
        Map<String, Object> choice = new LinkedHashMap<>();
        choice.put("index", 0);
        choice.put("turns", turns);
        choice.put("decoding_steps", decodingSteps);
        choice.put("new_tokens", newTokens);
        choice.put("wall_time", wallTime);
        choice.put("accept_lengths", acceptLengths);
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("question_id", id(question.id()));
        json.put("category", question.category());
        json.put(
                "answer_id",
                UUID.nameUUIDFromBytes((method + "\n" + question.id()).getBytes(StandardCharsets.UTF_8))
                        .toString());
        json.put("model_id", method);
        json.put("choices", List.of(choice));
        json.put("tstamp", seconds);
        return json;
    }

    /** Spec-Bench's own ids are numbers, and its scripts sort by them. */
    private static Object id(String id) {
        return id.matches("0|[1-9][0-9]{0,17}") ? (Object) Long.valueOf(id) : id;
    }
}
