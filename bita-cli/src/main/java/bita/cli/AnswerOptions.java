package bita.cli;

import bita.api.GenerationOptions;
import bita.decode.SamplingSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which tokens are chosen, and how many. */
final class AnswerOptions {
    @Mixin
    final SamplingOptions sampling = new SamplingOptions();

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "Most tokens of an answer. Default: ${DEFAULT-VALUE}.")
    int maxTokens = 1024;

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            description = "A text that ends the answer and is no part of it; may be given several times.")
    List<String> stop = new ArrayList<>();

    /** @throws UsageException if the options do not go together or are out of range */
    GenerationOptions generation() {
        SamplingSettings settings = sampling.settings();
        return UsageException.check(() -> GenerationOptions.of(OptionalInt.of(maxTokens), settings, stop));
    }
}
