package bita.eval.bench;

import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import java.util.List;

/**
 * The outcome of a bench. GB are 1e9 bytes; a multiplication with its addition counts as two operations, as
 * {@code gops} is used for integer and floating-point numbers alike.
 *
 * @param model          file or shape
 * @param format         the layouts that the weights are packed to
 * @param weightBytes    bytes of all matrices
 * @param weights        weights of all matrices
 * @param instructionSet of the kernels; {@link InstructionSet#GENERIC} for those in Java
 * @param gbPerSecond    at which the products of one row read the weights
 * @param gops           of the products at their fastest number of rows
 * @param contexts       at least one, by tokens in the cache, ascending; all of the same numbers of rows
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
        double gops,
        Limits limits,
        List<ContextFigures> contexts) {
    public BenchResult {
        contexts = List.copyOf(contexts);
        if (contexts.isEmpty()) {
            throw new IllegalArgumentException("a bench measures at least one context");
        }
    }
}
