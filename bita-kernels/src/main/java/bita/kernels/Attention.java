package bita.kernels;

import java.lang.foreign.MemorySegment;

/**
 * What the kernels of attention are given: the queries of some rows of one sequence, one layer's keys and values, and
 * what each row sees of them.
 *
 * @param query f32 (rows, heads, headDim)
 */
public record Attention(
        MemorySegment query, int rows, AttentionShape shape, KvLayer layer, PromptLayer prompt, Visibility visibility) {

    /** Pairs of a row and a head; see {@link Kernels#attend}. */
    public int items() {
        return rows * shape.heads();
    }
}
