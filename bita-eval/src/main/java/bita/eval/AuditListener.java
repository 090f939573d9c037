package bita.eval;

/** Follows an audit, on any thread, one call after the other. */
@FunctionalInterface
public interface AuditListener {
    /** Follows nothing. */
    AuditListener NONE = (done, total, description) -> {};

    /**
     * Called before each piece of work and once at the end.
     *
     * @param done        work done, in units of about equal time
     * @param total       all work
     * @param description what comes next, a few words
     */
    void progress(long done, long total, String description);
}
