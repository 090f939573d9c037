package bita.eval.methods;

import bita.eval.Markdown;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** The result of a comparison in Markdown. */
final class MarkdownReport {
    private MarkdownReport() {}

    static String of(EvaluationResult result, String command) {
        StringBuilder text = new StringBuilder();
        try (Formatter out = new Formatter(text, Locale.ROOT)) {
            out.format("# Decoding methods compared\n\n%s\n\n", Markdown.code(Wording.verdict(result)));
            summary(out, result);
            byCategory(
                    out,
                    result,
                    "Speedup by category",
                    Wording.SPEEDUP,
                    row -> row.method().equals(result.methods().getFirst())
                            ? Wording.ratio(row)
                            : Wording.ratio(row) + " (" + Wording.interval(result, row) + ")");
            byCategory(
                    out,
                    result,
                    "Tokens per step by category",
                    Wording.TOKENS_PER_STEP,
                    row -> Wording.number(row.tokensPerStep(), 2));
            acceptance(out, result);
            shares(out, result);
            section(
                    out,
                    "Not identical",
                    result.differences().stream()
                            .map(EvaluationResult.Difference::describe)
                            .toList());
            section(
                    out,
                    "Skipped",
                    result.skipped().stream()
                            .map(EvaluationResult.SkippedQuestion::describe)
                            .toList());
            section(out, "Left out", result.leftOut());
            section(out, "Notes", result.notes());
            out.format("## Settings and machine\n| | |\n|---|---|\n");
            result.settings()
                    .values()
                    .forEach((name, value) ->
                            out.format("| %s | %s |\n", Markdown.code(RunSettings.label(name)), Markdown.code(value)));
            out.format("\n## Command\n%s", Markdown.block(command));
        }
        return text.toString();
    }

    private static List<ResultRow> whole(EvaluationResult result) {
        return result.rows(ResultRow.ALL).toList();
    }

    private static void summary(Formatter out, EvaluationResult result) {
        out.format("| method | tokens/step | rows/step | tokens/s | speedup | 95 %% interval | identical prompts |\n");
        out.format("|---|--:|--:|--:|--:|--:|--:|\n");
        for (ResultRow row : whole(result)) {
            out.format(
                    "| %s | %s | %s | %s | %s | %s | %s |\n",
                    Markdown.code(row.method()),
                    Wording.number(row.tokensPerStep(), 2),
                    Wording.number(row.rowsPerStep(), 1),
                    Wording.number(row.tokensPerSecond(), 1),
                    Wording.ratio(row),
                    Wording.interval(result, row),
                    Wording.identical(row));
        }
        out.format("\n");
    }

    private static void byCategory(
            Formatter out,
            EvaluationResult result,
            String title,
            String explanation,
            Function<ResultRow, String> cell) {
        out.format("## %s\n%s\n\n| category | prompts |", title, explanation);
        result.methods().forEach(method -> out.format(" %s |", Markdown.code(method)));
        out.format("\n|---|--:|%s\n", "--:|".repeat(result.methods().size()));
        for (String category : result.categories()) {
            List<ResultRow> rows = result.rows(category).toList();
            out.format("| %s | %d |", Markdown.code(category), rows.getFirst().prompts());
            rows.forEach(row -> out.format(" %s |", cell.apply(row)));
            out.format("\n");
        }
        List<ResultRow> rows = whole(result);
        out.format("| all | %d |", rows.getFirst().prompts());
        rows.forEach(row -> out.format(" %s |", cell.apply(row)));
        out.format("\n\n");
    }

    private static void acceptance(Formatter out, EvaluationResult result) {
        List<ResultRow> rows = whole(result);
        int deepest = Wording.deepest(rows);
        out.format("## Acceptance by depth\n%s\n\n| method |", Wording.ACCEPTANCE);
        for (int depth = 1; depth <= deepest; depth++) {
            out.format(" %d |", depth);
        }
        out.format(" accepted, by source | accepted of drafted |\n|---|%s---|--:|\n", "--:|".repeat(deepest));
        for (ResultRow row : rows) {
            out.format("| %s |", Markdown.code(row.method()));
            for (int depth = 1; depth <= deepest; depth++) {
                out.format(" %s |", Wording.percent(Wording.acceptance(row, depth)));
            }
            out.format(" %s | %s |\n", Wording.sources(row.acceptedBySource()), Wording.acceptedOfDrafted(row));
        }
        out.format("\n");
    }

    private static void shares(Formatter out, EvaluationResult result) {
        out.format("## Where the time goes\n%s\n\n", Wording.SHARES);
        out.format("| method | drafting | forward pass | verification | other |\n|---|--:|--:|--:|--:|\n");
        for (ResultRow row : whole(result)) {
            out.format(
                    "| %s | %s | %s | %s | %s |\n",
                    Markdown.code(row.method()),
                    Wording.percent(row.time().draft()),
                    Wording.percent(row.time().forward()),
                    Wording.percent(row.time().verify()),
                    Wording.percent(row.time().other()));
        }
        out.format("\n");
    }

    private static void section(Formatter out, String title, List<String> lines) {
        if (!lines.isEmpty()) {
            out.format("## %s\n", title);
            lines.forEach(line -> out.format("- %s\n", Markdown.code(line)));
            out.format("\n");
        }
    }
}
