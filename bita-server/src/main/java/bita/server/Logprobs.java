package bita.server;

/** What both shapes of logprobs have in common. */
final class Logprobs {
    /** JSON has no infinity: the protocol writes this for what is all but impossible. */
    private static final double LEAST = -9999;

    private Logprobs() {}

    static double finite(double logprob) {
        return Math.max(LEAST, logprob);
    }
}
