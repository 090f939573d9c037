package bita.model;

import bita.kernels.PositionSplit;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory for {@link PositionSplit}, which grows with the positions. Not thread-safe. */
final class SplitMemory implements AutoCloseable {
    private Arena arena = Arena.ofShared();
    private MemorySegment scores = MemorySegment.NULL;
    private MemorySegment maxima = MemorySegment.NULL;
    private MemorySegment partial = MemorySegment.NULL;

    /** Memory for a pass; what an earlier pass has put there is lost. */
    PositionSplit reserve(int items, int blocks, int headDim, int parts) {
        if (lacks(scores, PositionSplit.scoreFloats(items, blocks))
                || lacks(maxima, (long) items * parts)
                || lacks(partial, PositionSplit.partialFloats(items, blocks, headDim))) {
            int roomy = blocks + blocks / 2;
            arena.close();
            arena = Arena.ofShared();
            scores = floats(PositionSplit.scoreFloats(items, roomy));
            maxima = floats((long) items * parts);
            partial = floats(PositionSplit.partialFloats(items, roomy, headDim));
        }
        return new PositionSplit(scores, maxima, partial, blocks, parts);
    }

    private static boolean lacks(MemorySegment segment, long floats) {
        return segment.byteSize() < floats * Float.BYTES;
    }

    private MemorySegment floats(long count) {
        return arena.allocate(count * Float.BYTES, 64);
    }

    @Override
    public void close() {
        arena.close();
    }
}
