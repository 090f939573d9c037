package bita.model.template;

/** A chat template that cannot be parsed, that refuses its input, or that exceeds a limit. */
public final class TemplateException extends Exception {
    private static final long serialVersionUID = 1L;

    private final boolean located;

    /** A problem without a known line. */
    public TemplateException(String message) {
        this(message, false);
    }

    private TemplateException(String message, boolean located) {
        super(message);
        this.located = located;
    }

    /** This problem with its template line (from 1), unless it already has one. */
    TemplateException at(int line) {
        if (located) {
            return this;
        }
        TemplateException result = new TemplateException("Template line " + line + ": " + getMessage(), true);
        result.setStackTrace(getStackTrace());
        return result;
    }
}
