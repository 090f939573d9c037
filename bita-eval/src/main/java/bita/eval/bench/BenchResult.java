package bita.eval.bench;

import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import java.util.List;

/**
 * The outcome of a bench. GB are 1e9 bytes; a multiplication with its addition counts as two operations, as
 * {@code gops} is used for integer and floating-point numbers alike.
 *
 * @param model         file or shape
 * @param format        the number formats of the weights
 * @param weightBytes   bytes of all matrices
 * @param weights       weights of all matrices
 * @param gbPerSecond   at which the products of one row read the weights
 * @param gbPerSecondPeak at which a read sweep reads them
 * @param gops          of the products at their fastest number of rows
 * @param gopsCached    of the fastest kernel with the weights in the cache
 * @param gopsPeak      of the multiplications alone, on registers
 */
public record BenchResult(
        String model,
        String format,
        long weightBytes,
        long weights,
        int threads,
        Backend backend,
        InstructionSet instructionSet,
        double gbPerSecond,
        double gbPerSecondPeak,
        double gops,
        double gopsCached,
        double gopsPeak,
        List<ContextFigures> contexts) {
    public BenchResult {
        contexts = List.copyOf(contexts);
    }
}
