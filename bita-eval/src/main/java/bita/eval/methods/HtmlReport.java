package bita.eval.methods;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The result of a comparison as one page that needs nothing else: charts are elements whose places are given in per
 * cents, so that they follow the width and the colours of whoever reads them.
 */
final class HtmlReport {
    private static final int COLOURS = 7; // of report.css

    private final StringBuilder page = new StringBuilder();
    private final Formatter out = new Formatter(page, Locale.ROOT);
    private final EvaluationResult result;
    private final List<ResultRow> whole;

    private HtmlReport(EvaluationResult result) {
        this.result = result;
        this.whole = result.rows(ResultRow.ALL).toList();
    }

    static String of(EvaluationResult result, String command) {
        HtmlReport report = new HtmlReport(result);
        report.write(command);
        report.out.close();
        return report.page.toString();
    }

    private void write(String command) {
        out.format("""
                <!DOCTYPE html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <title>Decoding methods compared: %s</title>
                <style>
                %s</style>
                </head>
                <body>
                <main>
                """, escape(setting("model")), style());
        out.format("<h1>Decoding methods compared</h1>\n");
        out.format(
                "<p class=\"faint\">%s on %s, %s, %s</p>\n",
                escape(setting("model")),
                escape(setting("suite")),
                escape(setting("processor")),
                escape(Wording.counted(setting("threads"), "thread")));
        out.format("<p class=\"%s\">%s</p>\n", result.identical() ? "good" : "bad", escape(Wording.verdict(result)));
        summary();
        speedups();
        tokensPerStep();
        acceptance();
        shares();
        section(
                "Not identical",
                result.differences().stream()
                        .map(EvaluationResult.Difference::describe)
                        .toList());
        section(
                "Skipped",
                result.skipped().stream()
                        .map(EvaluationResult.SkippedQuestion::describe)
                        .toList());
        section("Left out", result.leftOut());
        section("Notes", result.notes());
        settings();
        out.format("<h2>Command</h2>\n<pre>%s</pre>\n</main>\n</body>\n</html>\n", escape(command));
    }

    private String setting(String name) {
        return result.settings().values().getOrDefault(name, "unknown");
    }

