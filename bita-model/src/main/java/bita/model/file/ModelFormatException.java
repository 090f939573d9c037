package bita.model.file;

import java.io.IOException;
import java.nio.file.Path;

/** A model file is damaged, of another kind, or lacks what is needed; the message is one sentence that names the file. */
public final class ModelFormatException extends IOException {
    /**
     * Says what is wrong with a file.
     *
     * @param file the file, which the message starts with
     * @param problem what is wrong and what helps, without a full stop
     */
    public ModelFormatException(Path file, String problem) {
        super(file + ": " + problem);
    }

    /**
     * Says what is wrong with something that need not come from a file.
     *
     * @param message the whole sentence, without a full stop
     */
    ModelFormatException(String message) {
        super(message);
    }

    ModelFormatException(String message, Throwable cause) {
        super(message, cause);
    }

    /** As {@link #ModelFormatException(Path, String)}, with the exception that revealed the problem. */
    public ModelFormatException(Path file, String problem, Throwable cause) {
        super(file + ": " + problem, cause);
    }
}
