package bita.eval.bench;

import java.util.Formatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Renders the result of a bench. */
public final class BenchReport {
    private BenchReport() {}

    /** Plain text with a table for each context; lines end with {@code \n}. */
    public static String text(BenchResult result) {
        StringBuilder text = new StringBuilder();
        try (Formatter out = new Formatter(text, Locale.ROOT)) {
            out.format(
                    "model     %s: %.1f million weights, %s, %.1f MB\n",
                    result.model(), result.weights() / 1e6, result.format(), result.weightBytes() / 1e6);
            out.format("kernels   %s\n", kernels(result));
            limits(out, result);
            for (ContextFigures figures : result.contexts()) {
                context(out, figures);
            }
        }
        return text.toString();
    }

    private static void limits(Formatter out, BenchResult result) {
        double prefill = result.contexts().getFirst().prefillTokensPerSecond();
        switch (result.limits()) {
            case Limits.Measured limits -> {
                out.format(
                        "reading   %.1f GB/s of weights by the products of one row; a sweep over the same weights reads"
                                + " %.1f: %.0f %%\n",
                        result.gbPerSecond(), limits.gbPerSecond(), 100 * result.gbPerSecond() / limits.gbPerSecond());
                out.format(
                        "multiply  %.0f GOP/s; %.0f with the weights in the cache: %.0f %%; %.0f on registers alone\n",
                        result.gops(),
                        limits.gopsCached(),
                        100 * result.gops() / limits.gopsCached(),
                        limits.gopsPeak());
                out.format(
                        "prefill   %.0f tokens/s; the products alone would allow %.0f with the weights in the cache:"
                                + " %.0f %%\n",
                        prefill,
                        limits.gopsCached() * 1e9 / (2 * result.weights()),
                        100 * prefill * 2 * result.weights() / 1e9 / limits.gopsCached());
            }
            case Limits.Unknown unknown -> {
                out.format("reading   %.1f GB/s of weights by the products of one row\n", result.gbPerSecond());
                out.format("multiply  %.0f GOP/s\n", result.gops());
                out.format("prefill   %.0f tokens/s\n", prefill);
                out.format("limits    not measured, so there are no ideal times: %s\n", unknown.reason());
            }
        }
    }

    /** Who has computed, for people. */
    static String kernels(BenchResult result) {
        String threads = result.threads() == 1 ? "1 thread" : result.threads() + " threads";
        return switch (result.backend()) {
            case NATIVE -> "native, " + result.instructionSet() + ", " + threads;
            case VECTOR -> "Vector API, " + threads;
            case SCALAR -> "scalar, " + threads;
        };
    }

    private static void context(Formatter out, ContextFigures figures) {
        out.format(
                "\nContext %d: %.1f tokens/s plain, %.1f MB of keys and values\n",
                figures.context(), figures.plainTokensPerSecond(), figures.cacheBytes() / 1e6);
        boolean ideals = figures.rows().getFirst().ideal().isPresent();
        String ideal = ideals ? "  ideal ms  ratio" : "";
        out.format("  rows  products ms%s  step ms%s  ms per row  times one row\n", ideal, ideal);
        double one = figures.rows().getFirst().stepMs();
        for (ContextFigures.RowFigures row : figures.rows()) {
            out.format("  %4d  %11.2f", row.rows(), row.productsMs());
            row.ideal().ifPresent(best -> ideal(out, row.productsMs(), best.productsMs()));
            out.format("  %7.2f", row.stepMs());
            row.ideal().ifPresent(best -> ideal(out, row.stepMs(), best.stepMs()));
            out.format("  %10.2f  %13.2f\n", row.stepMs() / row.rows(), row.stepMs() / one);
        }
    }

    private static void ideal(Formatter out, double measured, double ideal) {
        out.format("  %8.2f  %5.2f", ideal, measured / ideal);
    }

    /**
     * One object per context, for programs. Where the machine's limits are unknown, what depends on them is left out, and
     * {@code limits_unknown} says why.
     */
    public static List<Map<String, Object>> json(BenchResult result) {
        return result.contexts().stream().map(figures -> json(result, figures)).toList();
    }

    private static Map<String, Object> json(BenchResult result, ContextFigures figures) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("model", result.model());
        object.put("format", result.format());
        object.put("weight_bytes", result.weightBytes());
        object.put("weights", result.weights());
        object.put("context", figures.context());
        object.put("cache_bytes", figures.cacheBytes());
        object.put("plain_tokens_per_second", figures.plainTokensPerSecond());
        object.put("prefill_tokens_per_second", figures.prefillTokensPerSecond());
        object.put("step_ms", byRows(figures, row -> Optional.of(row.stepMs())));
        object.put("products_ms", byRows(figures, row -> Optional.of(row.productsMs())));
        object.put("threads", result.threads());
        object.put("backend", result.backend().name().toLowerCase(Locale.ROOT));
        object.put("instruction_set", result.instructionSet().name().toLowerCase(Locale.ROOT));
        object.put("gb_per_second", result.gbPerSecond());
        object.put("gops", result.gops());
        switch (result.limits()) {
            case Limits.Measured limits -> {
                object.put("ideal_step_ms", byRows(figures, row -> row.ideal().map(ContextFigures.Ideal::stepMs)));
                object.put(
                        "ideal_products_ms", byRows(figures, row -> row.ideal().map(ContextFigures.Ideal::productsMs)));
                object.put("gb_per_second_peak", limits.gbPerSecond());
                object.put("gops_cached", limits.gopsCached());
                object.put("gops_peak", limits.gopsPeak());
            }
            case Limits.Unknown unknown -> object.put("limits_unknown", unknown.reason());
        }
        return object;
    }

    private static Map<Integer, Double> byRows(
            ContextFigures figures, Function<ContextFigures.RowFigures, Optional<Double>> value) {
        Map<Integer, Double> values = new LinkedHashMap<>();
        for (ContextFigures.RowFigures row : figures.rows()) {
            value.apply(row).ifPresent(ms -> values.put(row.rows(), ms));
        }
        return values;
    }
}
