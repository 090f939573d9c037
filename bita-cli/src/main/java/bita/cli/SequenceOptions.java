package bita.cli;

import bita.kernels.CacheFormat;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Option;

/** How large a sequence and its steps may be, and how its cache is stored. */
final class SequenceOptions {
    @Option(
            names = "--rows",
            paramLabel = "N",
            description = "Most rows of one step, drafts and masks together. Default: as many as pay for trees by"
                    + " probability (best) and for several sources, all for the others.")
    private Optional<Integer> rows = Optional.empty();

    @Option(
            names = "--context",
            paramLabel = "N",
            description = "Most tokens of prompt and answer together. Default: what the model was trained for.")
    private Optional<Integer> context = Optional.empty();

    @Option(
            names = "--cache-type",
            paramLabel = "f16|f32",
            description = "Number format of keys and values; another one may give another text. Default: f16.")
    CacheFormat cacheType = CacheFormat.F16;

    OptionalInt rows() {
        return toInt(rows);
    }

    OptionalInt context() {
        return toInt(context);
    }

    private static OptionalInt toInt(Optional<Integer> value) {
        return value.map(OptionalInt::of).orElseGet(OptionalInt::empty);
    }
}
