package bita.model;

import bita.kernels.Activations;
import bita.kernels.Kernels;
import bita.kernels.PackedMatrix;
import bita.kernels.ThreadTeam;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The matrix products of a pass and nothing else, with the barriers that a pass needs between them, on random
 * activations: what of a pass can be held against the machine's limits. Holds scratch memory; not thread-safe.
 */
public final class MatrixProducts implements AutoCloseable {
    private final Engine engine;
    private final Arena arena = Arena.ofShared();
    private final List<List<PackedMatrix>> phases = new ArrayList<>();
    private final Activations hidden; // (rows, hidden)
    private final Activations attended; // (rows, heads * headDim)
    private final Activations gated; // (rows, feedForward)
    private final MemorySegment out; // f32 (rows, the widest of all outputs)

    /** Scratch memory for up to {@code maxRows} rows. */
    public MatrixProducts(Engine engine, int maxRows) {
        this.engine = engine;
        ModelConfig config = engine.model().config();
        hidden = activations(maxRows, config.hidden());
        attended = activations(maxRows, config.heads() * config.headDim());
        gated = activations(maxRows, config.feedForward());
        int widest = 0;
        for (PackedMatrix matrix : matrices()) {
            widest = Math.max(widest, matrix.rows());
        }
        out = arena.allocate((long) maxRows * widest * Float.BYTES, 64);
        for (Weights.Layer layer : engine.model().weights().layers()) {
            phases.add(List.of(
                    layer.query().matrix(), layer.key().matrix(), layer.value().matrix()));
            phases.add(List.of(layer.projected().matrix()));
            phases.add(Stream.concat(layer.gate().stream(), Stream.of(layer.up()))
                    .map(Weights.Affine::matrix)
                    .toList());
            phases.add(List.of(layer.down().matrix()));
        }
        phases.add(List.of(engine.model().weights().output()));
    }

    private Activations activations(int rows, int columns) {
        Activations activations = new Activations(arena, rows, columns);
        activations.randomize(engine.kernels(), rows);
        return activations;
    }

    /** All weight matrices in the order of a pass. */
    public List<PackedMatrix> matrices() {
        return engine.model().weights().matrices();
    }

    /** Multiplies every matrix with {@code rows} rows. */
    public void run(int rows) {
        engine.team().run(member -> {
            for (List<PackedMatrix> phase : phases) {
                for (PackedMatrix matrix : phase) {
                    multiply(member, matrix, rows);
                }
                member.barrier();
            }
        });
    }

    private void multiply(ThreadTeam.Member member, PackedMatrix matrix, int rows) {
        Kernels kernels = engine.kernels();
        int from = member.from(matrix.panels());
        int to = member.to(matrix.panels());
        kernels.multiply(matrix, input(matrix.columns()), rows, out, matrix.rows(), false, from, to);
    }

    private Activations input(int columns) {
        if (columns == hidden.columns()) {
            return hidden;
        }
        return columns == gated.columns() ? gated : attended;
    }

    @Override
    public void close() {
        arena.close();
    }
}
