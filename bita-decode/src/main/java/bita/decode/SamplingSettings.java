package bita.decode;

/**
 * How a token is chosen from the logits. The filters act in the order top-k, top-p, min-p; {@link Sampler} defines each
 * exactly.
 *
 * @param temperature divides the logits before the softmax: 0 for greedy decoding, which ignores everything else, or
 *     {@value #MIN_TEMPERATURE} to {@value #MAX_TEMPERATURE}
 * @param topK keeps the k most likely tokens; 0 keeps all
 * @param topP keeps the most likely tokens that together have this share of the probability (Holtzman 2020, arXiv
 *     1904.09751), above 0; 1 keeps all
 * @param minP keeps tokens at least this many times as likely as the most likely one (Nguyen 2024, arXiv 2407.01082), 0
 *     to 1; 0 keeps all
 * @param seed of the random numbers: equal seeds give equal text
 */
public record SamplingSettings(double temperature, int topK, double topP, double minP, long seed) {
    /** Below this, dividing by the temperature could overflow f32 while the text is greedy in all but name. */
    public static final double MIN_TEMPERATURE = 0.001;

    public static final double MAX_TEMPERATURE = 100;

    public SamplingSettings {
        // Negated comparisons, so that NaN is refused as well.
        if (temperature != 0 && !(temperature >= MIN_TEMPERATURE && temperature <= MAX_TEMPERATURE)) {
            throw new IllegalArgumentException("The temperature must be 0 (greedy) or from " + MIN_TEMPERATURE + " to "
                    + MAX_TEMPERATURE + ", not " + temperature + ".");
        }
        if (topK < 0) {
            throw new IllegalArgumentException("Top-k must be 0 (off) or a number of tokens, not " + topK + ".");
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("Top-p must be above 0 and at most 1 (off), not " + topP + ".");
        }
        if (!(minP >= 0 && minP <= 1)) {
            throw new IllegalArgumentException("Min-p must be from 0 (off) to 1, not " + minP + ".");
        }
    }

    /** Always the most likely token. */
    public static SamplingSettings greedy() {
        return new SamplingSettings(0, 0, 1, 0, 0);
    }

    public boolean isGreedy() {
        return temperature == 0;
    }

    /** For people: {@code greedy}, or what is not off, for instance {@code temperature 0.7 top-p 0.9 seed 1}. */
    public String describe() {
        if (isGreedy()) {
            return "greedy";
        }
        StringBuilder text = new StringBuilder("temperature ").append(temperature);
        if (topK > 0) {
            text.append(" top-k ").append(topK);
        }
        if (topP < 1) {
            text.append(" top-p ").append(topP);
        }
        if (minP > 0) {
            text.append(" min-p ").append(minP);
        }
        return text.append(" seed ").append(seed).toString();
    }
}
