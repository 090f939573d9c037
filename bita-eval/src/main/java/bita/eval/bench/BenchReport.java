package bita.eval.bench;

import java.util.Formatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

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
            out.format(
                    "memory    %.1f GB/s read by the products of one row, of %.1f GB/s by a read sweep: %.0f %%\n",
                    result.gbPerSecond(),
                    result.gbPerSecondPeak(),
                    100 * result.gbPerSecond() / result.gbPerSecondPeak());
            out.format(
                    "multiply  %.0f GOP/s, of %.0f with the weights in the cache: %.0f %%; %.0f on registers alone\n",
                    result.gops(), result.gopsCached(), 100 * result.gops() / result.gopsCached(), result.gopsPeak());
            ContextFigures first = result.contexts().getFirst();
            out.format(
                    "prefill   %.0f tokens/s, %.0f %% of the products at that rate\n",
                    first.prefillTokensPerSecond(),
                    100 * first.prefillTokensPerSecond() * 2 * result.weights() / 1e9 / result.gopsCached());
            for (ContextFigures figures : result.contexts()) {
                context(out, figures);
            }
        }
        return text.toString();
    }

    private static String kernels(BenchResult result) {
        String threads = result.threads() == 1 ? "1 thread" : result.threads() + " threads";
        return switch (result.backend()) {
            case NATIVE -> "native, " + result.instructionSet() + ", " + threads;
            case VECTOR -> "Vector API, " + threads;
            case SCALAR -> "scalar, " + threads;
        };
    }

    private static void context(Formatter out, ContextFigures figures) {
        out.format("\nContext %d: %.1f tokens/s plain\n", figures.context(), figures.plainTokensPerSecond());
        out.format("  rows  products ms  ideal ms  ratio  step ms  ideal ms  ratio  ms per row  times one row\n");
        double one = figures.rows().getFirst().stepMs();
        for (ContextFigures.RowFigures row : figures.rows()) {
            out.format(
                    "  %4d  %11.2f  %8.2f  %5.2f  %7.2f  %8.2f  %5.2f  %10.2f  %13.2f\n",
                    row.rows(),
                    row.productsMs(),
                    row.idealProductsMs(),
                    row.productsMs() / row.idealProductsMs(),
                    row.stepMs(),
                    row.idealStepMs(),
                    row.stepMs() / row.idealStepMs(),
                    row.stepMs() / row.rows(),
                    row.stepMs() / one);
        }
    }

    /** One object per context, for programs. */
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
        object.put("plain_tokens_per_second", figures.plainTokensPerSecond());
        object.put("prefill_tokens_per_second", figures.prefillTokensPerSecond());
        object.put("step_ms", byRows(figures, ContextFigures.RowFigures::stepMs));
        object.put("ideal_step_ms", byRows(figures, ContextFigures.RowFigures::idealStepMs));
        object.put("products_ms", byRows(figures, ContextFigures.RowFigures::productsMs));
        object.put("ideal_products_ms", byRows(figures, ContextFigures.RowFigures::idealProductsMs));
        object.put("threads", result.threads());
        object.put("backend", result.backend().name().toLowerCase(Locale.ROOT));
        object.put("instruction_set", result.instructionSet().name().toLowerCase(Locale.ROOT));
        object.put("gb_per_second", result.gbPerSecond());
        object.put("gb_per_second_peak", result.gbPerSecondPeak());
        object.put("gops", result.gops());
        object.put("gops_cached", result.gopsCached());
        object.put("gops_peak", result.gopsPeak());
        return object;
    }

    private static Map<Integer, Double> byRows(
            ContextFigures figures, ToDoubleFunction<ContextFigures.RowFigures> value) {
        Map<Integer, Double> values = new LinkedHashMap<>();
        figures.rows().forEach(row -> values.put(row.rows(), value.applyAsDouble(row)));
        return values;
    }
}
