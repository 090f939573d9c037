package bita.kernels;

/** The function between the layers of a feed-forward network. */
public enum Activation {
    /** x / (1 + exp(-x)). */
    SILU,
    /**
     * x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), computed as x / (1 + exp(-2 u)), where u is the argument of
     * tanh; the same function, without the loss of small results.
     */
    GELU_TANH,
    /** x / 2 * (1 + erf(x / sqrt(2))), with the approximation 7.1.26 of Abramowitz and Stegun. */
    GELU_ERF
}
