package bita.eval;

import java.io.IOException;
import java.nio.file.Path;

/** A file that is not a suite of questions. */
public final class SuiteFormatException extends IOException {
    private static final long serialVersionUID = 1L;

    SuiteFormatException(Path file, String problem) {
        super(file + ": " + problem);
    }

    SuiteFormatException(Path file, int line, String problem) {
        super(file + ", line " + line + ": " + problem);
    }
}
