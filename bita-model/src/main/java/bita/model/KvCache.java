package bita.model;

import bita.kernels.CacheFormat;
import bita.kernels.KvLayer;
import bita.kernels.Layout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Keys and values of one sequence. The first {@link #length} slots hold the verified tokens, slot and position being
 * the same; a pass puts its rows into the slots behind them, and {@link #accept} keeps those that turned out right.
 * Memory grows with use, layer by layer, so that no more than one layer is there twice. Not thread-safe.
 */
public final class KvCache implements AutoCloseable {
    private static final int LANES = Layout.LANES;
    private static final int FIRST_SLOTS = 512;
    /** Room for the rows of a usual step behind a full context. */
    private static final int STEP_ROWS = 64;

    private final ModelConfig config;
    private final CacheFormat format;
    private final int mostSlots;
    private final List<Arena> arenas = new ArrayList<>(); // one per layer
    private final KvLayer[] layers;
    private int length;

    /** An empty cache for what the model was trained for. */
    public KvCache(ModelConfig config, CacheFormat format) {
        this(config, format, config.contextLength());
    }

    /**
     * An empty cache.
     *
     * @param context positions expected at most; more are possible, but the memory grows by little then
     */
    public KvCache(ModelConfig config, CacheFormat format, int context) {
        this.config = config;
        this.format = format;
        mostSlots = mostSlots(context);
        layers = new KvLayer[config.layers()];
        try {
            for (int i = 0; i < layers.length; i++) {
                arenas.add(Arena.ofShared());
                layers[i] = allocate(arenas.getLast(), Math.min(FIRST_SLOTS, mostSlots));
            }
        } catch (OutOfMemoryError e) {
            close();
            throw e;
        }
    }

    /** Slots of a cache whose context is full, with room for a step's rows. */
    public static int mostSlots(int context) {
        return Math.ceilDiv(context + STEP_ROWS, LANES) * LANES;
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
        long bytes = 0;
        for (KvLayer layer : layers) {
            bytes += layer.keys().byteSize() + layer.values().byteSize();
        }
        return bytes;
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

    /**
     * Takes positions over from another cache, up to {@code newLength}: their keys and values follow from the tokens alone.
     *
     * @param other     of the same model and format, with the same tokens in its first {@code newLength} positions
     * @param newLength from {@link #length} to the other's
     * @throws OutOfMemoryError if there is no room for them; all positions are as before
     */
    public void copy(KvCache other, int newLength) {
        if (newLength < length || newLength > other.length) {
            throw new IllegalArgumentException("cannot go from " + length + " positions to " + newLength + " with the "
                    + other.length + " of another");
        }
        if (!other.config.equals(config) || other.format != format) {
            throw new IllegalArgumentException("the other cache is of another model or format");
        }
        reserve(newLength);
        int first = length / LANES * LANES; // keys lie in blocks of lanes
        int slots = Math.ceilDiv(newLength, LANES) * LANES - first;
        for (int i = 0; i < layers.length; i++) {
            copy(other.layers[i], layers[i], first, slots);
        }
        length = newLength;
    }

    KvLayer layer(int index) {
        return layers[index];
    }

    /** Makes room for a number of slots in all. */
    void reserve(int slots) {
        // The last layer grows last: where memory ran out in between, it is the one that lacks room.
        int have = layers[layers.length - 1].slots();
        if (slots <= have) {
            return;
        }
        int wanted = Math.max(slots, Math.min(have + have / 2, mostSlots));
        wanted = Math.ceilDiv(wanted, LANES) * LANES;
        for (int i = 0; i < layers.length; i++) {
            if (layers[i].slots() < wanted) {
                grow(i, wanted);
            }
        }
    }

    private void grow(int index, int slots) {
        Arena larger = Arena.ofShared();
        KvLayer grown;
        try {
            grown = allocate(larger, slots);
        } catch (OutOfMemoryError e) {
            larger.close();
            throw e;
        }
        copy(layers[index], grown, 0, layers[index].slots());
        arenas.set(index, larger).close();
        layers[index] = grown;
    }

    private KvLayer allocate(Arena in, int slots) {
        long bytes = (long) config.kvHeads() * slots * config.headDim() * format.bytes();
        return new KvLayer(in.allocate(bytes, 64), in.allocate(bytes, 64), slots, format);
    }

    /** Copies whole blocks of slots. */
    private void copy(KvLayer from, KvLayer to, int first, int slots) {
        long slotBytes = (long) config.headDim() * format.bytes();
        for (int head = 0; head < config.kvHeads(); head++) {
            long fromFirst = ((long) head * from.slots() + first) * slotBytes;
            long toFirst = ((long) head * to.slots() + first) * slotBytes;
            MemorySegment.copy(from.keys(), fromFirst, to.keys(), toFirst, slots * slotBytes);
            MemorySegment.copy(from.values(), fromFirst, to.values(), toFirst, slots * slotBytes);
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
        arenas.forEach(Arena::close);
    }
}
