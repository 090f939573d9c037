package bita.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import bita.kernels.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Turns the logits of one mask group into {@link MaskCandidates}. */
final class CandidateReader {
    private final Kernels kernels;
    private final int vocabulary;
    private final int count;

    /**
     * @param count candidates of each mask
     */
    CandidateReader(Kernels kernels, int vocabulary, int count) {
        this.kernels = kernels;
        this.vocabulary = vocabulary;
        this.count = Math.min(count, vocabulary);
    }

    /**
     * @param logits f32 (masks, vocabulary); overwritten
     */
    MaskCandidates read(MemorySegment logits, int masks) {
        int[][] tokens = new int[masks][];
        float[][] probabilities = new float[masks][];
        for (int mask = 0; mask < masks; mask++) {
            long rowBytes = (long) vocabulary * Float.BYTES;
            MemorySegment row = logits.asSlice(mask * rowBytes, rowBytes);
            tokens[mask] = new int[count];
            probabilities[mask] = new float[count];
            if (!readRow(row, tokens[mask], probabilities[mask])) {
                tokens[mask] = new int[0];
                probabilities[mask] = new float[0];
            }
        }
        return MaskCandidates.of(tokens, probabilities);
    }

    /** Fills in the most likely tokens and their probabilities; false if the logits are unusable. */
    private boolean readRow(MemorySegment row, int[] tokens, float[] probabilities) {
        Arrays.fill(probabilities, Float.NEGATIVE_INFINITY);
        float least = Float.NEGATIVE_INFINITY;
        boolean ordered = true;
        for (int i = 0; i < vocabulary; i++) {
            float logit = row.getAtIndex(JAVA_FLOAT, i);
            ordered &= logit <= Float.MAX_VALUE; // neither NaN nor infinite
            if (logit > least) {
                insert(i, logit, tokens, probabilities);
                least = probabilities[count - 1];
            }
        }
        float maximum = probabilities[0];
        if (!ordered || maximum == Float.NEGATIVE_INFINITY) {
            return false;
        }
        kernels.exponentials(row, vocabulary, maximum, 1, row);
        double sum = 0;
        for (int i = 0; i < vocabulary; i++) {
            sum += row.getAtIndex(JAVA_FLOAT, i);
        }
        for (int i = 0; i < count; i++) {
            probabilities[i] = (float) (row.getAtIndex(JAVA_FLOAT, tokens[i]) / sum);
        }
        return true;
    }

    /** Inserts into the descending list; an equal logit of a lower token stays ahead. */
    private static void insert(int token, float logit, int[] tokens, float[] logits) {
        int at = logits.length - 1;
        while (at > 0 && logits[at - 1] < logit) {
            logits[at] = logits[at - 1];
            tokens[at] = tokens[at - 1];
            at--;
        }
        logits[at] = logit;
        tokens[at] = token;
    }
}
