package bita.model;

import bita.kernels.CacheFormat;
import bita.kernels.KvLayer;
import bita.kernels.Layout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Keys and values of one sequence. The first {@link #length} slots hold the verified tokens, slot and position being
 * the same; a pass puts its rows into the slots behind them, and {@link #accept} keeps those that turned out right.
 * Memory grows with use. Not thread-safe.
 */
public final class KvCache implements AutoCloseable {
    private static final int LANES = Layout.LANES;
    private static final int FIRST_SLOTS = 512;

    private final ModelConfig config;
    private final CacheFormat format;
    private Arena arena = Arena.ofShared();
    private KvLayer[] layers;
    private int length;

    /** An empty cache. */
    public KvCache(ModelConfig config, CacheFormat format) {
        this.config = config;
        this.format = format;
        this.layers = allocate(arena, FIRST_SLOTS);
    }

    /** Verified positions. */
    public int length() {
        return length;
    }

    public CacheFormat format() {
        return format;
    }

    /** Bytes of memory held now. */
    public long bytes() {
        return bytes(config, format, layers[0].slots());
    }

    /** Bytes that a cache of {@code slots} slots takes. */
    public static long bytes(ModelConfig config, CacheFormat format, int slots) {
        return 2L * config.layers() * config.kvHeads() * config.headDim() * format.bytes() * slots;
    }

    /**
     * Forgets all positions from {@code newLength} on.
     *
     * @param newLength at most {@link #length}
     */
    public void truncate(int newLength) {
        if (newLength < 0 || newLength > length) {
            throw new IllegalArgumentException("cannot truncate " + length + " positions to " + newLength);
        }
        length = newLength;
    }

    /**
     * Makes positions up to {@code newLength} count as verified without computing them: their keys and values are
     * whatever the memory holds, zero in a new cache. For measurements, where only the length matters.
     *
     * @param newLength at least {@link #length}
     */
    public void assumeLength(int newLength) {
        if (newLength < length) {
            throw new IllegalArgumentException("there are " + length + " positions already, more than " + newLength);
        }
        reserve(newLength);
        length = newLength;
    }

    /**
     * Keeps some rows of the last pass as the next positions and drops the others.
     *
     * @param rows  ascending row indices, a path from the cache's end
     * @param count how many of {@code rows}
     */
    public void accept(int[] rows, int count) {
        for (int i = 0; i < count; i++) {
            if (rows[i] != i) {
                for (KvLayer layer : layers) {
                    move(layer, length + rows[i], length + i);
                }
            }
        }
        length += count;
    }

    KvLayer layer(int index) {
        return layers[index];
    }

    /** Makes room for a number of slots in all. */
    void reserve(int slots) {
        int have = layers[0].slots();
        if (slots <= have) {
            return;
        }
        int wanted = Math.max(slots, have + have / 2);
        wanted = (wanted + LANES - 1) / LANES * LANES;
        Arena larger = Arena.ofShared();
        KvLayer[] grown;
        try {
            grown = allocate(larger, wanted);
        } catch (OutOfMemoryError e) {
            larger.close();
            throw e;
        }
        for (int i = 0; i < layers.length; i++) {
            copyHeads(layers[i].keys(), grown[i].keys());
            copyHeads(layers[i].values(), grown[i].values());
        }
        arena.close();
        arena = larger;
        layers = grown;
    }

    private KvLayer[] allocate(Arena in, int slots) {
        long bytes = (long) config.kvHeads() * slots * config.headDim() * format.bytes();
        KvLayer[] allocated = new KvLayer[config.layers()];
        for (int i = 0; i < allocated.length; i++) {
            allocated[i] = new KvLayer(in.allocate(bytes, 64), in.allocate(bytes, 64), slots, format);
        }
        return allocated;
    }

    private void copyHeads(MemorySegment from, MemorySegment to) {
        long fromHead = from.byteSize() / config.kvHeads();
        long toHead = to.byteSize() / config.kvHeads();
        for (int head = 0; head < config.kvHeads(); head++) {
            MemorySegment.copy(from, head * fromHead, to, head * toHead, fromHead);
        }
    }

    private void move(KvLayer layer, int from, int to) {
        long bytes = format.bytes();
        int headDim = config.headDim();
        for (int head = 0; head < config.kvHeads(); head++) {
            long base = (long) head * layer.slots() * headDim;
            long fromKey = base + (long) (from / LANES) * headDim * LANES + from % LANES;
            long toKey = base + (long) (to / LANES) * headDim * LANES + to % LANES;
            for (int d = 0; d < headDim; d++) {
                MemorySegment.copy(
                        layer.keys(),
                        (fromKey + (long) d * LANES) * bytes,
                        layer.keys(),
                        (toKey + (long) d * LANES) * bytes,
                        bytes);
            }
            MemorySegment.copy(
                    layer.values(),
                    (base + (long) from * headDim) * bytes,
                    layer.values(),
                    (base + (long) to * headDim) * bytes,
                    headDim * bytes);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
