package bita.model;

import java.util.List;
import java.util.stream.IntStream;

/**
 * A rotary position embedding (arXiv 2104.09864, section 3.2.2): by which angles the pairs of a head's first numbers are
 * rotated. The variants for long contexts differ in nothing else.
 *
 * @param frequencies angle per position of each pair, in radians; pairs of a head beyond these stay as they are
 * @param magnitude   factor of cosines and sines
 */
public record Rotary(List<Double> frequencies, double magnitude) {
    /** Where positions are no angles. */
    public static final Rotary NONE = new Rotary(List.of(), 1);

    public Rotary {
        frequencies = List.copyOf(frequencies);
        if (!frequencies.stream().allMatch(Double::isFinite) || !Double.isFinite(magnitude)) {
            throw new IllegalArgumentException("the rotary embedding has angles that are not finite");
        }
    }

    /**
     * The original embedding.
     *
     * @param dimensions numbers of a head that are rotated, an even number
     */
    public static Rotary of(int dimensions, double base) {
        return new Rotary(
                IntStream.range(0, dimensions / 2)
                        .mapToObj(i -> StrictMath.pow(base, -2.0 * i / dimensions))
                        .toList(),
                1);
    }

    /** Positions divided by a factor (linear scaling, arXiv 2306.15595). */
    public Rotary dividedBy(double factor) {
        return new Rotary(frequencies.stream().map(f -> f / factor).toList(), magnitude);
    }

    /**
     * Each pair's angle divided by a factor of its own (Llama 3, LongRoPE).
     *
     * @param factors of each pair
     */
    public Rotary dividedBy(float[] factors) {
        if (factors.length != frequencies.size()) {
            throw new IllegalArgumentException(
                    factors.length + " factors for " + frequencies.size() + " pairs of the rotary embedding");
        }
        return new Rotary(
                IntStream.range(0, factors.length)
                        .mapToObj(i -> frequencies.get(i) / factors[i])
                        .toList(),
                magnitude);
    }

    /** Another factor of cosines and sines. */
    public Rotary withMagnitude(double factor) {
        return new Rotary(frequencies, factor);
    }

    /**
     * YaRN (arXiv 2309.00071, section 3): pairs that turn often within the original context keep their angles, those that turn
     * less than once have them divided, with a ramp between.
     *
     * @param base     of this embedding
     * @param factor   how much longer the context is
     * @param original positions of the original context
     * @param fast     turns from which on angles are kept
     * @param slow     turns up to which angles are divided
     */
    public Rotary yarn(double base, double factor, double original, double fast, double slow) {
        int pairs = frequencies.size();
        double from = Math.max(Math.floor(pairOf(fast, base, original)), 0);
        double to = Math.min(Math.ceil(pairOf(slow, base, original)), 2 * pairs - 1.0);
        double width = to == from ? 0.001 : to - from;
        return new Rotary(
                IntStream.range(0, pairs)
                        .mapToObj(i -> {
                            double divided = Math.clamp((i - from) / width, 0.0, 1.0);
                            double frequency = frequencies.get(i);
                            return frequency / factor * divided + frequency * (1 - divided);
                        })
                        .toList(),
                magnitude);
    }

    /** The pair, between two of them, that turns so often within the original context. */
    private double pairOf(double turns, double base, double original) {
        return frequencies.size() * StrictMath.log(original / (turns * 2 * Math.PI)) / StrictMath.log(base);
    }

    /** Numbers of a head that are rotated. */
    public int dimensions() {
        return 2 * frequencies.size();
    }
}
