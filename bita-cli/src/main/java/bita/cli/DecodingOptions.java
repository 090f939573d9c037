package bita.cli;

import bita.api.SessionOptions;
import bita.decode.DecodingSettings;
import bita.decode.Method;
import bita.kernels.CacheFormat;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** How tokens are produced. Only the cache's number format has a part in which tokens these are. */
final class DecodingOptions {
    @Option(
            names = "--method",
            paramLabel = "METHOD",
            converter = MethodConverter.class,
            description = "How tokens are produced: " + Method.SYNTAX + ". Default: the best that the adapter allows.")
    Optional<Method> method = Optional.empty();

    @Option(names = "--plain", description = "One token per step, the same as --method plain.")
    boolean plain;

    @Option(
            names = "--rows",
            paramLabel = "N",
            description = "Most rows of one step, drafts and masks together. Default: as many as pay for trees by"
                    + " probability (best), all for the others.")
    Optional<Integer> rows = Optional.empty();

    @Option(
            names = "--context",
            paramLabel = "N",
            description = "Most tokens of prompt and answer together. Default: what the model was trained for.")
    Optional<Integer> context = Optional.empty();

    @Option(
            names = "--cache-type",
            paramLabel = "f16|f32",
            description = "Number format of keys and values; another one may give another text. Default: f16.")
    CacheFormat cacheType = CacheFormat.F16;

    /** @throws UsageException if the options do not go together or are out of range */
    SessionOptions session() {
        if (plain && method.isPresent()) {
            throw new UsageException("--plain and --method exclude each other");
        }
        Optional<Method> chosen = plain ? Optional.of(new Method.Plain()) : method;
        SessionOptions automatic = SessionOptions.automatic();
        OptionalInt budget = toInt(rows);
        return UsageException.check(() -> {
            // The session would check the budget too, but only after the model has been loaded.
            new DecodingSettings(
                    chosen.orElseGet(Method.Plain::new), budget, toInt(context), cacheType, automatic.prefillChunk());
            return new SessionOptions(
                    chosen, budget, toInt(context), cacheType, automatic.prefillChunk(), automatic.observer());
        });
    }

    private static OptionalInt toInt(Optional<Integer> value) {
        return value.map(OptionalInt::of).orElseGet(OptionalInt::empty);
    }

    static final class MethodConverter implements ITypeConverter<Method> {
        @Override
        public Method convert(String value) {
            try {
                return Method.parse(value);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
