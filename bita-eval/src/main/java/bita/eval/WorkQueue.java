package bita.eval;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Does pieces of work, as many side by side as their threads leave cores for, and reports the progress. */
final class WorkQueue {
    /**
     * @param threads that the work uses
     * @param cost    in units of about equal time
     */
    record Piece<T>(String description, int threads, long cost, Work<T> work) {}

    /** Work that reads files, and ends early when its thread is interrupted. */
    @FunctionalInterface
    interface Work<T> {
        T run() throws IOException, InterruptedException;
    }

    private final int cores;
    private final AuditListener listener;
    private final long total;
    private long done;

    /**
     * @param total cost of everything that will be done
     */
    WorkQueue(int cores, long total, AuditListener listener) {
        this.cores = cores;
        this.total = total;
        this.listener = listener;
    }

    /**
     * Does all pieces, those of few threads first.
     *
     * @return the results in the order of the pieces
     * @throws IOException if a piece throws it; the others are interrupted then
     * @throws InterruptedException if the thread is interrupted; the pieces are too, and have ended
     */
    <T> List<T> run(List<Piece<T>> pieces) throws IOException, InterruptedException {
        TreeMap<Integer, List<Integer>> byThreads = IntStream.range(0, pieces.size())
                .boxed()
                .collect(
                        Collectors.groupingBy(index -> pieces.get(index).threads(), TreeMap::new, Collectors.toList()));
        Map<Integer, T> results = new ConcurrentHashMap<>();
        for (Map.Entry<Integer, List<Integer>> entry : byThreads.entrySet()) {
            int workers = Math.max(1, cores / entry.getKey());
            sideBySide(workers, pieces, entry.getValue(), results);
        }
        return IntStream.range(0, pieces.size())
                .mapToObj(index -> Objects.requireNonNull(results.get(index)))
                .toList();
    }

    private <T> void sideBySide(int workers, List<Piece<T>> pieces, List<Integer> indices, Map<Integer, T> results)
            throws IOException, InterruptedException {
        try (ExecutorService pool = Executors.newFixedThreadPool(workers)) {
            ExecutorCompletionService<T> completion = new ExecutorCompletionService<>(pool);
            for (int index : indices) {
                Piece<T> piece = pieces.get(index);
                completion.submit(() -> {
                    begin(piece);
                    T result = piece.work().run();
                    end(piece);
                    return results.put(index, result);
                });
            }
            try {
                for (int i = 0; i < indices.size(); i++) {
                    completion.take().get();
                }
            } catch (ExecutionException e) {
                throw failure(e);
            } finally {
                pool.shutdownNow();
            }
        }
    }

    private static IOException failure(ExecutionException e) {
        return switch (e.getCause()) {
            case IOException io -> io;
            case RuntimeException runtime -> throw runtime;
            case Error error -> throw error;
            case null, default -> throw new IllegalStateException(e);
        };
    }

    private synchronized void begin(Piece<?> piece) {
        listener.progress(done, total, piece.description());
    }

    private synchronized void end(Piece<?> piece) {
        done += piece.cost();
    }
}
