package bita.eval.bench;

import bita.kernels.Backend;
import bita.kernels.CacheFormat;
import bita.kernels.InstructionSet;
import bita.kernels.NumberFormat;
import bita.model.ModelConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What is measured.
 *
 * @param source         whose weights
 * @param contexts       tokens in the cache, in any order; each gives one {@link ContextFigures}. Those of
 *                       {@link #CONTEXTS} that the model was trained for if empty
 * @param rows           numbers of rows of a step, in any order, to which 1 is added: plain decoding
 * @param rounds         how often everything is measured, in turn; reported are medians
 * @param threads        that work side by side
 * @param cacheFormat    of keys and values
 * @param backend        who executes the kernels; the fastest if empty
 * @param instructionSet best instruction set to use; the best there is if empty
 */
public record BenchOptions(
        Source source,
        List<Integer> contexts,
        List<Integer> rows,
        int rounds,
        int threads,
        CacheFormat cacheFormat,
        Optional<Backend> backend,
        Optional<InstructionSet> instructionSet) {
    /** Most tokens in the cache. */
    public static final int MOST_CONTEXT = 1 << 20;

    /** Tokens in the cache, unless told otherwise. */
    public static final List<Integer> CONTEXTS = List.of(256, 1024, 4096);

    /** Rows of a step, unless told otherwise. */
    public static final List<Integer> ROWS = List.of(1, 2, 4, 8, 12, 16, 24, 32, 48, 64);

    private static final int MOST_ROWS = 1024;
    private static final int MOST_THREADS = 1024;

    /** Whose weights. */
    public sealed interface Source {
        /** A GGUF file. */
        record File(Path path) implements Source {}

        /** Random weights. */
        record Random(ModelShape shape, NumberFormat format) implements Source {
            public Random {
                ModelConfig config = shape.config();
                for (int columns :
                        new int[] {config.hidden(), config.heads() * config.headDim(), config.feedForward()}) {
                    require(
                            columns % format.blockSize() == 0,
                            shape.name() + " has matrices of " + columns + " columns, but " + format
                                    + " stores blocks of " + format.blockSize() + "; choose another format");
                }
            }
        }
    }

    public BenchOptions {
        contexts = contexts.stream().sorted().distinct().toList();
        rows = Stream.concat(Stream.of(1), rows.stream()).sorted().distinct().toList();
        require(contexts.stream().allMatch(c -> c >= 0 && c <= MOST_CONTEXT), "--contexts are 0 to " + MOST_CONTEXT);
        require(rows.stream().allMatch(r -> r >= 1 && r <= MOST_ROWS), "--rows are 1 to " + MOST_ROWS);
        require(threads >= 1 && threads <= MOST_THREADS, "--threads is 1 to " + MOST_THREADS);
        require(rounds >= 1 && rounds <= 1000, "--rounds is 1 to 1000");
    }

    /** Rounds, unless told otherwise: one of the scalar kernels, which are a hundred times slower. */
    public static int rounds(Backend backend) {
        return backend == Backend.SCALAR ? 1 : 7;
    }

    /**
     * The contexts to measure with a model.
     *
     * @param contextLength positions it was trained for
     * @return one or more, ascending
     * @throws IllegalArgumentException if one is longer than that
     */
    List<Integer> contexts(int contextLength) {
        if (contexts.isEmpty()) {
            List<Integer> fitting =
                    CONTEXTS.stream().filter(c -> c <= contextLength).toList();
            return fitting.isEmpty() ? List.of(contextLength) : fitting;
        }
        int longest = contexts.getLast();
        require(
                longest <= contextLength,
                "the model was trained for a context of " + contextLength + ": --contexts cannot be " + longest);
        return contexts;
    }

    private static void require(boolean condition, String what) {
        if (!condition) {
            throw new IllegalArgumentException(what);
        }
    }
}
