package bita.eval.methods;

/** Follows a comparison, on its thread. */
public interface EvaluationListener {
    /** Follows nothing. */
    EvaluationListener NONE = (done, total, description) -> {};

    /**
     * Called before each answer and once at the end.
     *
     * @param done        answers that are made or left out
     * @param total       all answers
     * @param description of the next one, a few words
     */
    void progress(long done, long total, String description);
}
