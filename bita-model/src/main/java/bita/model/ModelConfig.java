package bita.model;

import java.util.OptionalInt;

/**
 * Shape and constants of a decoder-only transformer of the Llama kind: RMS norm, rotary embedding, grouped-query
 * attention, SwiGLU.
 *
 * @param architecture  the file's name for the family, such as {@code llama}
 * @param layers        transformer blocks
 * @param hidden        numbers per row between blocks
 * @param feedForward   numbers per row inside the feed-forward network
 * @param heads         attention heads
 * @param kvHeads       heads of keys and values
 * @param headDim       numbers per head
 * @param vocabulary    tokens
 * @param contextLength positions the model was trained for
 * @param ropeBase      base of the rotary embedding's frequencies
 * @param epsilon       the RMS norm's epsilon
 */
public record ModelConfig(
        String architecture,
        int layers,
        int hidden,
        int feedForward,
        int heads,
        int kvHeads,
        int headDim,
        int vocabulary,
        int contextLength,
        double ropeBase,
        float epsilon) {
    /**
     * The tokens that a session's context holds.
     *
     * @param asked empty for what the model was trained for
     * @throws IllegalArgumentException if fewer than 2 are asked for, or more than the model was trained for
     */
    public int checkedContext(OptionalInt asked) {
        int context = asked.orElse(contextLength);
        if (context > contextLength) {
            throw new IllegalArgumentException(
                    "the model was trained for a context of " + contextLength + " tokens, not " + context);
        }
        if (context < 2) {
            throw new IllegalArgumentException("a context holds at least 2 tokens, not " + context);
        }
        return context;
    }
}
