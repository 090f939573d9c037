package bita.model;

import bita.kernels.Kernels;
import bita.kernels.NumberFormat;
import bita.kernels.PackedMatrix;
import bita.kernels.ThreadTeam;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Makes the weights of a model of the Llama kind, of a given shape, out of random numbers, in the packed form. */
final class RandomWeights {
    private static final long VECTOR_ALIGNMENT = 64;

    private final ModelConfig config;
    private final NumberFormat format;
    private final Arena arena;
    private final ThreadTeam team;
    private final ProgressListener progress;
    private final SegmentAllocator memory;
    private final long total;
    private long done;

    RandomWeights(
            ModelConfig config,
            NumberFormat format,
            Arena arena,
            Kernels kernels,
            ThreadTeam team,
            ProgressListener progress) {
        this.config = config;
        this.format = format;
        this.arena = arena;
        this.team = team;
        this.progress = progress;
        total = bytes(config, format);
        memory = kernels.weightMemory(arena, total);
    }

    /** Bytes of the packed weights of a model of this shape, all matrices in one number format. */
    static long bytes(ModelConfig c, NumberFormat format) {
        long queries = (long) c.heads() * c.headDim();
        long keys = (long) c.kvHeads() * c.headDim();
        long norm = Math.ceilDiv((long) c.hidden() * Float.BYTES, VECTOR_ALIGNMENT) * VECTOR_ALIGNMENT;
        long layer = 2 * norm
                + PackedMatrix.bytes(format, queries, c.hidden())
                + 2 * PackedMatrix.bytes(format, keys, c.hidden())
                + PackedMatrix.bytes(format, c.hidden(), queries)
                + 2 * PackedMatrix.bytes(format, c.feedForward(), c.hidden())
                + PackedMatrix.bytes(format, c.hidden(), c.feedForward());
        return c.layers() * layer + norm + PackedMatrix.bytes(format, c.vocabulary(), c.hidden());
    }

    Weights weights() {
        int hidden = config.hidden();
        int queries = config.heads() * config.headDim();
        int keys = config.kvHeads() * config.headDim();
        List<Weights.Layer> layers = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            layers.add(new Weights.Layer(
                    ones(),
                    affine(queries, hidden),
                    affine(keys, hidden),
                    affine(keys, hidden),
                    Optional.empty(),
                    Optional.empty(),
                    affine(hidden, queries),
                    Optional.empty(),
                    Optional.of(ones()),
                    Optional.of(affine(config.feedForward(), hidden)),
                    affine(config.feedForward(), hidden),
                    affine(hidden, config.feedForward()),
                    Optional.empty()));
        }
        return new Weights(layers, ones(), matrix(config.vocabulary(), hidden));
    }

    /** The format of the token embedding where that of the matrices is {@code format}. */
    static NumberFormat embeddingFormat(NumberFormat format) {
        return format.writable() ? format : NumberFormat.Q8_0;
    }

    /** A token embedding (vocabulary, hidden), the same for all tokens. */
    MemorySegment embedding() {
        NumberFormat format = embeddingFormat(this.format);
        long rowBytes = format.bytes(config.hidden());
        MemorySegment embedding = arena.allocate(rowBytes * config.vocabulary());
        float[] values = new float[config.hidden()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (i % 7 - 3) * 0.25f;
        }
        format.encode(values, 0, values.length, embedding, 0);
        for (int token = 1; token < config.vocabulary(); token++) {
            MemorySegment.copy(embedding, 0, embedding, token * rowBytes, rowBytes);
        }
        return embedding;
    }

    private Weights.Affine affine(int rows, int columns) {
        return new Weights.Affine(matrix(rows, columns));
    }

    private PackedMatrix matrix(int rows, int columns) {
        PackedMatrix matrix = PackedMatrix.allocate(memory, format, rows, columns);
        team.run(member -> matrix.randomize(member.from(matrix.panels()), member.to(matrix.panels())));
        count(matrix.bytes());
        return matrix;
    }

    private Weights.Norm ones() {
        MemorySegment norm = memory.allocate((long) config.hidden() * Float.BYTES, VECTOR_ALIGNMENT);
        for (int i = 0; i < config.hidden(); i++) {
            norm.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
        }
        count(norm.byteSize());
        return new Weights.Norm(norm, Optional.empty());
    }

    private void count(long bytes) {
        done = Math.min(total, done + bytes);
        progress.progress(done, total);
    }
}
