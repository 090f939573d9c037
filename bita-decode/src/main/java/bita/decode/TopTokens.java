package bita.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import bita.kernels.Kernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Finds the likeliest tokens of rows of logits. Holds those of the last row; belongs to one thread. */
final class TopTokens {
    private final Kernels kernels;
    private final int vocabulary;
    private final int count;
    private final MemorySegment tokens; // i32 (count)
    private final MemorySegment logits; // f32 (count)

    /**
     * @param count tokens of each row, no more than the vocabulary
     */
    TopTokens(Kernels kernels, int vocabulary, int count) {
        this.kernels = kernels;
        this.vocabulary = vocabulary;
        this.count = count;
        Arena arena = Arena.ofAuto();
        tokens = arena.allocate(JAVA_INT, count);
        logits = arena.allocate(JAVA_FLOAT, count);
    }

    /**
     * Finds the likeliest tokens, the lower one first where logits are equal.
     *
     * @param row f32 (vocabulary)
     * @return false, and nothing of use is held, unless all logits are finite
     */
    boolean read(MemorySegment row) {
        return kernels.largest(row, vocabulary, count, tokens, logits);
    }

    int token(int rank) {
        return tokens.getAtIndex(JAVA_INT, rank);
    }

    float logit(int rank) {
        return logits.getAtIndex(JAVA_FLOAT, rank);
    }
}
