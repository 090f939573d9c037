package bita.api;

/** An {@link AnswerService} has as many answers to make as it takes on; some time later it may take more. */
public final class QueueFullException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    QueueFullException(int limit) {
        super("all " + limit + " places for answers, running and waiting, are taken");
    }
}
