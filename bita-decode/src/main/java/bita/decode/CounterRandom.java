package bita.decode;

/**
 * Random numbers addressed by a counter instead of drawn from a state: the number of a choice at a position is the same
 * whatever was drawn before, so drafts, batches and rewinds cannot shift it (the idea of Salmon et al. 2011, "Parallel
 * random numbers: as easy as 1, 2, 3").
 *
 * <p>It is output number {@code choice * 2^32 + position} of SplitMix64 (Steele, Lea and Flood 2014) started at
 * {@code mix(seed)}, which that generator can compute directly. {@code mix} is a bijection, so under one seed no two
 * counters share their 64 bits.
 */
final class CounterRandom {
    private static final long GOLDEN_GAMMA = 0x9e3779b97f4a7c15L;

    private CounterRandom() {}

    /** Uniform in [0, 1), a multiple of 2^-53; {@code choice} and {@code position} from 0. */
    static double uniform(long seed, int choice, int position) {
        long counter = ((long) choice << 32) | position;
        long bits = mix(mix(seed) + (counter + 1) * GOLDEN_GAMMA);
        return (bits >>> 11) * 0x1p-53;
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
