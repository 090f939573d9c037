package bita.eval.bench;

import bita.kernels.Backend;
import bita.kernels.CacheFormat;
import bita.kernels.InstructionSet;
import bita.kernels.NumberFormat;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What is measured.
 *
 * @param contexts       tokens in the cache; each gives one {@link ContextFigures}
 * @param rows           numbers of rows of a step, to which 1 is added
 * @param rounds         how often everything is measured, in turn; reported are medians
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
    /** Tokens in the cache, unless told otherwise. */
    public static final List<Integer> CONTEXTS = List.of(256, 1024, 4096);
    /** Rows of a step, unless told otherwise. */
    public static final List<Integer> ROWS = List.of(1, 2, 4, 8, 12, 16, 24, 32, 48, 64);

    /** Rounds, unless told otherwise. */
    public static final int ROUNDS = 7;

    private static final int MOST_ROWS = 1024;
    private static final int MOST_THREADS = 1024;

    /** Whose weights. */
    public sealed interface Source {
        /** A GGUF file. */
        record File(Path path) implements Source {}

        /** Random weights. */
        record Random(ModelShape shape, NumberFormat format) implements Source {}
    }

    public BenchOptions {
        contexts = List.copyOf(contexts);
        rows = Stream.concat(Stream.of(1), rows.stream()).sorted().distinct().toList();
        require(
                !contexts.isEmpty() && contexts.stream().allMatch(c -> c >= 0 && c <= 1 << 20),
                "--contexts are 0 to 1048576");
        require(
                !rows.isEmpty() && rows.stream().allMatch(r -> r >= 1 && r <= MOST_ROWS),
                "--rows are 1 to " + MOST_ROWS);
        require(threads >= 1 && threads <= MOST_THREADS, "--threads is 1 to " + MOST_THREADS);
        require(rounds >= 1 && rounds <= 1000, "--rounds is 1 to 1000");
    }

    private static void require(boolean condition, String what) {
        if (!condition) {
            throw new IllegalArgumentException(what);
        }
    }
}
