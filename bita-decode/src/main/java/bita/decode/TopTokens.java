package bita.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The likeliest tokens of a row of logits. */
final class TopTokens {
    private TopTokens() {}

    /**
     * Finds as many as {@code tokens} has room for, the likeliest first; the lower token wins a tie.
     *
     * @param row    f32 (vocabulary)
     * @param tokens no longer than the vocabulary
     * @param logits of the tokens, as long
     * @return false, and nothing of use in the arrays, unless all logits are finite
     */
    @SuppressWarnings("ShortCircuitBoolean") // one branch for four comparisons
    static boolean read(MemorySegment row, int vocabulary, int[] tokens, float[] logits) {
        Arrays.fill(logits, Float.NEGATIVE_INFINITY);
        float least = Float.NEGATIVE_INFINITY;
        boolean finite = true;
        int i = 0;
        // Few logits make it into the list, so four are looked at before the processor has to decide anything.
        for (; i + 4 <= vocabulary; i += 4) {
            float a = row.getAtIndex(JAVA_FLOAT, i);
            float b = row.getAtIndex(JAVA_FLOAT, i + 1);
            float c = row.getAtIndex(JAVA_FLOAT, i + 2);
            float d = row.getAtIndex(JAVA_FLOAT, i + 3);
            finite &= 0 * a + 0 * b + (0 * c + 0 * d) == 0; // what is not finite, times zero, is NaN
            if (a > least | b > least | c > least | d > least) {
                least = insert(row, i, i + 4, least, tokens, logits);
            }
        }
        insert(row, i, vocabulary, least, tokens, logits);
        for (; i < vocabulary; i++) {
            finite &= Math.abs(row.getAtIndex(JAVA_FLOAT, i)) <= Float.MAX_VALUE; // false for NaN too
        }
        return finite;
    }

    /** Inserts what is above the least of the descending list; returns the new least. */
    private static float insert(MemorySegment row, int from, int to, float least, int[] tokens, float[] logits) {
        float last = least;
        for (int token = from; token < to; token++) {
            float logit = row.getAtIndex(JAVA_FLOAT, token);
            if (logit > last) {
                int at = logits.length - 1;
                while (at > 0 && logits[at - 1] < logit) {
                    logits[at] = logits[at - 1];
                    tokens[at] = tokens[at - 1];
                    at--;
                }
                logits[at] = logit;
                tokens[at] = token;
                last = logits[logits.length - 1];
            }
        }
        return last;
    }
}
