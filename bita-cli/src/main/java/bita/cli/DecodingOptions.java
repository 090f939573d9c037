package bita.cli;

import bita.api.SessionOptions;
import bita.decode.DecodingSettings;
import bita.decode.Method;
import java.util.Optional;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
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

    @Mixin
    final SequenceOptions sequence = new SequenceOptions();

    /** @throws UsageException if the options do not go together or are out of range */
    SessionOptions session() {
        if (plain && method.isPresent()) {
            throw new UsageException("--plain and --method exclude each other");
        }
        Optional<Method> chosen = plain ? Optional.of(new Method.Plain()) : method;
        SessionOptions automatic = SessionOptions.automatic();
        return UsageException.check(() -> {
            // The session would check the budget too, but only after the model has been loaded.
            new DecodingSettings(
                    chosen.orElseGet(Method.Plain::new),
                    sequence.rows(),
                    sequence.context(),
                    sequence.cacheType,
                    automatic.prefillChunk());
            return new SessionOptions(
                    chosen,
                    sequence.rows(),
                    sequence.context(),
                    sequence.cacheType,
                    automatic.prefillChunk(),
                    automatic.observer());
        });
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
