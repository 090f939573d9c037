package bita.api.store;

import java.io.IOException;
import java.nio.file.Path;

/** Where a model's file can come from. */
sealed interface ModelSource permits HubCacheSource, HubSource, PipSource {

    /** What it is, for people. */
    String description();

    /** Whether offline mode forbids it. */
    boolean needsNetwork();

    /** Whether it is worth asking at all. */
    default boolean offers(Wanted wanted) throws IOException {
        return true;
    }

    /**
     * Writes the whole file to {@code part} and checks it.
     *
     * @param part the unfinished file; one left over by an earlier run may be continued, but is never trusted
     * @return SHA-256 of what was written
     * @throws IOException if this source cannot deliver, with the reason as its message
     */
    String fetch(Wanted wanted, Path part, PullListener listener) throws IOException, InterruptedException;
}
