package bita.eval.bench;

import bita.model.ModelConfig;
import java.util.List;
import java.util.Optional;

/**
 * The shape of a well-known model, to be filled with random weights.
 *
 * @param name how the command line calls it
 */
public record ModelShape(String name, ModelConfig config) {
    /** Random weights were trained for no context: any that can be asked for. */
    private static final int CONTEXT = BenchOptions.MOST_CONTEXT;

    /** All shapes, the smallest first. */
    public static final List<ModelShape> ALL = List.of(
            of("smollm2-135m", 30, 576, 1536, 9, 3, 49152),
            of("smollm2-360m", 32, 960, 2560, 15, 5, 49152),
            of("llama-1b", 16, 2048, 8192, 32, 8, 128256),
            of("smollm2-1.7b", 24, 2048, 8192, 32, 32, 49152),
            of("llama-3b", 28, 3072, 8192, 24, 8, 128256),
            of("llama-7b", 32, 4096, 11008, 32, 32, 32000),
            of("llama-8b", 32, 4096, 14336, 32, 8, 128256),
            of("llama-13b", 40, 5120, 13824, 40, 40, 32000),
            of("llama-70b", 80, 8192, 28672, 64, 8, 32000));

    private static ModelShape of(
            String name, int layers, int hidden, int feedForward, int heads, int kvHeads, int vocabulary) {
        return new ModelShape(
                name,
                ModelConfig.llama(
                        layers,
                        hidden,
                        feedForward,
                        heads,
                        kvHeads,
                        hidden / heads,
                        vocabulary,
                        CONTEXT,
                        10_000,
                        1e-5f));
    }

    /** The shape of a name. */
    public static Optional<ModelShape> find(String name) {
        return ALL.stream().filter(shape -> shape.name().equals(name)).findFirst();
    }
}
