package bita.eval.bench;

import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Results that nobody has measured. */
final class Results {
    static final Limits MEASURED = new Limits.Measured(20, 400, 800);
    static final Limits UNKNOWN = new Limits.Unknown("there is no native library");

    private Results() {}

    /** Of steps of 1, 4 and 32 rows. */
    static BenchResult of(Limits limits, int... contexts) {
        return new BenchResult(
                "tiny.gguf",
                "Q4",
                90_000_000,
                160_000_000,
                2,
                Backend.NATIVE,
                InstructionSet.AVX2,
                18,
                300,
                limits,
                IntStream.of(contexts)
                        .mapToObj(context -> figures(context, limits, 1, 4, 32))
                        .toList());
    }

    static ContextFigures figures(int context, Limits limits, int... rows) {
        return new ContextFigures(
                context,
                context * 1000L,
                1000.0 / (10 + context / 100.0),
                250,
                IntStream.of(rows)
                        .mapToObj(count -> row(context, count, limits))
                        .toList());
    }

    private static ContextFigures.RowFigures row(int context, int count, Limits limits) {
        double products = Math.max(5, count);
        double step = products + count * context / 1000.0;
        return new ContextFigures.RowFigures(
                count,
                2 * step,
                1.5 * products,
                limits instanceof Limits.Measured
                        ? Optional.of(new ContextFigures.Ideal(step, products))
                        : Optional.empty());
    }

    static BenchResult with(BenchResult result, List<ContextFigures> contexts) {
        return new BenchResult(
                result.model(),
                result.format(),
                result.weightBytes(),
                result.weights(),
                result.threads(),
                result.backend(),
                result.instructionSet(),
                result.gbPerSecond(),
                result.gops(),
                result.limits(),
                contexts);
    }
}
