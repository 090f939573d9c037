package bita.api.store;

/**
 * How a model may be pulled.
 *
 * @param offline whether sources that need a network are left out; the environment's {@code HF_HUB_OFFLINE=1} has the
 *     same effect
 */
public record PullOptions(boolean offline) {

    /** Every source may be asked. */
    public static final PullOptions DEFAULT = new PullOptions(false);

    /** Only what lies on this machine is used. */
    public static final PullOptions OFFLINE = new PullOptions(true);
}
