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
        for (int half = LANES / 2; half > 0; half /= 2) {
            for (int l = 0; l < half; l++) {
                lanes[l] += lanes[l + half];
            }
        }
        return 1f / (float) Math.sqrt(lanes[0] / columns + epsilon);
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
        int sum = 0;
        for (int i = 0; i < BLOCK; i++) {
            int code = 0;
            if (inverse > 0f) {
                code = (int) Math.rint(a.values().getAtIndex(JAVA_FLOAT, first + i) * inverse);
            }
            a.codes().set(JAVA_BYTE, block * BLOCK + i, (byte) code);
            sum += code;
        }
        a.scales().setAtIndex(JAVA_FLOAT, block, scale);
        a.sums().setAtIndex(JAVA_INT, block, sum);
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
        float acc = 0f;
        for (int b = 0; b < blocks; b++) {
            long block = (long) b * rows + row;
            int dot = 0;
            for (int i = 0; i < BLOCK; i++) {
                dot += weights.code(output, b * BLOCK + i) * x.codes().get(JAVA_BYTE, block * BLOCK + i);
            }
            float scale = x.scales().getAtIndex(JAVA_FLOAT, block);
            acc = Math.fma(weights.scale(output, b) * scale, (float) dot, acc);
            if (weights.layout() == Layout.Q4_MIN) {
                float scaledSum = x.scaledSums().getAtIndex(JAVA_FLOAT, block);
                acc = Math.fma(weights.minimum(output, b), scaledSum, acc);
            }
        }
        return acc;
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
                long to = keyIndex(layer, headDim, k / headDim, firstSlot + row, k % headDim);
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
                long to = valueIndex(layer, headDim, k / headDim, firstSlot + row, k % headDim);
                long from = (long) row * shape.kvHeads() * headDim + k;
                put(layer.values(), layer.format(), to, values.getAtIndex(JAVA_FLOAT, from));
            }
        }
    }

    private static long keyIndex(KvLayer layer, int headDim, int head, int slot, int d) {
        long panel = (long) head * (layer.slots() / LANES) + slot / LANES;
        return (panel * headDim + d) * LANES + slot % LANES;
    }

    private static long valueIndex(KvLayer layer, int headDim, int head, int slot, int d) {
        return ((long) head * layer.slots() + slot) * headDim + d;
    }

    private static void put(MemorySegment target, CacheFormat format, long index, float value) {
        switch (format) {
            case F16 -> target.setAtIndex(JAVA_SHORT, index, Float.floatToFloat16(value));
            case F32 -> target.setAtIndex(JAVA_FLOAT, index, value);
        }
    }

    private static float get(MemorySegment source, CacheFormat format, long index) {
        return switch (format) {
            case F16 -> Float.float16ToFloat(source.getAtIndex(JAVA_SHORT, index));
            case F32 -> source.getAtIndex(JAVA_FLOAT, index);
        };
    }

    @Override
    public void attend(
            MemorySegment query,
            int rows,
            AttentionShape shape,
            KvLayer layer,
            PromptLayer prompt,
            Visibility visibility,
            MemorySegment out,
            MemorySegment scratch,
            int itemFrom,
            int itemTo) {
        for (int item = itemFrom; item < itemTo; item++) {
            attendHead(query, shape, layer, prompt, visibility, out, shape.row(item, rows), shape.head(item, rows));
        }
    }

    private static void attendHead(
            MemorySegment query,
            AttentionShape shape,
            KvLayer layer,
            PromptLayer prompt,
            Visibility visibility,
            MemorySegment out,
            int row,
            int head) {
        int headDim = shape.headDim();
        int kvHead = head / shape.group();
        int prefix = visibility.prefix().getAtIndex(JAVA_INT, row);
        int pathStart = visibility.pathStart().getAtIndex(JAVA_INT, row);
        int path = visibility.pathStart().getAtIndex(JAVA_INT, row + 1L) - pathStart;
        int prompts = visibility.prompted().getAtIndex(JAVA_INT, row) == 1 ? prompt.prompts() : 0;
        long q = ((long) row * shape.heads() + head) * headDim;

        float[] promptWeights = new float[prompts];
        float[] weights = new float[prefix + path];
        int[] slots = new int[prefix + path];
        float maximum = Float.NEGATIVE_INFINITY;
        for (int p = 0; p < prompts; p++) {
            int panels = (prompt.prompts() + LANES - 1) / LANES;
            float acc = 0f;
            for (int d = 0; d < headDim; d++) {
                long at = (((long) head * panels + p / LANES) * headDim + d) * LANES + p % LANES;
                acc = Math.fma(
                        query.getAtIndex(JAVA_FLOAT, q + d), prompt.keys().getAtIndex(JAVA_FLOAT, at), acc);
            }
            promptWeights[p] = acc * shape.scale();
            maximum = promptWeights[p] > maximum ? promptWeights[p] : maximum;
        }
        for (int position = 0; position < weights.length; position++) {
            slots[position] = position < prefix
                    ? position
                    : visibility.path().getAtIndex(JAVA_INT, (long) pathStart + position - prefix);
            float acc = 0f;
            for (int d = 0; d < headDim; d++) {
                float key = get(layer.keys(), layer.format(), keyIndex(layer, headDim, kvHead, slots[position], d));
                acc = Math.fma(query.getAtIndex(JAVA_FLOAT, q + d), key, acc);
            }
            weights[position] = acc * shape.scale();
            maximum = weights[position] > maximum ? weights[position] : maximum;
        }

        float total = 0f;
        float[] totals = new float[headDim];
        float[] sums = new float[headDim];
        float sum = 0f;
        for (int p = 0; p < prompts; p++) {
            float weight = ScalarMath.exp(promptWeights[p] - maximum);
            sum += weight;
            for (int d = 0; d < headDim; d++) {
                long at = ((long) head * prompt.prompts() + p) * headDim + d;
                sums[d] = Math.fma(weight, prompt.values().getAtIndex(JAVA_FLOAT, at), sums[d]);
            }
        }
        if (prompts > 0) {
            total += sum;
            addTo(totals, sums);
        }
        for (int first = 0; first < weights.length; first += AttentionShape.POSITIONS_PER_BLOCK) {
            sum = 0f;
            Arrays.fill(sums, 0f);
            int end = Math.min(first + AttentionShape.POSITIONS_PER_BLOCK, weights.length);
            for (int position = first; position < end; position++) {
                float weight = ScalarMath.exp(weights[position] - maximum);
                sum += weight;
                for (int d = 0; d < headDim; d++) {
                    long at = valueIndex(layer, headDim, kvHead, slots[position], d);
                    sums[d] = Math.fma(weight, get(layer.values(), layer.format(), at), sums[d]);
                }
            }
            total += sum;
            addTo(totals, sums);
        }
        for (int d = 0; d < headDim; d++) {
            out.setAtIndex(JAVA_FLOAT, q + d, totals[d] / total);
        }
    }

    private static void addTo(float[] totals, float[] sums) {
        for (int d = 0; d < totals.length; d++) {
            totals[d] += sums[d];
        }
    }

    @Override
    public void swiglu(MemorySegment gate, MemorySegment up, long from, long to) {
        for (long i = from; i < to; i++) {
            float g = gate.getAtIndex(JAVA_FLOAT, i);
            float silu = g / (1f + ScalarMath.exp(-g));
            gate.setAtIndex(JAVA_FLOAT, i, silu * up.getAtIndex(JAVA_FLOAT, i));
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
    public void exponentials(MemorySegment x, int count, float maximum, float factor, MemorySegment out) {
        for (int i = 0; i < count; i++) {
            out.setAtIndex(JAVA_FLOAT, i, ScalarMath.exp((x.getAtIndex(JAVA_FLOAT, i) - maximum) * factor));
        }
    }
}
