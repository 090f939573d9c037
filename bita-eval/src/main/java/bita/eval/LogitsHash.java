package bita.eval;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * A 64-bit hash of raw bits. Four lanes take 64-bit words in turn; each step of a lane, and the folding of the lanes, is
 * a bijection of its state for a given word and of the word for a given state. So two texts that differ in one word only
 * (for instance in one bit of one logit) always have different hashes; others collide with a chance of about 2^-64.
 */
final class LogitsHash {
    // Odd, so that multiplying by it can be undone: the fractions of the golden ratio and of the square root of 2.
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;
    private static final long ROOT = 0x6A09E667F3BCC909L;

    private LogitsHash() {}

    /** Hashes all bits of a segment, those of NaN and negative zero as they are. */
    static long of(MemorySegment bits) {
        long size = bits.byteSize();
        long a = size;
        long b = 1;
        long c = 2;
        long d = 3;
        long at = 0;
        for (; at <= size - 32; at += 32) {
            a = mix(a, bits.get(JAVA_LONG_UNALIGNED, at));
            b = mix(b, bits.get(JAVA_LONG_UNALIGNED, at + 8));
            c = mix(c, bits.get(JAVA_LONG_UNALIGNED, at + 16));
            d = mix(d, bits.get(JAVA_LONG_UNALIGNED, at + 24));
        }
        for (; at <= size - 8; at += 8) {
            a = mix(a, bits.get(JAVA_LONG_UNALIGNED, at));
        }
        for (; at < size; at++) {
            a = mix(a, bits.get(JAVA_BYTE, at));
        }
        return mix(mix(mix(mix(ROOT, a), b), c), d);
    }

    /**
     * Two rounds, as after one the difference of two high bits is a fixed pattern that the next word could cancel. The
     * shifts bring high bits, which a product spreads no further, to where they are spread.
     */
    private static long mix(long state, long word) {
        long mixed = (state ^ word) * GOLDEN;
        mixed = (mixed ^ (mixed >>> 32)) * ROOT;
        return mixed ^ (mixed >>> 29);
    }
}
