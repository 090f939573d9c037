package bita.model;

/** Is told how far a long operation has come; the operation says what it counts. */
@FunctionalInterface
public interface ProgressListener {
    /**
     * Called now and then by the thread that runs the operation, the last time with {@code done == total}. What it
     * throws ends the operation.
     *
     * @param done what has been done, never less than in the call before
     * @param total what there is to do, the same in all calls
     */
    void progress(long done, long total);
}
