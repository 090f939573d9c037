package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The definition of every kernel's result, as plain loops. */
public final class ScalarKernels implements Kernels {
    private static final int LANES = Layout.LANES;
    private static final int BLOCK = Layout.BLOCK;

    @Override
    public Backend backend() {
        return Backend.SCALAR;
    }

    @Override
    public InstructionSet instructionSet() {
        return InstructionSet.GENERIC;
    }

    @Override
    public void rmsNorm(
            MemorySegment x,
            MemorySegment weight,
            float epsilon,
            MemorySegment out,
            int columns,
            int rowFrom,
            int rowTo) {
        float[] lanes = new float[LANES];
        for (int row = rowFrom; row < rowTo; row++) {
            long base = (long) row * columns;
            Arrays.fill(lanes, 0f);
            for (int k = 0; k < columns; k++) {
                float v = x.getAtIndex(JAVA_FLOAT, base + k);
                lanes[k % LANES] = Math.fma(v, v, lanes[k % LANES]);
            }
            float scale = rmsScale(lanes, columns, epsilon);
            for (int k = 0; k < columns; k++) {
                float v = x.getAtIndex(JAVA_FLOAT, base + k) * scale * weight.getAtIndex(JAVA_FLOAT, k);
                out.setAtIndex(JAVA_FLOAT, base + k, v);
            }
        }
    }

    /** The factor of a row, from its sums of squares; adds them up in place. */
    static float rmsScale(float[] lanes, int columns, float epsilon) {
        return 1f / (float) Math.sqrt(mean(lanes, columns) + epsilon);
    }

    /** The mean of a row, from its sums; adds them up in place. */
    static float mean(float[] lanes, int columns) {
        return sum(lanes) / columns;
    }

    /** Adds up the sums, in place. */
    static float sum(float[] lanes) {
        for (int half = LANES / 2; half > 0; half /= 2) {
            for (int l = 0; l < half; l++) {
                lanes[l] += lanes[l + half];
            }
        }
        return lanes[0];
    }

    @Override
    public void layerNorm(
            MemorySegment x,
            MemorySegment weight,
            MemorySegment bias,
            float epsilon,
            MemorySegment out,
            int columns,
            int rowFrom,
            int rowTo) {
        float[] lanes = new float[LANES];
        for (int row = rowFrom; row < rowTo; row++) {
            long base = (long) row * columns;
            Arrays.fill(lanes, 0f);
            for (int k = 0; k < columns; k++) {
                lanes[k % LANES] += x.getAtIndex(JAVA_FLOAT, base + k);
            }
            float mean = mean(lanes, columns);
            Arrays.fill(lanes, 0f);
            for (int k = 0; k < columns; k++) {
                float d = x.getAtIndex(JAVA_FLOAT, base + k) - mean;
                lanes[k % LANES] = Math.fma(d, d, lanes[k % LANES]);
            }
            float scale = rmsScale(lanes, columns, epsilon);
            for (int k = 0; k < columns; k++) {
                float d = (x.getAtIndex(JAVA_FLOAT, base + k) - mean) * scale;
                float v = Math.fma(d, weight.getAtIndex(JAVA_FLOAT, k), bias.getAtIndex(JAVA_FLOAT, k));
                out.setAtIndex(JAVA_FLOAT, base + k, v);
            }
        }
    }

    @Override
    public void quantize(Activations activations, int rows, int rowFrom, int rowTo, int blockFrom, int blockTo) {
        for (int row = rowFrom; row < rowTo; row++) {
            for (int b = blockFrom; b < blockTo; b++) {
                long first = (long) row * activations.columns() + (long) b * BLOCK;
                quantizeBlock(activations, first, (long) b * rows + row);
            }
        }
    }

    private static void quantizeBlock(Activations a, long first, long block) {
        int maximumBits = 0;
        for (int i = 0; i < BLOCK; i++) {
            int bits = Float.floatToRawIntBits(a.values().getAtIndex(JAVA_FLOAT, first + i)) & 0x7fffffff;
            maximumBits = Math.max(maximumBits, bits);
        }
        float scale = Float.intBitsToFloat(maximumBits) / 127f;
        float inverse = 0f;
        if (!Float.isFinite(scale)) {
            scale = Float.NaN;
        } else if (scale < Float.MIN_NORMAL) {
            scale = 0f;
        } else {
            inverse = 1f / scale;
        }
        int[] halves = new int[2];
        for (int i = 0; i < BLOCK; i++) {
            int code = 0;
            if (inverse > 0f) {
                code = (int) Math.rint(a.values().getAtIndex(JAVA_FLOAT, first + i) * inverse);
            }
            a.codes().set(JAVA_BYTE, block * BLOCK + i, (byte) code);
            halves[i / (BLOCK / 2)] += code;
        }
        int sum = halves[0] + halves[1];
        a.scales().setAtIndex(JAVA_FLOAT, block, scale);
        a.sums().setAtIndex(JAVA_INT, block, sum);
        a.halfSums().setAtIndex(JAVA_SHORT, 2 * block, (short) halves[0]);
        a.halfSums().setAtIndex(JAVA_SHORT, 2 * block + 1, (short) halves[1]);
        a.scaledSums().setAtIndex(JAVA_FLOAT, block, scale * (float) sum);
    }

