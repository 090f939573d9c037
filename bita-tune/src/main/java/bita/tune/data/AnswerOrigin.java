package bita.tune.data;

import bita.decode.SamplingSettings;
import java.util.regex.Pattern;

/**
 * Where answers come from. What greedy decoding ignores is dropped, so that equal origins are equal records.
 *
 * @param modelSha256 of the model file, 64 lower-case hexadecimal digits
 * @param sampling    how each token was chosen
 */
public record AnswerOrigin(String modelSha256, SamplingSettings sampling) {
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    public AnswerOrigin {
        if (!SHA256.matcher(modelSha256).matches()) {
            throw new IllegalArgumentException("a model's SHA-256 has 64 lower-case hexadecimal digits");
        }
        if (sampling.isGreedy()) {
            sampling = SamplingSettings.greedy();
        }
    }

    /** What sets two settings apart, in a few words. */
    String settings() {
        return sampling.isGreedy()
                ? "greedy"
                : "temperature " + sampling.temperature() + ", top-k " + sampling.topK() + ", top-p " + sampling.topP()
                        + ", min-p " + sampling.minP() + ", seed " + sampling.seed();
    }
}
