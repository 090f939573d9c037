package bita.eval;

import java.util.Formatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Renders the result of an audit. */
public final class AuditReport {
    private static final int MOST_LINES = 20;

    private AuditReport() {}

    /** Plain text with a table of the methods; lines end with {@code \n}. */
    public static String text(AuditResult result) {
        StringBuilder text = new StringBuilder();
        try (Formatter out = new Formatter(text, Locale.ROOT)) {
            write(out, result);
        }
        return text.toString();
    }

    private static void write(Formatter out, AuditResult result) {
        out.format("model      %s\n", result.model());
        out.format("adapter    %s\n", result.adapter().orElse("none"));
        out.format("reference  %s\n", result.reference());
        out.format(
                "compared   %d prompts, %,d answers, %,d tokens, %,d logits, %.0f s\n",
                result.prompts(),
                result.scope().comparisons(),
                result.scope().tokens(),
                result.scope().logits(),
                result.seconds());
        out.format(
                "drafts     %,d tokens accepted, %,d rejected\n",
                result.drafts().accepted(), result.drafts().rejected());
        SettingsCoverage coverage = result.coverage();
        if (coverage.pairs() > 0) {
            out.format("settings   %d of %d pairs occurred\n", coverage.covered(), coverage.pairs());
            coverage.values()
                    .forEach((name, values) -> out.format("           %s: %s\n", name, String.join("; ", values)));
        }
        out.format("\n");
        methods(out, result.methods());
        section(
                out,
                "Skipped",
                result.skipped().stream()
                        .map(one -> "question " + one.question() + ": " + one.reason())
                        .toList());
        section(out, "Notes", result.notes());
        section(
                out,
                "Not identical",
                result.mismatches().stream().map(Mismatch::describe).toList());
        out.format("\n");
        if (result.ok()) {
            out.format("PASSED: every answer is that of plain decoding, to the last bit of every logit.\n");
        } else {
            out.format("FAILED: %s.\n", String.join("; ", result.objections()));
        }
    }

    private static void methods(Formatter out, List<MethodFigures> methods) {
        int width = methods.stream()
                .mapToInt(figures -> figures.method().length())
                .max()
                .orElse(0);
        String name = "%-" + Math.max(width, "method".length()) + "s";
        out.format(
                name + "  %7s  %9s  %13s  %11s  %9s\n",
                "method",
                "answers",
                "identical",
                "greedy tokens",
                "tokens/step",
                "rows/step");
        for (MethodFigures one : methods) {
            out.format(
                    name + "  %7d  %9d  %13d  %11.3f  %9.1f\n",
                    one.method(),
                    one.comparisons(),
                    one.identical(),
                    one.tokens(),
                    one.tokensPerStep(),
                    one.rowsPerStep());
        }
    }

    private static void section(Formatter out, String title, List<String> lines) {
        if (lines.isEmpty()) {
            return;
        }
        out.format("\n");
        out.format("%s (%d):\n", title, lines.size());
        lines.stream().limit(MOST_LINES).forEach(one -> out.format("  %s\n", one));
        if (lines.size() > MOST_LINES) {
            out.format("  and %d more\n", lines.size() - MOST_LINES);
        }
    }

    /** What a JSON mapper needs: maps, lists, strings, numbers and booleans, in the order to show. */
    public static Map<String, Object> json(AuditResult result) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("ok", result.ok());
        json.put("objections", result.objections());
        json.put("model", result.model());
        result.adapter().ifPresent(adapter -> json.put("adapter", adapter));
        json.put("reference", result.reference());
        json.put("prompts", result.prompts());
        json.put("comparisons", result.scope().comparisons());
        json.put("tokens", result.scope().tokens());
        json.put("logits", result.scope().logits());
        json.put("drafts_accepted", result.drafts().accepted());
        json.put("drafts_rejected", result.drafts().rejected());
        json.put("pairs_covered", result.coverage().covered());
        json.put("pairs", result.coverage().pairs());
        json.put("settings", result.coverage().values());
        json.put("methods", result.methods().stream().map(AuditReport::json).toList());
        json.put(
                "mismatches",
                result.mismatches().stream().map(AuditReport::json).toList());
        json.put(
                "skipped",
                result.skipped().stream()
                        .map(one -> Map.of("question", one.question(), "reason", one.reason()))
                        .toList());
        json.put("notes", result.notes());
        json.put("seconds", result.seconds());
        return json;
    }

    private static Map<String, Object> json(MethodFigures figures) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("method", figures.method());
        json.put("comparisons", figures.comparisons());
        json.put("identical", figures.identical());
        json.put("greedy_prompts", figures.prompts());
        json.put("greedy_tokens", figures.tokens());
        json.put("greedy_steps", figures.steps());
        json.put("tokens_per_step", figures.tokensPerStep());
        json.put("rows_per_step", figures.rowsPerStep());
        return json;
    }

    private static Map<String, Object> json(Mismatch mismatch) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("question", mismatch.question());
        json.put("method", mismatch.method());
        json.put("settings", mismatch.settings());
        json.put("what", mismatch.first().what().name().toLowerCase(Locale.ROOT));
        json.put("token", mismatch.first().index());
        json.put("position", mismatch.first().position());
        return json;
    }
}
