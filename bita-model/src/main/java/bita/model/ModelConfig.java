package bita.model;

import bita.kernels.AttentionShape;
import java.util.OptionalInt;

/**
 * Shape and constants of a decoder-only transformer: what a forward pass and tuning know of a family.
 *
 * @param architecture   the file's name for the family, such as {@code llama}
 * @param layers         transformer blocks
 * @param hidden         numbers per row between blocks
 * @param feedForward    numbers per row inside the feed-forward network
 * @param heads          attention heads
 * @param kvHeads        heads of keys and values
 * @param headDim        numbers per head
 * @param vocabulary     tokens
 * @param contextLength  positions the model was trained for
 * @param style          how blocks are put together
 * @param positions      how positions are known
 * @param embeddingScale factor of the tokens' embeddings
 * @param logitCap       soft cap of the logits, 0 for none
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
        BlockStyle style,
        Positions positions,
        float embeddingScale,
        float logitCap) {
    /** A model of the Llama kind. */
    public static ModelConfig llama(
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
        return new ModelConfig(
                "llama",
                layers,
                hidden,
                feedForward,
                heads,
                kvHeads,
                headDim,
                vocabulary,
                contextLength,
                BlockStyle.llama(headDim, epsilon),
                Positions.rotary(Rotary.of(headDim, ropeBase)),
                1,
                0);
    }

    /** Numbers of a row's queries. */
    public int queryWidth() {
        return heads * headDim;
    }

    /** Numbers of a row's keys, and of its values. */
    public int keyWidth() {
        return kvHeads * headDim;
    }

    /** Whether the rows of a layer see the last positions only. */
    public boolean hasWindow(int layer) {
        return positions.windows().map(windows -> windows.has(layer)).orElse(false);
    }

    /** The attention of the layers with windows, or of the others. */
    AttentionShape attention(boolean window) {
        int size = window ? positions.windows().orElseThrow().size() : AttentionShape.NO_WINDOW;
        return new AttentionShape(heads, kvHeads, headDim, style.scoreScale(), style.scoreCap(), size);
    }

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
