package bita.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import bita.kernels.Layout;
import bita.kernels.PromptLayer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What bi-directional tuning has learned for a model (arXiv 2401.12522, section 3.1), in the model's own order of head
 * dimensions: prompt tokens, a key and a value per layer and head that only mask rows see, the input embeddings of the
 * mask tokens, and what is added to linear layers where mask rows pass. Immutable.
 */
public final class MaskTokens {
    private static final long ALIGNMENT = 64;

    private final int prompts;
    private final int masks;
    private final int hidden;
    private final List<PromptLayer> layers;
    private final float[] embeddings; // (masks, hidden)
    private final Optional<PackedLowRank> lowRank;

    private MaskTokens(
            int prompts,
            int masks,
            int hidden,
            List<PromptLayer> layers,
            float[] embeddings,
            Optional<PackedLowRank> lowRank) {
        this.prompts = prompts;
        this.masks = masks;
        this.hidden = hidden;
        this.layers = layers;
        this.embeddings = embeddings;
        this.lowRank = lowRank;
    }

    /**
     * Arranges the learned tensors for the kernels.
     *
     * @param promptKeys   (layers, prompts, heads, headDim), rotary pairs side by side as in the model's rows
     * @param promptValues (layers, prompts, heads, headDim)
     * @param embeddings   (masks, hidden)
     * @param lowRank      what is added to the linear layers, if anything; rows of queries and keys as in the model
     */
    public static MaskTokens of(
            ModelConfig config,
            int prompts,
            int masks,
            float[] promptKeys,
            float[] promptValues,
            float[] embeddings,
            Optional<LowRank> lowRank) {
        int perLayer = prompts * config.heads() * config.headDim();
        if (promptKeys.length != config.layers() * perLayer
                || promptValues.length != config.layers() * perLayer
                || embeddings.length != masks * config.hidden()
                || masks < 1) {
            throw new IllegalArgumentException("the tensors of the mask tokens do not fit the model");
        }
        // Automatic: freed when the last user is gone, so that an adapter needs no close of its own.
        Arena arena = Arena.ofAuto();
        List<PromptLayer> layers = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            PromptLayer arranged = allocate(arena, config, prompts);
            long from = (long) layer * perLayer * Float.BYTES;
            arrange(
                    MemorySegment.ofArray(promptKeys).asSlice(from),
                    MemorySegment.ofArray(promptValues).asSlice(from),
                    config,
                    arranged);
            layers.add(arranged);
        }
        return new MaskTokens(
                prompts,
                masks,
                config.hidden(),
                List.copyOf(layers),
                embeddings.clone(),
                lowRank.map(matrices -> PackedLowRank.of(config, matrices)));
    }

    /** Memory for the prompt tokens of a layer, all zero. */
    static PromptLayer allocate(SegmentAllocator memory, ModelConfig config, int prompts) {
        return new PromptLayer(
                memory.allocate(keyBytes(config, prompts), ALIGNMENT),
                memory.allocate(valueBytes(config, prompts), ALIGNMENT),
                prompts);
    }

    /** Bytes that {@link #allocate} takes. */
    static long layerBytes(ModelConfig config, int prompts) {
        return keyBytes(config, prompts) + valueBytes(config, prompts);
    }

    private static long keyBytes(ModelConfig config, int prompts) {
        long panels = Math.ceilDiv(prompts, Layout.LANES);
        return config.heads() * panels * config.headDim() * Layout.LANES * Float.BYTES + ALIGNMENT;
    }

    private static long valueBytes(ModelConfig config, int prompts) {
        return (long) config.heads() * prompts * config.headDim() * Float.BYTES + ALIGNMENT;
    }

    /**
     * Arranges the prompt tokens of a layer for the kernels.
     *
     * @param promptKeys   f32 (prompts, heads, headDim)
     * @param promptValues f32 (prompts, heads, headDim)
     * @param to           written
     */
    static void arrange(MemorySegment promptKeys, MemorySegment promptValues, ModelConfig config, PromptLayer to) {
        int heads = config.heads();
        int headDim = config.headDim();
        int prompts = to.prompts();
        int lanes = Layout.LANES;
        int panels = Math.ceilDiv(prompts, lanes);
        for (int head = 0; head < heads; head++) {
            for (int p = 0; p < prompts; p++) {
                long from = ((long) p * heads + head) * headDim;
                for (int d = 0; d < headDim; d++) {
                    long key = (((long) head * panels + p / lanes) * headDim + d) * lanes + p % lanes;
                    to.keys().setAtIndex(JAVA_FLOAT, key, promptKeys.getAtIndex(JAVA_FLOAT, from + d));
                    long value = ((long) head * prompts + p) * headDim + d;
                    to.values().setAtIndex(JAVA_FLOAT, value, promptValues.getAtIndex(JAVA_FLOAT, from + d));
                }
            }
        }
    }

    /** Number of prompt tokens. */
    public int prompts() {
        return prompts;
    }

    /** Number of mask tokens. */
    public int masks() {
        return masks;
    }

    /** Rank of what is added to linear layers, 0 for nothing. */
    public int rank() {
        return lowRank.map(PackedLowRank::rank).orElse(0);
    }

    /** What is added to the linear layers where mask rows pass. */
    Optional<PackedLowRank> lowRank() {
        return lowRank;
    }

    PromptLayer layer(int index) {
        return layers.get(index);
    }

    /** Writes the input embedding of a mask, f32 (hidden), to {@code target}. */
    void embed(int mask, MemorySegment target, long targetIndex) {
        MemorySegment.copy(embeddings, mask * hidden, target, JAVA_FLOAT, targetIndex * Float.BYTES, hidden);
    }
}
