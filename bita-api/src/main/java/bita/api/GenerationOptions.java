package bita.api;

import bita.api.json.JsonFormat;
import bita.decode.LogitAdjustments;
import bita.decode.SamplingSettings;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What to generate.
 *
 * @param maxTokens   most new tokens; empty for as many as the context holds
 * @param sampling    greedy or sampled
 * @param stop        texts that end the answer; they are not part of it
 * @param adjustments penalties and biases
 * @param logprobs    likeliest tokens to report beside each decided one and its probability, 0 to 20; empty for no report
 * @param drafting    whether the answer is accelerated; the text is the same
 * @param format      the JSON that the answer is to be; empty for any text
 */
public record GenerationOptions(
        OptionalInt maxTokens,
        SamplingSettings sampling,
        List<String> stop,
        LogitAdjustments adjustments,
        OptionalInt logprobs,
        boolean drafting,
        Optional<JsonFormat> format) {
    /** As many as the OpenAI API allows. */
    public static final int MOST_LOGPROBS = 20;

    public GenerationOptions {
        stop = List.copyOf(stop);
        if (maxTokens.isPresent() && maxTokens.getAsInt() < 1) {
            throw new IllegalArgumentException("at least one token must be asked for, not " + maxTokens.getAsInt());
        }
        if (stop.stream().anyMatch(String::isEmpty)) {
            throw new IllegalArgumentException("a stop text cannot be empty");
        }
        if (logprobs.isPresent() && (logprobs.getAsInt() < 0 || logprobs.getAsInt() > MOST_LOGPROBS)) {
            throw new IllegalArgumentException(
                    "0 to " + MOST_LOGPROBS + " likeliest tokens can be reported, not " + logprobs.getAsInt());
        }
    }

    /** Any text, without adjustments and reports, accelerated. */
    public static GenerationOptions of(OptionalInt maxTokens, SamplingSettings sampling, List<String> stop) {
        return new GenerationOptions(
                maxTokens, sampling, stop, LogitAdjustments.NONE, OptionalInt.empty(), true, Optional.empty());
    }

    /** Greedy, until the model ends its turn. */
    public static GenerationOptions greedy() {
        return of(OptionalInt.empty(), SamplingSettings.greedy(), List.of());
    }

    public GenerationOptions withMaxTokens(int most) {
        return new GenerationOptions(OptionalInt.of(most), sampling, stop, adjustments, logprobs, drafting, format);
    }

    public GenerationOptions withAdjustments(LogitAdjustments others) {
        return new GenerationOptions(maxTokens, sampling, stop, others, logprobs, drafting, format);
    }

    public GenerationOptions withLogprobs(int top) {
        return new GenerationOptions(maxTokens, sampling, stop, adjustments, OptionalInt.of(top), drafting, format);
    }

    public GenerationOptions withoutDrafting() {
        return new GenerationOptions(maxTokens, sampling, stop, adjustments, logprobs, false, format);
    }

    public GenerationOptions withFormat(JsonFormat wanted) {
        return new GenerationOptions(maxTokens, sampling, stop, adjustments, logprobs, drafting, Optional.of(wanted));
    }
}
