package bita.cli;

import bita.cli.Terminal.Style;
import bita.eval.methods.EvaluationResult;
import bita.eval.methods.ResultRow;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** What a comparison of methods has found, in tables that fit 80 columns. */
final class EvalSummary {
    private EvalSummary() {}

    static String text(Terminal terminal, EvaluationResult result) {
        return methods(result) + "\n" + categories(result) + verdict(terminal, result) + "\n";
    }

    private static Table methods(EvaluationResult result) {
        Table table = new Table("rlrrrrlr")
                .row("", "", "tok/", "rows/", "tok/", "speed", "95 %", "same")
                .row("", "method", "step", "step", "s", "up", "interval", "texts");
        int number = 1;
        for (ResultRow row : result.rows(ResultRow.ALL).toList()) {
            table.row(
                    Integer.toString(number),
                    row.method(),
                    decimals(row.tokensPerStep()),
                    String.format(Locale.ROOT, "%.1f", row.rowsPerStep()),
                    Format.threeDigits(row.tokensPerSecond()),
                    speedup(row),
                    number == 1 ? "" : row.speedup().map(EvalSummary::interval).orElse(""),
                    row.identicalPrompts() + "/" + row.prompts());
            number++;
        }
        return table;
    }

    private static String decimals(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }

    private static String speedup(ResultRow row) {
        return row.speedup().map(speedup -> decimals(speedup.ratio())).orElse("-");
    }

    private static String interval(ResultRow.Speedup speedup) {
        return decimals(speedup.low()) + "-" + decimals(speedup.high());
    }

    /** The methods are numbered as above: their names would not fit. */
    private static String categories(EvaluationResult result) {
        int others = result.methods().size() - 1;
        if (result.categories().isEmpty() || others == 0) {
            return "";
        }
        Table table = new Table("lr" + "r".repeat(others));
        List<String> heading = new ArrayList<>(List.of("speedup", "prompts"));
        IntStream.rangeClosed(2, others + 1).forEach(number -> heading.add("  " + number));
        table.row(heading.toArray(String[]::new));
        for (String category : result.categories()) {
            List<ResultRow> rows = result.rows(category).toList();
            List<String> cells = new ArrayList<>();
            cells.add(Format.oneLine(category));
            cells.add(Integer.toString(rows.getFirst().prompts()));
            rows.stream().skip(1).forEach(row -> cells.add(speedup(row)));
            table.row(cells.toArray(String[]::new));
        }
        return table + "\n";
    }

    private static String verdict(Terminal terminal, EvaluationResult result) {
        return result.identical()
                ? terminal.styled(Style.GREEN, "identical") + ": every token of every method is plain decoding's"
                : terminal.styled(Style.RED, "not identical") + ": see the report";
    }
}
