package bita.model;

import bita.kernels.PackedMatrix;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The packed weights of a {@link Transformer}; norms are f32 (hidden).
 *
 * @param output the output head (vocabulary, hidden); the token embedding's own weights where the model ties them
 */
record Weights(List<Layer> layers, MemorySegment outputNorm, PackedMatrix output) {
    Weights {
        layers = List.copyOf(layers);
    }

    /** All matrices in the order in which a pass reads them. */
    List<PackedMatrix> matrices() {
        List<PackedMatrix> all = new ArrayList<>();
        for (Layer layer : layers) {
            all.addAll(layer.matrices());
        }
        all.add(output);
        return all;
    }

    /** Bytes of memory. */
    long bytes() {
        long norms = outputNorm.byteSize();
        for (Layer layer : layers) {
            norms += layer.attentionNorm.byteSize() + layer.feedForwardNorm.byteSize();
        }
        return norms + matrices().stream().mapToLong(PackedMatrix::bytes).sum();
    }

    /**
     * One transformer block.
     *
     * @param query     (heads * headDim, hidden)
     * @param key       (kvHeads * headDim, hidden)
     * @param value     (kvHeads * headDim, hidden)
     * @param projected (hidden, heads * headDim)
     * @param gate      (feedForward, hidden)
     * @param up        (feedForward, hidden)
     * @param down      (hidden, feedForward)
     */
    record Layer(
            MemorySegment attentionNorm,
            PackedMatrix query,
            PackedMatrix key,
            PackedMatrix value,
            PackedMatrix projected,
            MemorySegment feedForwardNorm,
            PackedMatrix gate,
            PackedMatrix up,
            PackedMatrix down) {
        List<PackedMatrix> matrices() {
            return List.of(query, key, value, projected, gate, up, down);
        }
    }
}
