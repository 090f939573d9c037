package bita.cli;

import java.io.IOException;
import java.util.Optional;

/** Where the user's side of a conversation comes from. */
interface ChatInput extends AutoCloseable {
    /** The next line; empty at the end. */
    Optional<String> next() throws IOException;

    /**
     * Begins work that Ctrl-C stops; closing the result ends it.
     *
     * @param action makes the work end soon; called on another thread
     */
    Interruption.Stretch stopping(Runnable action);

    @Override
    void close() throws IOException;
}
