package bita.model;

import bita.kernels.Kernels;
import bita.kernels.NumberFormat;
import bita.kernels.PackedMatrix;
import bita.kernels.ThreadTeam;
import bita.kernels.TrainingKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What low-rank matrices add to the linear layers where mask rows pass, forward and backward. With rank 0 its methods do
 * nothing. Holds the products with A for the backward pass; scratch memory of {@link MaskTraining}.
 */
final class LowRankTraining {
    private final int rank;
    private final ModelConfig config;
    private final Kernels kernels;
    private final TrainingKernels training;
    private final TrainingProducts products;
    private final List<Map<Linear.Input, PackedMatrix>> a = new ArrayList<>(); // of each layer (rank, columns)
    private final List<Map<Linear, PackedMatrix>> b = new ArrayList<>(); // of each layer (rows, rank)
    private final List<Map<Linear.Input, MemorySegment>> reduced =
            new ArrayList<>(); // f32 (rows, rank): products with A
    private final MemorySegment reducedGradient; // f32 (rows, rank)

    LowRankTraining(
            int rank, int maxRows, Engine engine, TrainingKernels training, TrainingProducts products, Arena arena) {
        this.rank = rank;
        this.training = training;
        this.products = products;
        config = engine.model().config();
        kernels = engine.kernels();
        reducedGradient = rank == 0 ? MemorySegment.NULL : floats(arena, (long) maxRows * rank);
        for (int i = 0; rank > 0 && i < config.layers(); i++) {
            Map<Linear.Input, PackedMatrix> ofInputs = new EnumMap<>(Linear.Input.class);
            Map<Linear.Input, MemorySegment> kept = new EnumMap<>(Linear.Input.class);
            for (Linear.Input input : Linear.Input.values()) {
                ofInputs.put(input, PackedMatrix.allocate(arena, NumberFormat.F32, rank, input.columns(config)));
                kept.put(input, floats(arena, (long) maxRows * rank));
            }
            Map<Linear, PackedMatrix> ofLayers = new EnumMap<>(Linear.class);
            for (Linear linear : Linear.of(config)) {
                ofLayers.put(linear, PackedMatrix.allocate(arena, NumberFormat.F32, linear.rows(config), rank));
            }
            a.add(ofInputs);
            b.add(ofLayers);
            reduced.add(kept);
        }
    }

    private static MemorySegment floats(Arena arena, long count) {
        return arena.allocate(count * Float.BYTES, 64);
    }

    /** Bytes of memory for windows of up to {@code maxRows} rows. */
    static long bytes(ModelConfig config, int rank, long maxRows) {
        if (rank == 0) {
            return 0;
        }
        long packed = 0;
        for (Linear.Input input : Linear.Input.values()) {
            packed += PackedMatrix.bytes(NumberFormat.F32, rank, input.columns(config));
        }
        for (Linear linear : Linear.of(config)) {
            packed += PackedMatrix.bytes(NumberFormat.F32, linear.rows(config), rank);
        }
        long kept = maxRows * Linear.Input.values().length * rank * Float.BYTES;
        return config.layers() * (packed + kept) + maxRows * rank * Float.BYTES;
    }

    boolean isActive() {
        return rank > 0;
    }

    /** Packs each thread's share of the layers; a barrier is to follow. */
    void pack(ThreadTeam.Member member, LearnedTokens tokens) {
        for (int layer = member.from(a.size()); layer < member.to(a.size()); layer++) {
            for (Linear.Input input : Linear.Input.values()) {
                PackedMatrix matrix = a(layer, input);
                kernels.pack(NumberFormat.F32, tokens.lowRankA(layer, input), matrix, 0, matrix.panels());
            }
            for (Linear linear : Linear.of(config)) {
                PackedMatrix matrix = b(layer, linear);
                kernels.pack(NumberFormat.F32, tokens.lowRankB(layer, linear), matrix, 0, matrix.panels());
            }
        }
    }

    private PackedMatrix a(int layer, Linear.Input input) {
        return Objects.requireNonNull(a.get(layer).get(input));
    }

    private PackedMatrix b(int layer, Linear linear) {
        return Objects.requireNonNull(b.get(layer).get(linear));
    }

    private MemorySegment reduced(int layer, Linear.Input input) {
        return Objects.requireNonNull(reduced.get(layer).get(input));
    }

    /** An input's product with A, which stays for the backward pass; ends with a barrier. */
    void reduce(ThreadTeam.Member member, int rows, int layer, Linear.Input input, MemorySegment x) {
        if (isActive()) {
            products.multiplyRows(member, rows, a(layer, input), x, reduced(layer, input));
            member.barrier();
        }
    }

    /** Adds B times what A made of the input, to the columns that the layer's own product has made on this thread. */
    void add(ThreadTeam.Member member, int rows, int layer, Linear linear, MemorySegment out) {
        if (isActive()) {
            TrainingProducts.Share _ =
                    products.multiply(member, rows, b(layer, linear), reduced(layer, linear.input()), out, true);
        }
    }

    /** The gradient of an input's product with A, or a linear layer's part of it; a barrier is to follow. */
    void reduceGradient(ThreadTeam.Member member, int rows, int layer, Linear linear, MemorySegment dOut, boolean add) {
        if (isActive()) {
            products.multiplyRowsBackward(member, rows, b(layer, linear), dOut, reducedGradient, add);
        }
    }

    /** Adds the low-rank part of an input's gradient, to the same columns as the layer's own products. */
    void expandGradient(ThreadTeam.Member member, int rows, int layer, Linear.Input input, MemorySegment dInput) {
        if (isActive()) {
            TrainingProducts.Share _ =
                    products.multiplyBackward(member, rows, a(layer, input), reducedGradient, dInput, true);
        }
    }

    /** Adds the gradient of a linear layer's B. */
    void addGradient(
            ThreadTeam.Member member, int rows, int layer, LearnedTokens gradients, Linear linear, MemorySegment dOut) {
        if (isActive()) {
            int outputs = linear.rows(config);
            training.addOuterProducts(
                    dOut,
                    outputs,
                    reduced(layer, linear.input()),
                    rank,
                    rows,
                    gradients.lowRankB(layer, linear),
                    member.from(outputs),
                    member.to(outputs));
        }
    }

    /** Adds the gradient of an input's A. */
    void addGradient(
            ThreadTeam.Member member,
            int rows,
            int layer,
            LearnedTokens gradients,
            Linear.Input input,
            MemorySegment x) {
        if (isActive()) {
            training.addOuterProducts(
                    reducedGradient,
                    rank,
                    x,
                    input.columns(config),
                    rows,
                    gradients.lowRankA(layer, input),
                    member.from(rank),
                    member.to(rank));
        }
    }
}
