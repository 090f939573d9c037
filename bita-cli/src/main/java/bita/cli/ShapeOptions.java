package bita.cli;

import bita.eval.bench.BenchOptions;
import bita.eval.bench.ModelShape;
import bita.kernels.NumberFormat;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/** Random weights in place of a model. */
final class ShapeOptions {
    @Option(
            names = "--shape",
            paramLabel = "NAME",
            description = "Random weights in the shape of a model: smollm2-135m, smollm2-360m, llama-1b, smollm2-1.7b,"
                    + " llama-3b, llama-7b, llama-8b, llama-13b, llama-70b.")
    Optional<String> shape = Optional.empty();

    @Option(
            names = "--format",
            paramLabel = "FORMAT",
            description = "Number format of random weights: ${COMPLETION-CANDIDATES}. Default: Q4_0.")
    Optional<NumberFormat> format = Optional.empty();

    /**
     * Checks what goes together.
     *
     * @param model that is named besides
     */
    void check(Optional<String> model) {
        if (shape.isPresent() && model.isPresent()) {
            throw new UsageException("give a MODEL or a --shape, not both");
        }
        if (format.isPresent() && shape.isEmpty()) {
            throw new UsageException("--format is for the random weights of a --shape; a model has its own");
        }
    }

    /** Those weights, or else a model's. */
    BenchOptions.Source source(Path file) {
        if (shape.isEmpty()) {
            return new BenchOptions.Source.File(file);
        }
        ModelShape found = ModelShape.find(shape.get())
                .orElseThrow(() -> new UsageException("there is no shape '" + shape.get() + "', only "
                        + ModelShape.ALL.stream().map(ModelShape::name).collect(Collectors.joining(", "))));
        return new BenchOptions.Source.Random(found, format.orElse(NumberFormat.Q4_0));
    }
}
