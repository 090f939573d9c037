package bita.model;

import bita.kernels.Kernels;
import bita.kernels.PackedMatrix;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The packed weights of a {@link Transformer}.
 *
 * @param output the output head (vocabulary, hidden); the token embedding's own weights where the model ties them
 */
record Weights(List<Layer> layers, Norm outputNorm, PackedMatrix output) {
    Weights {
        layers = List.copyOf(layers);
    }

    /**
     * A norm.
     *
     * @param weight f32 (columns)
     * @param bias   f32 (columns) of a layer norm; an RMS norm has none
     */
    record Norm(MemorySegment weight, Optional<MemorySegment> bias) {
        /**
         * Normalizes rows.
         *
         * @param x   f32 (rows, columns)
         * @param out f32 (rows, columns), may be {@code x}
         */
        void apply(Kernels kernels, MemorySegment x, float epsilon, MemorySegment out, int columns, int from, int to) {
            if (bias.isPresent()) {
                kernels.layerNorm(x, weight, bias.get(), epsilon, out, columns, from, to);
            } else {
                kernels.rmsNorm(x, weight, epsilon, out, columns, from, to);
            }
        }

        long bytes() {
            return weight.byteSize() + bias.map(MemorySegment::byteSize).orElse(0L);
        }
    }

    /**
     * A linear layer.
     *
     * @param bias f32 (rows of the matrix)
     */
    record Affine(PackedMatrix matrix, Optional<MemorySegment> bias) {
        Affine(PackedMatrix matrix) {
            this(matrix, Optional.empty());
        }

        /**
         * Adds the bias, if there is one, to some columns of a product.
         *
         * @param out f32 (rows, rows of the matrix)
         */
        void addBias(Kernels kernels, MemorySegment out, int rows, int columnFrom, int columnTo) {
            if (bias.isPresent()) {
                kernels.addBias(out, matrix.rows(), bias.get(), rows, columnFrom, columnTo);
            }
        }

        boolean inCodes() {
            return matrix.layout().quantized();
        }

        long bytes() {
            return matrix.bytes() + bias.map(MemorySegment::byteSize).orElse(0L);
        }
    }

    /** All matrices in the order in which a pass reads them. */
    List<PackedMatrix> matrices() {
        List<PackedMatrix> all = new ArrayList<>();
        for (Layer layer : layers) {
            layer.linear().map(Affine::matrix).forEach(all::add);
        }
        all.add(output);
        return all;
    }

    /** Bytes of memory. */
    long bytes() {
        long bytes = outputNorm.bytes() + output.bytes();
        for (Layer layer : layers) {
            bytes += layer.norms().mapToLong(Norm::bytes).sum()
                    + layer.linear().mapToLong(Affine::bytes).sum();
        }
        return bytes;
    }

    /**
     * One transformer block.
     *
     * @param query             (heads * headDim, hidden)
     * @param key               (kvHeads * headDim, hidden)
     * @param value             (kvHeads * headDim, hidden)
     * @param queryNorm         of each head (headDim)
     * @param keyNorm           likewise
     * @param projected         (hidden, heads * headDim)
     * @param attentionEndNorm  of what attention adds
     * @param feedForwardNorm   missing where the feed-forward network reads what attention reads
     * @param gate              (feedForward, hidden)
     * @param up                (feedForward, hidden)
     * @param down              (hidden, feedForward)
     * @param feedForwardEndNorm of what the feed-forward network adds
     */
    record Layer(
            Norm attentionNorm,
            Affine query,
            Affine key,
            Affine value,
            Optional<Norm> queryNorm,
            Optional<Norm> keyNorm,
            Affine projected,
            Optional<Norm> attentionEndNorm,
            Optional<Norm> feedForwardNorm,
            Optional<Affine> gate,
            Affine up,
            Affine down,
            Optional<Norm> feedForwardEndNorm) {
        /** Whether a product with attention's input takes it in codes. */
        boolean attendsInCodes() {
            return query.inCodes() || key.inCodes() || value.inCodes();
        }

        /** Whether a product with the feed-forward network's input takes it in codes. */
        boolean feedsInCodes() {
            return up.inCodes() || (gate.isPresent() && gate.get().inCodes());
        }

        /** The linear layers, in the order of a pass. */
        Stream<Affine> linear() {
            return Stream.of(Stream.of(query, key, value, projected), gate.stream(), Stream.of(up, down))
                    .flatMap(part -> part);
        }

        private Stream<Norm> norms() {
            return Stream.concat(
                    Stream.of(attentionNorm),
                    Stream.of(queryNorm, keyNorm, attentionEndNorm, feedForwardNorm, feedForwardEndNorm)
                            .flatMap(Optional::stream));
        }
    }
}