    @Override
    public void multiply(
            PackedMatrix weights,
            Activations x,
            int rows,
            MemorySegment out,
            long outStride,
            boolean add,
            int panelFrom,
            int panelTo) {
        int last = Math.min(panelTo * LANES, weights.rows());
        for (int row = 0; row < rows; row++) {
            for (int output = panelFrom * LANES; output < last; output++) {
                float sum = weights.layout().quantized()
                        ? quantizedDot(weights, output, x, rows, row)
                        : floatDot(weights, output, x, row);
                long at = row * outStride + output;
                out.setAtIndex(JAVA_FLOAT, at, add ? out.getAtIndex(JAVA_FLOAT, at) + sum : sum);
            }
        }
    }

    private static float floatDot(PackedMatrix weights, int output, Activations x, int row) {
        float acc = 0f;
        for (int k = 0; k < weights.columns(); k++) {
            acc = Math.fma(
                    weights.weight(output, k),
                    x.values().getAtIndex(JAVA_FLOAT, (long) row * weights.columns() + k),
                    acc);
        }
        return acc;
    }

    private static float quantizedDot(PackedMatrix weights, int output, Activations x, int rows, int row) {
        int blocks = weights.columns() / BLOCK;
        boolean halves = weights.layout().integers() == 2;
        float acc = 0f;
        for (int b = 0; b < blocks; b++) {
            long block = (long) b * rows + row;
            acc = halves ? addHalves(acc, weights, output, b, x, block) : addBlock(acc, weights, output, b, x, block);
        }
        return acc;
    }

    private static float addBlock(float acc, PackedMatrix weights, int output, int b, Activations x, long block) {
        // Exact, as are the dot product and its conversion: at most 32 * 128 * 127.
        float scaleW = weights.scale(output, b) * weights.integerScale(output, b * BLOCK);
        float scaleX = x.scales().getAtIndex(JAVA_FLOAT, block);
        int dot = dot(weights, output, b * BLOCK, BLOCK, x, block * BLOCK);
        float sum = Math.fma(scaleW * scaleX, (float) dot, acc);
        if (!weights.layout().hasMinima()) {
            return sum;
        }
        float minimumW = weights.minimum(output, b) * weights.integerMinimum(output, b * BLOCK);
        return Math.fma(minimumW, x.scaledSums().getAtIndex(JAVA_FLOAT, block), sum);
    }

    /** As {@link #addBlock}, with integer scales and minima of half blocks. */
    private static float addHalves(float acc, PackedMatrix weights, int output, int b, Activations x, long block) {
        // No more than 2 * 128 * (16 * 32 * 127), for there are no codes beyond -32..31: a little less than 2^24, and
        // exact.
        int dot = 0;
        int minima = 0;
        for (int half = 0; half < 2; half++) {
            int k = b * BLOCK + half * (BLOCK / 2);
            int halfDot = dot(weights, output, k, BLOCK / 2, x, block * BLOCK + half * (BLOCK / 2L));
            dot += weights.integerScale(output, k) * halfDot;
            if (weights.layout().hasMinima()) {
                minima += weights.integerMinimum(output, k) * x.halfSums().getAtIndex(JAVA_SHORT, 2 * block + half);
            }
        }
        float scaleX = x.scales().getAtIndex(JAVA_FLOAT, block);
        float sum = Math.fma(weights.scale(output, b) * scaleX, (float) dot, acc);
        return weights.layout().hasMinima() ? Math.fma(weights.minimum(output, b) * scaleX, (float) minima, sum) : sum;
    }

    private static int dot(PackedMatrix weights, int output, int k, int count, Activations x, long first) {
        int dot = 0;
        for (int i = 0; i < count; i++) {
            dot += weights.code(output, k + i) * x.codes().get(JAVA_BYTE, first + i);
        }
        return dot;
    }

    @Override
    public void addBias(MemorySegment out, long outStride, MemorySegment bias, int rows, int columnFrom, int columnTo) {
        for (int row = 0; row < rows; row++) {
            for (int k = columnFrom; k < columnTo; k++) {
                long at = row * outStride + k;
                out.setAtIndex(JAVA_FLOAT, at, out.getAtIndex(JAVA_FLOAT, at) + bias.getAtIndex(JAVA_FLOAT, k));
            }
        }
    }

