package bita.model;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * What is added to the linear layers where mask rows pass through them: of each layer's weights a product B A of two small
 * matrices (LoRA, arXiv 2106.09685, for rows that draft as in arXiv 2507.11851). Ordinary rows never see it. The arrays
 * are not copied and not to be changed.
 *
 * @param rank columns of B, rows of A
 * @param a    of each input (layers, rank, columns), shared by the linear layers that multiply it
 * @param b    of each linear layer (layers, rows, rank)
 */
public record LowRank(int rank, Map<Linear.Input, float[]> a, Map<Linear, float[]> b) {
    /** Largest rank: beyond it, training the layers themselves is cheaper. */
    public static final int MOST = 512;

    public LowRank {
        if (rank < 1 || rank > MOST) {
            throw new IllegalArgumentException("a rank is from 1 to " + MOST + ", not " + rank);
        }
        if (a.size() < Linear.Input.values().length
                || b.size() < Linear.values().length - (b.containsKey(Linear.GATE) ? 0 : 1)) {
            throw new IllegalArgumentException("a low-rank adapter has matrices for all linear layers");
        }
        a = new EnumMap<>(a);
        b = new EnumMap<>(b);
    }

    /** (layers, rank, columns) of an input. */
    public float[] a(Linear.Input input) {
        return Objects.requireNonNull(a.get(input));
    }

    /** The linear layers that something is added to: all that the model has. */
    public Set<Linear> linear() {
        return b.keySet();
    }

    /** (layers, rows, rank) of a linear layer. */
    public float[] b(Linear linear) {
        return Objects.requireNonNull(b.get(linear));
    }

    /**
     * Checks the arrays' lengths.
     *
     * @throws IllegalArgumentException if they do not fit the model
     */
    public void check(ModelConfig config) {
        for (Linear.Input input : Linear.Input.values()) {
            check(a(input), config.layers() * (long) rank * input.columns(config), input);
        }
        if (!b.keySet().equals(Set.copyOf(Linear.of(config)))) {
            throw new IllegalArgumentException("the low-rank adapter is for other linear layers than the model's");
        }
        for (Linear linear : Linear.of(config)) {
            check(b(linear), config.layers() * (long) rank * linear.rows(config), linear);
        }
    }

    private static void check(float[] numbers, long count, Object what) {
        if (numbers.length != count) {
            throw new IllegalArgumentException("the low-rank adapter of " + what + " does not fit the model");
        }
    }

    /** The same with the rows of queries and keys in another order. */
    public LowRank withHeads(UnaryOperator<float[]> reorder) {
        Map<Linear, float[]> reordered = new EnumMap<>(b);
        reordered.put(Linear.QUERY, reorder.apply(b(Linear.QUERY)));
        reordered.put(Linear.KEY, reorder.apply(b(Linear.KEY)));
        return new LowRank(rank, a, reordered);
    }

    /** Numbers in all. */
    public long count() {
        return Stream.concat(a.values().stream(), b.values().stream())
                .mapToLong(numbers -> numbers.length)
                .sum();
    }
}
