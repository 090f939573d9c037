package bita.spark;

/** A job cannot go on; the message is a sentence that says what to do. */
final class JobException extends Exception {
    private static final long serialVersionUID = 1;

    JobException(String message) {
        super(message);
    }

    JobException(String message, Throwable cause) {
        super(message, cause);
    }
}
