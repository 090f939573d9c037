package bita.model;

import bita.kernels.Activations;
import bita.kernels.Kernels;
import bita.kernels.Layout;
import bita.kernels.PackedMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Adds the products of an adapter's low-rank matrices to what linear layers make of a pass's mask rows. Every thread
 * multiplies by A for itself, which is little work and saves a barrier, and by those rows of B whose outputs it makes.
 * Scratch memory of a forward pass; not thread-safe beyond what the methods say.
 */
final class LowRankRows {
    private final Kernels kernels;
    private final ModelConfig config;
    private final Arena arena;
    private final int threads;
    private final Optional<PackedLowRank> matrices;
    private final List<Run> runs = new ArrayList<>();
    private int running; // runs of the present pass

    /** Mask rows that stand together, with copies of what they multiply. */
    private static final class Run {
        int first;
        int count;
        int capacity;
        final Map<Linear.Input, Activations> inputs = new EnumMap<>(Linear.Input.class); // (count, columns)
        Activations[] reduced = new Activations[0]; // of each thread (count, rank)

        Activations input(Linear.Input input) {
            return Objects.requireNonNull(inputs.get(input));
        }
    }

    /** @param arena where scratch memory comes from */
    LowRankRows(Engine engine, Arena arena) {
        this.arena = arena;
        kernels = engine.kernels();
        config = engine.model().config();
        threads = engine.team().threads();
        matrices = engine.maskTokens().flatMap(MaskTokens::lowRank);
    }

    /** Whether there is anything to add in the present pass. */
    boolean isActive() {
        return running > 0;
    }

    /** A pass begins. */
    void clear() {
        running = 0;
    }

    /**
     * Finds the mask rows of a sequence.
     *
     * @param firstRow where the sequence's rows begin in the pass
     * @throws IllegalArgumentException if an ordinary row follows a mask row
     */
    void add(Rows rows, int firstRow) {
        if (matrices.isEmpty()) {
            return;
        }
        int first = 0;
        while (first < rows.size() && !rows.isMask(first)) {
            first++;
        }
        for (int row = first; row < rows.size(); row++) {
            if (!rows.isMask(row)) {
                throw new IllegalArgumentException(
                        "with this adapter mask rows come last, but row " + row + " follows");
            }
        }
        if (first == rows.size()) {
            return;
        }
        if (running == runs.size()) {
            runs.add(new Run());
        }
        Run run = runs.get(running++);
        run.first = firstRow + first;
        run.count = rows.size() - first;
        reserve(run, matrices.get());
    }

    private void reserve(Run run, PackedLowRank lowRank) {
        if (run.count <= run.capacity) {
            return;
        }
        // At least twice as many, since the memory before is freed only at the end.
        run.capacity = Math.max(run.count, 2 * run.capacity);
        for (Linear.Input input : Linear.Input.values()) {
            run.inputs.put(input, new Activations(arena, run.capacity, input.columns(config)));
        }
        run.reduced = new Activations[threads];
        for (int i = 0; i < threads; i++) {
            run.reduced[i] = new Activations(arena, run.capacity, lowRank.rank());
        }
    }

    /**
     * Copies the mask rows among the rows from..to of an input, and quantizes them.
     *
     * @param values f32 (rows, columns)
     */
    void take(Linear.Input input, MemorySegment values, int from, int to) {
        for (int i = 0; i < running; i++) {
            Run run = runs.get(i);
            int first = Math.max(from, run.first);
            int end = Math.min(to, run.first + run.count);
            if (first < end) {
                copy(run, input, values, first - run.first, end - run.first, 0, input.columns(config));
                quantize(run, input, first - run.first, end - run.first, 0, input.columns(config));
            }
        }
    }

    /** As {@link #take}, for some columns, whole blocks, of all mask rows. */
    void takeColumns(Linear.Input input, MemorySegment values, int from, int to) {
        for (int i = 0; i < running && from < to; i++) {
            Run run = runs.get(i);
            copy(run, input, values, 0, run.count, from, to);
            quantize(run, input, 0, run.count, from, to);
        }
    }

    private void copy(
            Run run, Linear.Input input, MemorySegment values, int from, int to, int columnFrom, int columnTo) {
        int columns = input.columns(config);
        for (long row = from; row < to; row++) {
            MemorySegment.copy(
                    values,
                    ((run.first + row) * columns + columnFrom) * Float.BYTES,
                    run.input(input).values(),
                    (row * columns + columnFrom) * Float.BYTES,
                    (long) (columnTo - columnFrom) * Float.BYTES);
        }
    }

    private void quantize(Run run, Linear.Input input, int from, int to, int columnFrom, int columnTo) {
        if (matrices.orElseThrow().quantized()) {
            int blockFrom = columnFrom / Layout.BLOCK;
            int blockTo = columnTo / Layout.BLOCK;
            kernels.quantize(run.input(input), run.count, from, to, blockFrom, blockTo);
        }
    }

    /** Multiplies what was taken of an input by A, for the calling thread alone. */
    void reduce(int layer, Linear.Input input, int thread) {
        for (int i = 0; i < running; i++) {
            Run run = runs.get(i);
            PackedLowRank lowRank = matrices.orElseThrow();
            PackedMatrix a = lowRank.layer(layer).a(input);
            Activations reduced = run.reduced[thread];
            kernels.multiply(a, run.input(input), run.count, reduced.values(), a.rows(), false, 0, a.panels());
            if (lowRank.quantized()) {
                kernels.quantize(reduced, run.count, 0, run.count, 0, lowRank.rank() / Layout.BLOCK);
            }
        }
    }

    /**
     * Adds panels of a linear layer's part.
     *
     * @param out f32 (rows of the pass, outputs of the layer)
     */
    void add(int layer, Linear linear, int thread, MemorySegment out, int panelFrom, int panelTo) {
        for (int i = 0; i < running && panelFrom < panelTo; i++) {
            Run run = runs.get(i);
            PackedMatrix b = matrices.orElseThrow().layer(layer).b(linear);
            long offset = (long) run.first * b.rows() * Float.BYTES;
            kernels.multiply(
                    b, run.reduced[thread], run.count, out.asSlice(offset), b.rows(), true, panelFrom, panelTo);
        }
    }
}
