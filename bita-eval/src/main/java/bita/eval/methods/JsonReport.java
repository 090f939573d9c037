package bita.eval.methods;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The result of a comparison for programs: what a JSON mapper needs, in the order to show. */
public final class JsonReport {
    private JsonReport() {}

    /** A map for each method over all prompts, then for each category and method. */
    public static List<Map<String, Object>> rows(EvaluationResult result) {
        return result.rows().stream().map(JsonReport::row).toList();
    }

    /** The whole result. */
    static Map<String, Object> of(EvaluationResult result, String command) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("identical", result.identical());
        json.put("command", command);
        json.put("settings", result.settings().values());
        json.put("rows", rows(result));
        json.put(
                "differences",
                result.differences().stream().map(JsonReport::difference).toList());
        json.put(
                "skipped",
                result.skipped().stream()
                        .map(one -> Map.of("question", one.question(), "turn", one.turn(), "reason", one.reason()))
                        .toList());
        json.put("left_out", result.leftOut());
        json.put("notes", result.notes());
        return json;
    }

    private static Map<String, Object> row(ResultRow row) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("method", row.method());
        json.put("category", row.category());
        json.put("prompts", row.prompts());
        json.put("tokens_per_step", row.tokensPerStep());
        json.put("tokens_per_second", row.tokensPerSecond());
        json.put("speedup", row.speedup().map(ResultRow.Speedup::ratio));
        json.put("speedup_low", row.speedup().map(ResultRow.Speedup::low));
        json.put("speedup_high", row.speedup().map(ResultRow.Speedup::high));
        json.put("identical_prompts", row.identicalPrompts());
        json.put("rows_per_step", row.rowsPerStep());
        json.put("tokens", row.tokens());
        json.put("steps", row.steps());
        json.put("acceptance_by_depth", row.acceptanceByDepth());
        json.put("accepted_by_source", row.acceptedBySource());
        json.put("drafted_tokens", row.drafted());
        json.put("share_drafting", row.time().draft());
        json.put("share_forward_pass", row.time().forward());
        json.put("share_verification", row.time().verify());
        json.put("spec_bench_tokens_per_second", row.specBench().tokensPerSecond());
        json.put("spec_bench_mean_accepted_tokens", row.specBench().meanAcceptedTokens());
        return json;
    }

    private static Map<String, Object> difference(EvaluationResult.Difference difference) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("question", difference.question());
        json.put("turn", difference.turn());
        json.put("repetition", difference.repetition());
        json.put("method", difference.method());
        json.put("token", difference.token());
        return json;
    }
}
