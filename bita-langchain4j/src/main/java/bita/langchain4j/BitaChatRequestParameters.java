package bita.langchain4j;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/** LangChain4j's parameters of a request, and those that only these models have. */
public final class BitaChatRequestParameters extends DefaultChatRequestParameters {
    private final OptionalLong seed;
    private final OptionalDouble minP;
    private final OptionalDouble repetitionPenalty;
    private final Optional<Boolean> acceleration;

    private BitaChatRequestParameters(Builder builder) {
        super(builder);
        seed = builder.seed;
        minP = builder.minP;
        repetitionPenalty = builder.repetitionPenalty;
        acceleration = builder.acceleration;
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Equal seeds give equal text. */
    public OptionalLong seed() {
        return seed;
    }

    /** Keeps tokens at least this many times as likely as the most likely one, 0 (off) to 1. */
    public OptionalDouble minP() {
        return minP;
    }

    /** Above 0; 1 is off. */
    public OptionalDouble repetitionPenalty() {
        return repetitionPenalty;
    }

    /** False decodes plainly; the text is the same. */
    public Optional<Boolean> acceleration() {
        return acceleration;
    }

    @Override
    public BitaChatRequestParameters overrideWith(ChatRequestParameters that) {
        return builder().overrideWith(this).overrideWith(that).build();
    }

    @Override
    public BitaChatRequestParameters defaultedBy(ChatRequestParameters that) {
        return builder().overrideWith(that).overrideWith(this).build();
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof BitaChatRequestParameters other
                && super.equals(other)
                && seed.equals(other.seed)
                && minP.equals(other.minP)
                && repetitionPenalty.equals(other.repetitionPenalty)
                && acceleration.equals(other.acceleration);
    }

    @Override
    public int hashCode() {
        return Objects.hash(super.hashCode(), seed, minP, repetitionPenalty, acceleration);
    }

    @Override
    public String toString() {
        return "BitaChatRequestParameters{" + super.toString() + ", seed=" + seed + ", minP=" + minP
                + ", repetitionPenalty=" + repetitionPenalty + ", acceleration=" + acceleration + '}';
    }

    /** Makes parameters; what is not set is left open. */
    public static final class Builder extends DefaultChatRequestParameters.Builder<Builder> {
        private OptionalLong seed = OptionalLong.empty();
        private OptionalDouble minP = OptionalDouble.empty();
        private OptionalDouble repetitionPenalty = OptionalDouble.empty();
        private Optional<Boolean> acceleration = Optional.empty();

        private Builder() {}

        /**
         * Sets what the parameters set.
         *
         * @throws UnsupportedFeatureException if they are another provider's, which may ask for what is unknown here
         */
        @Override
        public Builder overrideWith(ChatRequestParameters parameters) {
            if (parameters instanceof BitaChatRequestParameters own) {
                seed = own.seed.isPresent() ? own.seed : seed;
                minP = own.minP.isPresent() ? own.minP : minP;
                repetitionPenalty = own.repetitionPenalty.isPresent() ? own.repetitionPenalty : repetitionPenalty;
                acceleration = own.acceleration.or(() -> acceleration);
            } else if (parameters.getClass() != DefaultChatRequestParameters.class) {
                throw new UnsupportedFeatureException(
                        "parameters of " + parameters.getClass().getName()
                                + " are not supported: use ChatRequestParameters.builder() or"
                                + " BitaChatRequestParameters.builder()");
            }
            return super.overrideWith(parameters);
        }

        public Builder seed(long number) {
            seed = OptionalLong.of(number);
            return this;
        }

        public Builder minP(double factor) {
            minP = OptionalDouble.of(factor);
            return this;
        }

        public Builder repetitionPenalty(double penalty) {
            repetitionPenalty = OptionalDouble.of(penalty);
            return this;
        }

        public Builder acceleration(boolean wanted) {
            acceleration = Optional.of(wanted);
            return this;
        }

        @Override
        public BitaChatRequestParameters build() {
            return new BitaChatRequestParameters(this);
        }
    }
}
