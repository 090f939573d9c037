package bita.api;

/** The prompt does not fit the context. */
public final class ContextOverflowException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ContextOverflowException(int tokens, int context) {
        super("the prompt has " + tokens + " tokens, but the context holds " + context
                + " with at least one for the answer: shorten the prompt, or raise --context up to what the model was"
                + " trained for");
    }
}
