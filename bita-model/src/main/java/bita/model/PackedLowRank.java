package bita.model;

import bita.kernels.Layout;
import bita.kernels.NumberFormat;
import bita.kernels.PackedMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A {@link LowRank} as the kernels multiply it. Immutable. */
final class PackedLowRank {
    /** The scale of a block's 8-bit codes is an f16 number. */
    private static final float LARGEST_CODED = 127 * 65504f * 0.99f;

    private final int rank;
    private final NumberFormat format;
    private final List<Layer> layers;

    /**
     * The matrices of a block.
     *
     * @param a (rank, columns) of each input
     * @param b (rows, rank) of each linear layer
     */
    record Layer(Map<Linear.Input, PackedMatrix> a, Map<Linear, PackedMatrix> b) {
        PackedMatrix a(Linear.Input input) {
            return Objects.requireNonNull(a.get(input));
        }

        PackedMatrix b(Linear linear) {
            return Objects.requireNonNull(b.get(linear));
        }
    }

    private PackedLowRank(int rank, NumberFormat format, List<Layer> layers) {
        this.rank = rank;
        this.format = format;
        this.layers = layers;
    }

    /**
     * Packs matrices, in 8-bit codes where their sizes and numbers allow it: mask rows only draft, and these are read in every pass.
     *
     * @throws IllegalArgumentException if they do not fit the model
     */
    static PackedLowRank of(ModelConfig config, LowRank lowRank) {
        lowRank.check(config);
        int rank = lowRank.rank();
        boolean codes = rank % Layout.BLOCK == 0;
        for (Linear.Input input : Linear.Input.values()) {
            codes &= input.columns(config) % Layout.BLOCK == 0 && haveCodes(lowRank.a(input));
        }
        for (Linear linear : Linear.of(config)) {
            codes &= haveCodes(lowRank.b(linear));
        }
        NumberFormat format = codes ? NumberFormat.Q8_0 : NumberFormat.F32;
        Arena arena = Arena.ofAuto(); // freed with its last user, as the other tensors of an adapter
        List<Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            Map<Linear.Input, PackedMatrix> a = new EnumMap<>(Linear.Input.class);
            for (Linear.Input input : Linear.Input.values()) {
                a.put(input, pack(arena, format, lowRank.a(input), layer, rank, input.columns(config)));
            }
            Map<Linear, PackedMatrix> b = new EnumMap<>(Linear.class);
            for (Linear linear : Linear.of(config)) {
                b.put(linear, pack(arena, format, lowRank.b(linear), layer, linear.rows(config), rank));
            }
            layers.add(new Layer(a, b));
        }
        return new PackedLowRank(rank, format, List.copyOf(layers));
    }

    private static boolean haveCodes(float[] numbers) {
        for (float number : numbers) {
            if (!(Math.abs(number) <= LARGEST_CODED)) { // NaN too
                return false;
            }
        }
        return true;
    }

    private static PackedMatrix pack(
            Arena arena, NumberFormat format, float[] numbers, int layer, int rows, int columns) {
        PackedMatrix matrix = PackedMatrix.allocate(arena, format, rows, columns);
        int count = rows * columns;
        try (Arena own = Arena.ofConfined()) {
            MemorySegment source = own.allocate(format.bytes(count), 64);
            format.encode(numbers, layer * count, count, source, 0);
            matrix.pack(format, source, 0, matrix.panels());
        }
        return matrix;
    }

    int rank() {
        return rank;
    }

    boolean quantized() {
        return format.quantized();
    }

    Layer layer(int index) {
        return layers.get(index);
    }
}
