package bita.api.store;

import java.nio.file.Path;

/**
 * Hears how a pull goes, on the thread that called it. Progress comes with every chunk received, up to some thousand
 * times a second: a listener that draws should skip most of it.
 */
public interface PullListener {

    /** Hears nothing. */
    PullListener NONE = new PullListener() {};

    /** A source is being asked; {@code source} describes it for people. Sources are tried in turn. */
    default void started(String source) {}

    /**
     * Bytes received from the present source. A resumed download starts above zero; a source that is asked again may
     * start over.
     *
     * @param doneBytes bytes received so far
     * @param totalBytes bytes to expect, or -1 where the source does not tell
     */
    default void progress(long doneBytes, long totalBytes) {}

    /** Nothing moves for now; {@code reason} says for people what is waited for. */
    default void waiting(String reason) {}

    /** A source that had been started could not deliver, for this reason; the next one, if any, is tried. */
    default void failed(String source, String reason) {}

    /** The file is complete, checked and in its place (it may have been there before). */
    default void finished(Path file) {}
}
