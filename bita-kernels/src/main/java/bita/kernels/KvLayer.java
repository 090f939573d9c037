package bita.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Keys and values of one layer of one sequence. A row's key and value lie in a <em>slot</em>. Keys are stored with
 * slots as lanes, so that a row's scores of 16 slots are computed side by side.
 *
 * @param keys   (kvHeads, slots / 16, headDim, 16 slots)
 * @param values (kvHeads, slots, headDim)
 * @param slots  capacity, a multiple of 16
 */
public record KvLayer(MemorySegment keys, MemorySegment values, int slots, CacheFormat format) {
    public KvLayer {
        if (slots % Layout.LANES != 0) {
            throw new IllegalArgumentException("slots must be a multiple of " + Layout.LANES + ", not " + slots);
        }
    }
}
