package bita.model.template;

/** Stub. */
public final class TemplateException extends Exception {
    private static final long serialVersionUID = 1L;

    /** Stub. */
    public TemplateException(String message) {
        super(message);
    }
}
