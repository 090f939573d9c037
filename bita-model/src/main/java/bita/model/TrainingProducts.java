package bita.model;

import bita.kernels.Layout;
import bita.kernels.PackedMatrix;
import bita.kernels.ThreadTeam;
import bita.kernels.TrainingKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Products with weights in both directions, shared out among the threads. Holds scratch memory; not thread-safe beyond that. */
final class TrainingProducts {
    private final TrainingKernels training;
    private final MemorySegment[] scratch; // f32, one per thread

    TrainingProducts(TrainingKernels training, int threads, Arena arena) {
        this.training = training;
        scratch = new MemorySegment[threads];
        for (int i = 0; i < threads; i++) {
            scratch[i] = arena.allocate(TrainingKernels.PRODUCT_SCRATCH_FLOATS * Float.BYTES, 64);
        }
    }

    /** A range of columns that a member has made. */
    record Share(int from, int to) {}

    /** out = x * weights^T, or added to it; each thread makes some columns of all rows. */
    Share multiply(
            ThreadTeam.Member member, int rows, PackedMatrix weights, MemorySegment x, MemorySegment out, boolean add) {
        int from = member.from(weights.panels());
        int to = member.to(weights.panels());
        training.multiply(weights, x, rows, out, add, scratch[member.index()], from, to);
        return new Share(from * Layout.LANES, Math.min(to * Layout.LANES, weights.rows()));
    }

    /** dx = dy * weights, or added to it; each thread makes some columns of all rows. */
    Share multiplyBackward(
            ThreadTeam.Member member, int rows, PackedMatrix weights, MemorySegment dy, MemorySegment dx, boolean add) {
        int blocks = Math.ceilDiv(weights.columns(), Layout.BLOCK);
        int from = member.from(blocks);
        int to = member.to(blocks);
        training.multiplyBackward(weights, dy, rows, dx, add, scratch[member.index()], from, to);
        return new Share(from * Layout.BLOCK, Math.min(to * Layout.BLOCK, weights.columns()));
    }

    /** As {@link #multiply}, where each thread makes all columns of some rows: for matrices with few of them. */
    void multiplyRows(ThreadTeam.Member member, int rows, PackedMatrix weights, MemorySegment x, MemorySegment out) {
        int from = member.from(rows);
        int count = member.to(rows) - from;
        training.multiply(
                weights,
                rowsOf(x, from, count, weights.columns()),
                count,
                rowsOf(out, from, count, weights.rows()),
                false,
                scratch[member.index()],
                0,
                weights.panels());
    }

    /** As {@link #multiplyBackward}, where each thread makes all columns of some rows. */
    void multiplyRowsBackward(
            ThreadTeam.Member member, int rows, PackedMatrix weights, MemorySegment dy, MemorySegment dx, boolean add) {
        int from = member.from(rows);
        int count = member.to(rows) - from;
        training.multiplyBackward(
                weights,
                rowsOf(dy, from, count, weights.rows()),
                count,
                rowsOf(dx, from, count, weights.columns()),
                add,
                scratch[member.index()],
                0,
                Math.ceilDiv(weights.columns(), Layout.BLOCK));
    }

    private static MemorySegment rowsOf(MemorySegment x, int from, int count, int width) {
        return x.asSlice((long) from * width * Float.BYTES, (long) count * width * Float.BYTES);
    }
}
