package bita.eval.bench;

/** What the machine can do at most with these weights, as {@link bita.kernels.MachineLimits} measures it. */
public sealed interface Limits {
    /**
     * Measured in turn with everything else; medians.
     *
     * @param gbPerSecond at which a read sweep reads the weights, from wherever they lie: memory or cache
     * @param gopsCached  of the fastest kernel with the weights in the cache
     * @param gopsPeak    of the multiplications alone, on registers
     */
    record Measured(double gbPerSecond, double gopsCached, double gopsPeak) implements Limits {}

    /**
     * They could not be measured, so nothing is held against them.
     *
     * @param reason one sentence without its full stop
     */
    record Unknown(String reason) implements Limits {}
}
