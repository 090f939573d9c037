package bita.tune.train;

/** The loss is not a number: the learned tokens have grown too large, or the model is broken. */
public final class DivergedException extends ArithmeticException {
    /** @param when it was found, as a message begins */
    DivergedException(String when) {
        super(when + " the loss is not a number: begin anew with a lower learning rate, or check the model with bita"
                + " audit");
    }
}
