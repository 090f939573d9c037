package bita.cli;

import bita.decode.SamplingSettings;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Which tokens are chosen where a request does not say. */
final class ServedSampling {
    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "Where a request does not say: 0 for always the most likely token; larger is more varied."
                    + " Default: 1.")
    Optional<Double> temperature = Optional.empty();

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Where a request does not say: choose among the most likely tokens that together have this"
                    + " probability.")
    Optional<Double> topP = Optional.empty();

    @Option(
            names = "--top-k",
            paramLabel = "K",
            description = "Where a request does not say: choose among the K most likely tokens.")
    Optional<Integer> topK = Optional.empty();

    @Option(
            names = "--min-p",
            paramLabel = "P",
            description = "Where a request does not say: choose among tokens at least P times as likely as the most"
                    + " likely one.")
    Optional<Double> minP = Optional.empty();

    /** @throws UsageException if one is out of range */
    SamplingSettings settings() {
        return UsageException.check(() ->
                new SamplingSettings(temperature.orElse(1.0), topK.orElse(0), topP.orElse(1.0), minP.orElse(0.0), 0));
    }
}
