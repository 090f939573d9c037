package bita.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Attention of mask groups with its gradients, for {@link TrainingKernels#attendBackward}. Rows are (groups, masks).
 *
 * @param masks         in a group
 * @param query         f32 (rows, heads, headDim)
 * @param dOut          f32 (rows, heads, headDim)
 * @param layer         keys and values of the real tokens, in f32
 * @param keyRows       see {@link TrainingKernels#turnCache}
 * @param valuePanels   likewise
 * @param prefix        i32 (groups): real tokens that a group sees
 * @param maskKeys      f32 (rows, kvHeads, headDim)
 * @param maskValues    f32 (rows, kvHeads, headDim)
 * @param promptKeys    f32 (prompts, heads, headDim)
 * @param promptValues  f32 (prompts, heads, headDim)
 * @param dQuery        f32 (rows, heads, headDim): written
 * @param dMaskKeys     f32 (rows, kvHeads, headDim): added to
 * @param dMaskValues   likewise
 * @param dPromptKeys   f32 (prompts, heads, headDim): added to
 * @param dPromptValues likewise
 */
public record MaskAttention(
        int masks,
        AttentionShape shape,
        MemorySegment query,
        MemorySegment dOut,
        KvLayer layer,
        MemorySegment keyRows,
        MemorySegment valuePanels,
        MemorySegment prefix,
        MemorySegment maskKeys,
        MemorySegment maskValues,
        MemorySegment promptKeys,
        MemorySegment promptValues,
        int prompts,
        MemorySegment dQuery,
        MemorySegment dMaskKeys,
        MemorySegment dMaskValues,
        MemorySegment dPromptKeys,
        MemorySegment dPromptValues) {
    public MaskAttention {
        if (layer.format() != CacheFormat.F32) {
            throw new IllegalArgumentException("tuning reads keys and values in f32, not " + layer.format());
        }
        if (prompts + masks > TrainingKernels.MOST_LEARNED) {
            throw new IllegalArgumentException(prompts + " prompt tokens and " + masks + " masks are more than "
                    + TrainingKernels.MOST_LEARNED + " together");
        }
    }
}
