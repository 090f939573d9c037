package bita.cli;

import java.io.IOException;
import java.util.Locale;

/** Whoever read standard output has stopped, as {@code head} does: the program ends quietly. */
final class OutputClosedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    OutputClosedException() {
        super("standard output is closed");
    }

    /** Whether writing failed for this reason; the JDK tells only by the system's message. */
    static boolean isMeantBy(IOException e) {
        String message = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
        return message.contains("broken pipe") || message.contains("pipe is being closed");
    }
}