    @Override
    public void add(MemorySegment x, MemorySegment y, long from, long to) {
        for (long i = from; i < to; i++) {
            x.setAtIndex(JAVA_FLOAT, i, x.getAtIndex(JAVA_FLOAT, i) + y.getAtIndex(JAVA_FLOAT, i));
        }
    }

    @Override
    public void rotate(
            MemorySegment x, long stride, int headDim, MemorySegment rotary, int rows, int columnFrom, int columnTo) {
        for (int row = 0; row < rows; row++) {
            for (int k = columnFrom; k < columnTo; k += 2) {
                long angle = (long) row * headDim + k % headDim;
                float cos = rotary.getAtIndex(JAVA_FLOAT, angle);
                float sin = rotary.getAtIndex(JAVA_FLOAT, angle + 1);
                long at = row * stride + k;
                float a = x.getAtIndex(JAVA_FLOAT, at);
                float b = x.getAtIndex(JAVA_FLOAT, at + 1);
                x.setAtIndex(JAVA_FLOAT, at, Math.fma(a, cos, -(b * sin)));
                x.setAtIndex(JAVA_FLOAT, at + 1, Math.fma(a, sin, b * cos));
            }
        }
    }

    @Override
    public void storeKeys(
            MemorySegment keys,
            AttentionShape shape,
            KvLayer layer,
            int firstSlot,
            int rows,
            int columnFrom,
            int columnTo) {
        int headDim = shape.headDim();
        for (int row = 0; row < rows; row++) {
            for (int k = columnFrom; k < columnTo; k++) {
                long to = ScalarAttention.keyIndex(layer, headDim, k / headDim, firstSlot + row, k % headDim);
                long from = (long) row * shape.kvHeads() * headDim + k;
                put(layer.keys(), layer.format(), to, keys.getAtIndex(JAVA_FLOAT, from));
            }
        }
    }

    @Override
    public void storeValues(
            MemorySegment values,
            AttentionShape shape,
            KvLayer layer,
            int firstSlot,
            int rows,
            int columnFrom,
            int columnTo) {
        int headDim = shape.headDim();
        for (int row = 0; row < rows; row++) {
            for (int k = columnFrom; k < columnTo; k++) {
                long to = ScalarAttention.valueIndex(layer, headDim, k / headDim, firstSlot + row, k % headDim);
                long from = (long) row * shape.kvHeads() * headDim + k;
                put(layer.values(), layer.format(), to, values.getAtIndex(JAVA_FLOAT, from));
            }
        }
    }

    private static void put(MemorySegment target, CacheFormat format, long index, float value) {
        switch (format) {
            case F16 -> target.setAtIndex(JAVA_SHORT, index, Float.floatToFloat16(value));
            case F32 -> target.setAtIndex(JAVA_FLOAT, index, value);
        }
    }

    @Override
    public void attend(Attention attention, MemorySegment out, MemorySegment scratch, int itemFrom, int itemTo) {
        for (int item = itemFrom; item < itemTo; item++) {
            ScalarAttention query = new ScalarAttention(attention, item);
            float[] promptScores = query.promptScores();
            float[] scores = new float[query.positions()];
            for (int position = query.first(); position < scores.length; position++) {
                scores[position] = query.score(query.slot(position));
            }
            float maximum = ScalarAttention.maximum(promptScores, 0, Float.NEGATIVE_INFINITY);
            maximum = ScalarAttention.maximum(scores, query.first(), maximum);
            ScalarAttention.Sums totals =
                    new ScalarAttention.Sums(attention.shape().headDim());
            if (query.seesPrompts()) {
                totals.add(query.promptSums(promptScores, maximum));
            }
            for (int block = query.firstBlock(); block < query.endBlock(); block++) {
                int from = query.from(block);
                totals.add(query.sums(from, Arrays.copyOfRange(scores, from, query.to(block)), maximum));
            }
            totals.divide(out, query.at());
        }
    }

    @Override
    public void attendScores(Attention attention, PositionSplit split, int part) {
        int from = split.from(part) * AttentionShape.POSITIONS_PER_BLOCK;
        int to = split.to(part) * AttentionShape.POSITIONS_PER_BLOCK;
        for (int item = 0; item < attention.items(); item++) {
            ScalarAttention query = new ScalarAttention(attention, item);
            float maximum = Float.NEGATIVE_INFINITY;
            for (int position = query.first(); position < query.positions(); position++) {
                int slot = query.slot(position);
                if (slot >= from && slot < to) {
                    float score = query.score(slot);
                    split.scores().setAtIndex(JAVA_FLOAT, split.scoresOf(item) + slot, score);
                    maximum = score > maximum ? score : maximum;
                }
            }
            split.setMaximum(item, part, maximum);
        }
    }

