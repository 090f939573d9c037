package bita.eval.methods;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** What the reports say alike. */
final class Wording {
    static final String SPEEDUP =
            "Plain decoding's time over the method's, each the sum over the prompts of the median over"
                    + " the repetitions, for the same tokens. The interval holds 95 % of " + Bootstrap.RESAMPLES
                    + " bootstrap samples of the prompts.";
    static final String TOKENS_PER_STEP =
            "Tokens behind the first of each answer, over the passes that made them: accepted drafts and the token that"
                    + " each pass gives for free.";
    static final String ACCEPTANCE = "Share of the steps that accepted at least so many drafted tokens.";
    static final String SHARES =
            "Of the time from the first token to the last. Drafting finds candidates and shapes the"
                    + " tree; the forward pass is layers and output head; verification decides, keeps the accepted rows and reads"
                    + " the masks' candidates.";

    private Wording() {}

    static String number(double value, int digits) {
        return String.format(Locale.ROOT, "%,." + digits + "f", value);
    }

    static String percent(double share) {
        return number(100 * share, share > 0 && share < 0.0995 ? 1 : 0) + " %";
    }

    /** For instance {@code 1.05}; a dash where nothing has been measured. */
    static String ratio(ResultRow row) {
        return row.speedup().map(speedup -> number(speedup.ratio(), 2)).orElse("–");
    }

    /** For instance {@code 1.01–1.10}; empty for plain decoding, which is held against itself. */
    static String interval(EvaluationResult result, ResultRow row) {
        return row.method().equals(result.methods().getFirst())
                ? ""
                : row.speedup()
                        .map(speedup -> number(speedup.low(), 2) + "–" + number(speedup.high(), 2))
                        .orElse("");
    }

    static String identical(ResultRow row) {
        return row.identicalPrompts() + " of " + row.prompts();
    }

    static String verdict(EvaluationResult result) {
        int prompts = result.rows().getFirst().prompts();
        if (prompts == 0) {
            return "No question could be answered.";
        }
        if (result.methods().size() == 1) {
            return "Only plain decoding was measured.";
        }
        return result.identical()
                ? "Every token of every method is plain decoding's."
                : "Not identical: " + result.differences().size()
                        + (result.differences().size() == 1 ? " answer differs" : " answers differ")
                        + " from plain decoding's, the first at "
                        + result.differences().getFirst().describe() + ".";
    }

    static String acceptedOfDrafted(ResultRow row) {
        double accepted = row.acceptedBySource().values().stream()
                .mapToDouble(Long::doubleValue)
                .sum();
        return row.drafted() == 0 ? "–" : percent(accepted / row.drafted());
    }

    /** For instance {@code 1 prompt}. */
    static String counted(String number, String what) {
        return number + " " + what + (number.equals("1") ? "" : "s");
    }

    static String sources(Map<String, Long> accepted) {
        long all = accepted.values().stream().mapToLong(Long::longValue).sum();
        return accepted.isEmpty()
                ? "–"
                : accepted.entrySet().stream()
                        .map(one -> one.getKey() + " " + number(one.getValue(), 0) + " ("
                                + percent(one.getValue() / (double) all) + ")")
                        .collect(Collectors.joining(", "));
    }

    /** The deepest acceptance of any of the rows. */
    static int deepest(List<ResultRow> rows) {
        return rows.stream()
                .mapToInt(row -> row.acceptanceByDepth().size())
                .max()
                .orElse(0);
    }

    static double acceptance(ResultRow row, int depth) {
        return depth <= row.acceptanceByDepth().size() ? row.acceptanceByDepth().get(depth - 1) : 0;
    }
}
