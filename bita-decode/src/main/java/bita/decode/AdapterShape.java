package bita.decode;

import bita.model.ModelConfig;

/**
 * The model that an adapter is for, and how much the adapter has learned for it.
 *
 * @param architecture the model's family as GGUF files name it, such as {@code llama}
 * @param layers       transformer blocks
 * @param heads        attention heads; prompt tokens have keys and values for each, also where the model's own share them
 * @param headDim      numbers per head
 * @param hidden       numbers of an input embedding
 * @param prompts      prompt tokens, 0 to 1024
 * @param masks        mask tokens, 1 to 1024
 */
public record AdapterShape(
        String architecture, int layers, int heads, int headDim, int hidden, int prompts, int masks) {
    /** More prompt tokens, or more mask tokens, no adapter has. */
    public static final int MOST_TOKENS = 1024;

    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if one is out of its range, or if a tensor would not fit an array
     */
    public AdapterShape {
        if (architecture.isBlank()) {
            throw new IllegalArgumentException("an adapter needs the name of its model's architecture");
        }
        if (layers < 1 || heads < 1 || headDim < 1 || hidden < 1) {
            throw new IllegalArgumentException("an adapter's model has at least one layer, one head and one number in"
                    + " each, not " + describe(architecture, layers, heads, headDim, hidden));
        }
        if (prompts < 0 || prompts > MOST_TOKENS || masks < 1 || masks > MOST_TOKENS) {
            throw new IllegalArgumentException("an adapter has up to " + MOST_TOKENS + " prompt tokens and 1 to "
                    + MOST_TOKENS + " mask tokens, not " + prompts + " and " + masks);
        }
        try {
            int perPrompt = Math.multiplyExact(Math.multiplyExact(layers, heads), headDim);
            int _ = Math.multiplyExact(perPrompt, prompts);
            int _ = Math.multiplyExact(hidden, masks);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(
                    "an adapter for " + describe(architecture, layers, heads, headDim, hidden) + " with " + prompts
                            + " prompt and " + masks + " mask tokens has too many numbers",
                    e);
        }
    }

    /** Elements of {@code prompt.key}, and of {@code prompt.value}. */
    int promptNumbers() {
        return layers * prompts * heads * headDim;
    }

    /** Elements of {@code mask.embedding}. */
    int maskNumbers() {
        return masks * hidden;
    }

    long[] promptDimensions() {
        return new long[] {layers, prompts, heads, headDim};
    }

    long[] maskDimensions() {
        return new long[] {masks, hidden};
    }

    boolean fits(ModelConfig model) {
        return architecture.equals(model.architecture())
                && layers == model.layers()
                && heads == model.heads()
                && headDim == model.headDim()
                && hidden == model.hidden();
    }

    /** The model in words. */
    String model() {
        return describe(architecture, layers, heads, headDim, hidden);
    }

    static String describe(String architecture, int layers, int heads, int headDim, int hidden) {
        return architecture + " with " + layers + " layers, " + heads + " heads of " + headDim + ", hidden size "
                + hidden;
    }
}
