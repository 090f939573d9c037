package bita.langchain4j;

import bita.api.Answer;
import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** LangChain4j's metadata of a response, and what its answer took. */
public final class BitaChatResponseMetadata extends ChatResponseMetadata {
    private final Answer.Statistics statistics;
    private final long seed;

    private BitaChatResponseMetadata(Builder builder) {
        super(builder);
        statistics = Objects.requireNonNull(builder.statistics, "statistics");
        seed = builder.seed;
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Steps, drafted tokens, times. */
    public Answer.Statistics statistics() {
        return statistics;
    }

    /** The seed of the answer's random numbers; a greedy answer does not depend on it. */
    public long seed() {
        return seed;
    }

    @Override
    public Builder toBuilder() {
        return ((Builder) super.toBuilder(builder())).statistics(statistics).seed(seed);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof BitaChatResponseMetadata other
                && super.equals(other)
                && statistics.equals(other.statistics)
                && seed == other.seed;
    }

    @Override
    public int hashCode() {
        return Objects.hash(super.hashCode(), statistics, seed);
    }

    @Override
    public String toString() {
        return "BitaChatResponseMetadata{" + super.toString() + ", seed=" + seed + ", " + statistics + '}';
    }

    /** Makes metadata; {@link #statistics} must be set. */
    public static final class Builder extends ChatResponseMetadata.Builder<Builder> {
        private Answer.@Nullable Statistics statistics;
        private long seed;

        private Builder() {}

        public Builder statistics(Answer.Statistics all) {
            statistics = all;
            return this;
        }

        public Builder seed(long number) {
            seed = number;
            return this;
        }

        @Override
        public BitaChatResponseMetadata build() {
            return new BitaChatResponseMetadata(this);
        }
    }
}