    private static String style() {
        try (InputStream file = HtmlReport.class.getResourceAsStream("report.css")) {
            if (file == null) {
                throw new IOException("the file report.css is missing from the installation");
            }
            return new String(file.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void heading(String title, String explanation) {
        out.format("<h2>%s</h2>\n<p class=\"faint\">%s</p>\n", title, escape(explanation));
    }

    private void summary() {
        out.format("<div class=\"wide\"><table>\n<tr><th>method</th><th>tokens/step</th><th>rows/step</th>"
                + "<th>tokens/s</th><th>speedup</th><th>95 %% interval</th><th>identical prompts</th></tr>\n");
        for (ResultRow row : whole) {
            out.format(
                    "<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td%s>%s</td></tr>\n",
                    escape(row.method()),
                    Wording.number(row.tokensPerStep(), 2),
                    Wording.number(row.rowsPerStep(), 1),
                    Wording.number(row.tokensPerSecond(), 1),
                    Wording.ratio(row),
                    Wording.interval(result, row),
                    row.identicalPrompts() == row.prompts() ? "" : " class=\"bad\"",
                    Wording.identical(row));
        }
        out.format("</table></div>\n");
    }

    /** All prompts first, then each category. */
    private Stream<String> groups() {
        return Stream.concat(Stream.of(ResultRow.ALL), result.categories().stream());
    }

    private void speedups() {
        heading("Speedup by category", Wording.SPEEDUP + " The line is at 1, as fast as plain decoding.");
        double highest = result.rows().stream()
                .flatMap(row -> row.speedup().stream())
                .mapToDouble(ResultRow.Speedup::high)
                .max()
                .orElse(1);
        double scale = 98 / Math.max(1.2, highest);
        charts(row -> !row.method().equals(result.methods().getFirst()), row -> {
            row.speedup().ifPresent(speedup -> {
                String colour = colour(row);
                out.format("<i class=\"mark\" style=\"left:%.2f%%\"></i>", scale);
                out.format(
                        "<i class=\"range\" style=\"left:%.2f%%;width:%.2f%%;background:%s\"></i>",
                        scale * speedup.low(), Math.max(0.2, scale * (speedup.high() - speedup.low())), colour);
                out.format(
                        "<i class=\"dot\" style=\"left:%.2f%%;background:%s\"></i>", scale * speedup.ratio(), colour);
            });
            return Wording.ratio(row) + " <span class=\"faint\">" + Wording.interval(result, row) + "</span>";
        });
    }

    private void tokensPerStep() {
        heading("Tokens per step", Wording.TOKENS_PER_STEP);
        double highest = result.rows().stream()
                .mapToDouble(ResultRow::tokensPerStep)
                .max()
                .orElse(1);
        double scale = 100 / Math.max(1, highest);
        charts(row -> true, row -> {
            out.format("<i style=\"left:0;width:%.2f%%;background:%s\"></i>", scale * row.tokensPerStep(), colour(row));
            return Wording.number(row.tokensPerStep(), 2);
        });
    }

    /**
     * A chart with a line for each method, for each category.
     *
     * @param drawing draws into a line and gives the value to write beside it
     */
    private void charts(Predicate<ResultRow> shown, Function<ResultRow, String> drawing) {
        groups().forEach(group -> {
            List<ResultRow> rows = result.rows(group).filter(shown).toList();
            if (!rows.isEmpty()) {
                out.format(
                        "<h3>%s <span class=\"faint\">%s</span></h3>\n<div class=\"chart\">\n",
                        escape(group),
                        Wording.counted(Integer.toString(rows.getFirst().prompts()), "prompt"));
                for (ResultRow row : rows) {
                    out.format(
                            "<div class=\"bar\"><span class=\"name\">%s</span><span class=\"track\">",
                            escape(row.method()));
                    String value = drawing.apply(row);
                    out.format("</span><span class=\"value\">%s</span></div>\n", value);
                }
                out.format("</div>\n");
            }
        });
    }

    private String colour(ResultRow row) {
        int index = result.methods().indexOf(row.method());
        return "var(--c" + (index == 0 ? 0 : 1 + (index - 1) % (COLOURS - 1)) + ")";
    }

    private void acceptance() {
        heading("Acceptance by depth", Wording.ACCEPTANCE);
        int deepest = Wording.deepest(whole);
        out.format("<div class=\"wide\"><table>\n<tr><th>method</th>");
        for (int depth = 1; depth <= deepest; depth++) {
            out.format("<th>%d</th>", depth);
        }
        out.format("</tr>\n");
        for (ResultRow row : whole) {
            out.format("<tr><td>%s</td>", escape(row.method()));
            for (int depth = 1; depth <= deepest; depth++) {
                double share = Wording.acceptance(row, depth);
                out.format("<td class=\"heat\" style=\"--share:%.3f\">%s</td>", share, Wording.percent(share));
            }
            out.format("</tr>\n");
        }
        out.format("</table></div>\n<div class=\"wide\"><table>\n<tr><th>method</th>");
        out.format("<th>accepted of drafted</th><th>accepted, by source</th></tr>\n");
        for (ResultRow row : whole) {
            out.format(
                    "<tr><td>%s</td><td>%s</td><td>%s</td></tr>\n",
                    escape(row.method()),
                    Wording.acceptedOfDrafted(row),
                    escape(Wording.sources(row.acceptedBySource())));
        }
        out.format("</table></div>\n");
    }

    private void shares() {
        heading("Where the time goes", Wording.SHARES);
        List<String> names = List.of("drafting", "forward pass", "verification", "other");
        List<String> colours = List.of("var(--c2)", "var(--c1)", "var(--c3)", "var(--c0)");
        out.format("<p>");
        for (int i = 0; i < names.size(); i++) {
            out.format("<span class=\"key\" style=\"background:%s\"></span>%s", colours.get(i), names.get(i));
        }
        out.format("</p>\n<div class=\"chart\">\n");
        for (ResultRow row : whole) {
            ResultRow.Shares time = row.time();
            List<Double> shares = List.of(time.draft(), time.forward(), time.verify(), time.other());
            out.format("<div class=\"bar\"><span class=\"name\">%s</span><span class=\"track\">", escape(row.method()));
            double left = 0;
            for (int i = 0; i < shares.size(); i++) {
                double width = 100 * shares.get(i);
                out.format(
                        "<i style=\"left:%.2f%%;width:%.2f%%;background:%s;border-radius:0\" title=\"%s %s\"></i>",
                        left, width, colours.get(i), names.get(i), Wording.percent(shares.get(i)));
                left += width;
            }
            out.format("</span><span class=\"value\">%s forward</span></div>\n", Wording.percent(time.forward()));
        }
        out.format("</div>\n<div class=\"wide\"><table>\n<tr><th>method</th>");
        names.forEach(name -> out.format("<th>%s</th>", name));
        out.format("</tr>\n");
        for (ResultRow row : whole) {
            ResultRow.Shares time = row.time();
            out.format("<tr><td>%s</td>", escape(row.method()));
            List.of(time.draft(), time.forward(), time.verify(), time.other())
                    .forEach(share -> out.format("<td>%s</td>", Wording.percent(share)));
            out.format("</tr>\n");
        }
        out.format("</table></div>\n");
    }

    private void section(String title, List<String> lines) {
        if (!lines.isEmpty()) {
            out.format("<h2>%s</h2>\n<ul>\n", title);
            lines.forEach(line -> out.format("<li>%s</li>\n", escape(line)));
            out.format("</ul>\n");
        }
    }

    private void settings() {
        out.format("<h2>Settings and machine</h2>\n<table>\n");
        result.settings()
                .values()
                .forEach((name, value) -> out.format(
                        "<tr><td>%s</td><td class=\"text\">%s</td></tr>\n",
                        escape(RunSettings.label(name)), escape(value)));
        out.format("</table>\n");
    }

    /** Text as it is, in an element or an attribute. */
    private static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&#39;");
    }
}