    @Override
    public void attendBlocks(Attention attention, PositionSplit split, MemorySegment scratch, int part) {
        int headDim = attention.shape().headDim();
        for (int item = 0; item < attention.items(); item++) {
            ScalarAttention query = new ScalarAttention(attention, item);
            float[] promptScores = query.promptScores();
            float maximum = ScalarAttention.maximum(promptScores, 0, split.maximum(item));
            if (part == 0 && query.seesPrompts()) {
                query.promptSums(promptScores, maximum)
                        .store(split.partial(), split.partialOf(item, PositionSplit.PROMPTS, headDim));
            }
            int end = Math.min(split.to(part), query.endBlock());
            for (int block = Math.max(split.from(part), query.firstBlock()); block < end; block++) {
                int from = query.from(block);
                float[] scores = new float[query.to(block) - from];
                for (int i = 0; i < scores.length; i++) {
                    scores[i] = split.scores().getAtIndex(JAVA_FLOAT, split.scoresOf(item) + query.slot(from + i));
                }
                query.sums(from, scores, maximum).store(split.partial(), split.partialOf(item, block, headDim));
            }
        }
    }

    @Override
    public void attendTotals(Attention attention, PositionSplit split, MemorySegment out, int itemFrom, int itemTo) {
        int headDim = attention.shape().headDim();
        for (int item = itemFrom; item < itemTo; item++) {
            ScalarAttention query = new ScalarAttention(attention, item);
            ScalarAttention.Sums totals = new ScalarAttention.Sums(headDim);
            if (query.seesPrompts()) {
                totals.add(partial(split, item, PositionSplit.PROMPTS, headDim));
            }
            for (int block = query.firstBlock(); block < query.endBlock(); block++) {
                totals.add(partial(split, item, block, headDim));
            }
            totals.divide(out, query.at());
        }
    }

    private static ScalarAttention.Sums partial(PositionSplit split, int item, int block, int headDim) {
        return ScalarAttention.Sums.load(split.partial(), split.partialOf(item, block, headDim), headDim);
    }

    @Override
    public void activateGated(Activation activation, MemorySegment gate, MemorySegment up, long from, long to) {
        for (long i = from; i < to; i++) {
            float activated = ScalarMath.activate(activation, gate.getAtIndex(JAVA_FLOAT, i));
            gate.setAtIndex(JAVA_FLOAT, i, activated * up.getAtIndex(JAVA_FLOAT, i));
        }
    }

    @Override
    public void activate(Activation activation, MemorySegment x, long from, long to) {
        for (long i = from; i < to; i++) {
            x.setAtIndex(JAVA_FLOAT, i, ScalarMath.activate(activation, x.getAtIndex(JAVA_FLOAT, i)));
        }
    }

    @Override
    public void cap(MemorySegment x, float cap, long from, long to) {
        for (long i = from; i < to; i++) {
            x.setAtIndex(JAVA_FLOAT, i, ScalarMath.cap(x.getAtIndex(JAVA_FLOAT, i), cap));
        }
    }

    @Override
    public int argmax(MemorySegment x, int count) {
        int best = 0;
        float maximum = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            float v = x.getAtIndex(JAVA_FLOAT, i);
            if (v > maximum) {
                maximum = v;
                best = i;
            } else if (Float.isNaN(v)) {
                return -1;
            }
        }
        return best;
    }

    @Override
    public boolean largest(MemorySegment x, int count, int most, MemorySegment indices, MemorySegment values) {
        for (int i = 0; i < most; i++) {
            values.setAtIndex(JAVA_FLOAT, i, Float.NEGATIVE_INFINITY);
        }
        boolean finite = true;
        for (int i = 0; i < count; i++) {
            float v = x.getAtIndex(JAVA_FLOAT, i);
            finite &= Float.isFinite(v);
            if (v > values.getAtIndex(JAVA_FLOAT, most - 1)) {
                insert(i, v, most, indices, values);
            }
        }
        return finite;
    }

    /** Inserts what is above the least of a descending list. */
    private static void insert(int index, float value, int most, MemorySegment indices, MemorySegment values) {
        int at = most - 1;
        for (; at > 0 && values.getAtIndex(JAVA_FLOAT, at - 1) < value; at--) {
            values.setAtIndex(JAVA_FLOAT, at, values.getAtIndex(JAVA_FLOAT, at - 1));
            indices.setAtIndex(JAVA_INT, at, indices.getAtIndex(JAVA_INT, at - 1));
        }
        values.setAtIndex(JAVA_FLOAT, at, value);
        indices.setAtIndex(JAVA_INT, at, index);
    }

    @Override
    public float exponentialSum(MemorySegment x, int count, float maximum) {
        float[] lanes = new float[LANES];
        for (int i = 0; i < count; i++) {
            lanes[i % LANES] += ScalarMath.exp(x.getAtIndex(JAVA_FLOAT, i) - maximum);
        }
        return sum(lanes);
    }
}
