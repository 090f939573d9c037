package bita.kernels;

import java.lang.foreign.MemorySegment;

/**
 * The learned prompt tokens of one layer (BiTA, section 3.1): keys and values that only mask rows see, one set per
 * attention head, without position.
 *
 * @param keys    f32 (heads, prompts padded to 16 / 16, headDim, 16 prompts)
 * @param values  f32 (heads, prompts, headDim)
 * @param prompts number of prompt tokens, 0 without an adapter
 */
public record PromptLayer(MemorySegment keys, MemorySegment values, int prompts) {
    /** No prompt tokens. */
    public static final PromptLayer NONE = new PromptLayer(MemorySegment.NULL, MemorySegment.NULL, 0);
}
