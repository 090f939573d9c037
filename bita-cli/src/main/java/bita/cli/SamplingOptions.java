package bita.cli;

import bita.api.GenerationOptions;
import bita.decode.SamplingSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ThreadLocalRandom;
import picocli.CommandLine.Option;

/** Which tokens are chosen, and how many. */
final class SamplingOptions {
    private static final double TEMPERATURE_OF_FILTERS = 1;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "0 for always the most likely token; larger is more varied. Default: 0, or 1 with --top-p,"
                    + " --top-k or --min-p.")
    Optional<Double> temperature = Optional.empty();

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Choose among the most likely tokens that together have this probability.")
    Optional<Double> topP = Optional.empty();

    @Option(names = "--top-k", paramLabel = "K", description = "Choose among the K most likely tokens.")
    Optional<Integer> topK = Optional.empty();

    @Option(
            names = "--min-p",
            paramLabel = "P",
            description = "Choose among tokens at least P times as likely as the most likely one.")
    Optional<Double> minP = Optional.empty();

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Seed of the random numbers: equal seeds give equal text. Default: a new one each time.")
    Optional<Long> seed = Optional.empty();

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
        boolean filtered = topP.isPresent() || topK.isPresent() || minP.isPresent();
        double heat = temperature.orElse(filtered ? TEMPERATURE_OF_FILTERS : 0);
        if (heat == 0 && filtered) {
            throw new UsageException("--top-p, --top-k and --min-p have no effect at temperature 0");
        }
        // A short one can be typed in again.
        long number = seed.orElseGet(
                () -> heat == 0 ? 0L : ThreadLocalRandom.current().nextLong(1_000_000));
        return UsageException.check(() -> new GenerationOptions(
                OptionalInt.of(maxTokens),
                new SamplingSettings(heat, topK.orElse(0), topP.orElse(1.0), minP.orElse(0.0), number),
                stop));
    }
}
