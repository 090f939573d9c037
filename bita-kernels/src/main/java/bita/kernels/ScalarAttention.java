package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;

/** The definition of {@link Kernels#attend} for one item: one row's query of one head. */
final class ScalarAttention {
    private static final int LANES = Layout.LANES;

    private final MemorySegment query;
    private final AttentionShape shape;
    private final KvLayer layer;
    private final PromptLayer prompt;
    private final MemorySegment path;
    private final int headDim;
    private final int head;
    private final int kvHead;
    private final int prefix;
    private final int pathStart;
    private final int positions;
    private final int first;
    private final long at;

    /** Sums of weights and of weighted values. */
    static final class Sums {
        float weight;
        final float[] values; // (headDim)

        Sums(int headDim) {
            values = new float[headDim];
        }

        void add(Sums other) {
            weight += other.weight;
            for (int d = 0; d < values.length; d++) {
                values[d] += other.values[d];
            }
        }

        private void add(float weightOfValue, int d, float value) {
            values[d] = Math.fma(weightOfValue, value, values[d]);
        }

        /** Writes the weighted mean of the values. */
        void divide(MemorySegment out, long index) {
            for (int d = 0; d < values.length; d++) {
                out.setAtIndex(JAVA_FLOAT, index + d, values[d] / weight);
            }
        }

        void store(MemorySegment to, long index) {
            MemorySegment.copy(values, 0, to, JAVA_FLOAT, index * Float.BYTES, values.length);
            to.setAtIndex(JAVA_FLOAT, index + values.length, weight);
        }

        static Sums load(MemorySegment from, long index, int headDim) {
            Sums sums = new Sums(headDim);
            MemorySegment.copy(from, JAVA_FLOAT, index * Float.BYTES, sums.values, 0, headDim);
            sums.weight = from.getAtIndex(JAVA_FLOAT, index + headDim);
            return sums;
        }
    }

    ScalarAttention(Attention attention, int item) {
        query = attention.query();
        shape = attention.shape();
        layer = attention.layer();
        Visibility visibility = attention.visibility();
        int row = shape.row(item, attention.rows());
        prompt = visibility.prompted().getAtIndex(JAVA_INT, row) == 1 ? attention.prompt() : PromptLayer.NONE;
        path = visibility.path();
        headDim = shape.headDim();
        head = shape.head(item, attention.rows());
        kvHead = head / shape.group();
        prefix = visibility.prefix().getAtIndex(JAVA_INT, row);
        pathStart = visibility.pathStart().getAtIndex(JAVA_INT, row);
        positions = prefix + visibility.pathStart().getAtIndex(JAVA_INT, row + 1L) - pathStart;
        first = shape.firstSeen(positions);
        at = ((long) row * shape.heads() + head) * headDim;
    }

    /** Index of the query's and the result's first number. */
    long at() {
        return at;
    }

    /** The first position that is seen; those from here to {@link #positions} are. */
    int first() {
        return first;
    }

    /** The end, exclusive, of the positions that are seen; the row's own is the last one. */
    int positions() {
        return positions;
    }

    /** The first block of positions of which some are seen. */
    int firstBlock() {
        return first / AttentionShape.POSITIONS_PER_BLOCK;
    }

    /** The end, exclusive, of such blocks. */
    int endBlock() {
        return Math.ceilDiv(positions, AttentionShape.POSITIONS_PER_BLOCK);
    }

    /** The first position that is seen of a block. */
    int from(int block) {
        return Math.max(block * AttentionShape.POSITIONS_PER_BLOCK, first);
    }

    /** The end, exclusive, of the positions that are seen of a block. */
    int to(int block) {
        return Math.min((block + 1) * AttentionShape.POSITIONS_PER_BLOCK, positions);
    }

    boolean seesPrompts() {
        return prompt.prompts() > 0;
    }

    /** The slot of a position. */
    int slot(int position) {
        return position < prefix ? position : path.getAtIndex(JAVA_INT, (long) pathStart + position - prefix);
    }

    float score(int slot) {
        float acc = 0f;
        for (int d = 0; d < headDim; d++) {
            float key = get(layer.keys(), layer.format(), keyIndex(layer, headDim, kvHead, slot, d));
            acc = Math.fma(query.getAtIndex(JAVA_FLOAT, at + d), key, acc);
        }
        return finished(acc);
    }

    /** A score, from its dot product. */
    private float finished(float dot) {
        float score = dot * shape.scale();
        return shape.cap() > 0 ? ScalarMath.cap(score, shape.cap()) : score;
    }

    float[] promptScores() {
        float[] scores = new float[prompt.prompts()];
        int panels = (scores.length + LANES - 1) / LANES;
        for (int p = 0; p < scores.length; p++) {
            float acc = 0f;
            for (int d = 0; d < headDim; d++) {
                long key = (((long) head * panels + p / LANES) * headDim + d) * LANES + p % LANES;
                acc = Math.fma(
                        query.getAtIndex(JAVA_FLOAT, at + d), prompt.keys().getAtIndex(JAVA_FLOAT, key), acc);
            }
            scores[p] = finished(acc);
        }
        return scores;
    }

    /** The largest of {@code maximum} and the scores from an index on. */
    static float maximum(float[] scores, int from, float maximum) {
        for (int i = from; i < scores.length; i++) {
            maximum = scores[i] > maximum ? scores[i] : maximum;
        }
        return maximum;
    }

    /** Sums over the prompt tokens. */
    Sums promptSums(float[] scores, float maximum) {
        Sums sums = new Sums(headDim);
        for (int p = 0; p < scores.length; p++) {
            float weight = ScalarMath.exp(scores[p] - maximum);
            sums.weight += weight;
            for (int d = 0; d < headDim; d++) {
                long value = ((long) head * prompt.prompts() + p) * headDim + d;
                sums.add(weight, d, prompt.values().getAtIndex(JAVA_FLOAT, value));
            }
        }
        return sums;
    }

    /** Sums over the positions from {@code first} on that have these scores. */
    Sums sums(int first, float[] scores, float maximum) {
        Sums sums = new Sums(headDim);
        for (int i = 0; i < scores.length; i++) {
            float weight = ScalarMath.exp(scores[i] - maximum);
            int slot = slot(first + i);
            sums.weight += weight;
            for (int d = 0; d < headDim; d++) {
                sums.add(weight, d, get(layer.values(), layer.format(), valueIndex(layer, headDim, kvHead, slot, d)));
            }
        }
        return sums;
    }

    static long keyIndex(KvLayer layer, int headDim, int head, int slot, int d) {
        long panel = (long) head * (layer.slots() / LANES) + slot / LANES;
        return (panel * headDim + d) * LANES + slot % LANES;
    }

    static long valueIndex(KvLayer layer, int headDim, int head, int slot, int d) {
        return ((long) head * layer.slots() + slot) * headDim + d;
    }

    private static float get(MemorySegment source, CacheFormat format, long index) {
        return switch (format) {
            case F16 -> Float.float16ToFloat(source.getAtIndex(JAVA_SHORT, index));
            case F32 -> source.getAtIndex(JAVA_FLOAT, index);
        };
    }
}
