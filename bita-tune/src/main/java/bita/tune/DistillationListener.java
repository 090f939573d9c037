package bita.tune;

/** Follows a distillation, on its thread. */
public interface DistillationListener {
    /** Follows nothing. */
    DistillationListener NONE = new DistillationListener() {};

    /**
     * A step is done.
     *
     * @param answers turns answered so far, those that the file had already included
     * @param total   turns to be answered in all
     * @param tokens  decided so far, those of questions included
     */
    default void progress(int answers, int total, long tokens) {}

    /**
     * A question, from one of its turns on, gets no answer.
     *
     * @param reason one sentence
     */
    default void skipped(String question, String reason) {}
}
