package bita.cli;

import bita.decode.SamplingSettings;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import picocli.CommandLine.Option;

/** Which tokens are chosen. */
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

    /** Whether tokens are drawn at random, with whatever seed. */
    boolean isRandom() {
        return heat() != 0;
    }

    /** @throws UsageException if the options do not go together or are out of range */
    SamplingSettings settings() {
        double heat = heat();
        if (heat == 0 && filtered()) {
            throw new UsageException("--top-p, --top-k and --min-p have no effect at temperature 0");
        }
        // A short one can be typed in again.
        long number = seed.orElseGet(
                () -> heat == 0 ? 0L : ThreadLocalRandom.current().nextLong(1_000_000));
        return UsageException.check(
                () -> new SamplingSettings(heat, topK.orElse(0), topP.orElse(1.0), minP.orElse(0.0), number));
    }

    private double heat() {
        return temperature.orElse(filtered() ? TEMPERATURE_OF_FILTERS : 0);
    }

    private boolean filtered() {
        return topP.isPresent() || topK.isPresent() || minP.isPresent();
    }
}
