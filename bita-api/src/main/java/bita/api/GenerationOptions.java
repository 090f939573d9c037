package bita.api;

import bita.decode.SamplingSettings;
import java.util.List;
import java.util.OptionalInt;

/**
 * What to generate.
 *
 * @param maxTokens most new tokens; empty for as many as the context holds
 * @param sampling  greedy or sampled
 * @param stop      texts that end the answer; they are not part of it
 */
public record GenerationOptions(OptionalInt maxTokens, SamplingSettings sampling, List<String> stop) {
    public GenerationOptions {
        stop = List.copyOf(stop);
        if (maxTokens.isPresent() && maxTokens.getAsInt() < 1) {
            throw new IllegalArgumentException("at least one token must be asked for, not " + maxTokens.getAsInt());
        }
        if (stop.stream().anyMatch(String::isEmpty)) {
            throw new IllegalArgumentException("a stop text cannot be empty");
        }
    }

    /** Greedy, until the model ends its turn. */
    public static GenerationOptions greedy() {
        return new GenerationOptions(OptionalInt.empty(), SamplingSettings.greedy(), List.of());
    }

    public GenerationOptions withMaxTokens(int most) {
        return new GenerationOptions(OptionalInt.of(most), sampling, stop);
    }
}
