package bita.decode;

/** The logits of an ordinary row give no probabilities: the text cannot go on. */
public final class NotANumberException extends ArithmeticException {
    private NotANumberException(String message) {
        super(message);
    }

    static NotANumberException nan(int position) {
        return new NotANumberException("The model produced NaN at position " + position
                + ": check the model file, and the number format if it was converted.");
    }

    static NotANumberException infinite(int position) {
        return new NotANumberException("The largest logit at position " + position
                + " is infinite, so no token can be drawn: check the model file, or decode greedily.");
    }
}
