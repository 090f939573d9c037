package bita.spark;

import java.io.Serializable;

/**
 * What an executor does with one piece of a job's work.
 *
 * @param <A> the piece
 * @param <R> what comes of it
 */
@FunctionalInterface
interface Task<A, R> extends Serializable {
    /**
     * Does it.
     *
     * @throws JobException if no repetition could do better
     * @throws InterruptedException if the task is no longer wanted
     */
    Result<R> run(A piece) throws JobException, InterruptedException;

    /**
     * What came of a piece.
     *
     * @param kernels that computed it, in a few words
     */
    record Result<R>(R value, String kernels) implements Serializable {}
}
