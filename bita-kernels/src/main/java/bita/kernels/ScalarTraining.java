package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;

/** The definition of the kernels of tuning, as plain loops; sums in double, which other implementations approach. */
final class ScalarTraining implements TrainingKernels {
    private static final int LANES = Layout.LANES;
    private static final int BLOCK = Layout.BLOCK;

    private static float get(MemorySegment x, long index) {
        return x.getAtIndex(JAVA_FLOAT, index);
    }

    private static void set(MemorySegment x, long index, double value) {
        x.setAtIndex(JAVA_FLOAT, index, (float) value);
    }

    private static void add(MemorySegment x, long index, double value) {
        set(x, index, get(x, index) + value);
    }

    private static double weight(PackedMatrix w, int row, int column) {
        if (!w.layout().quantized()) {
            return w.weight(row, column);
        }
        int block = column / BLOCK;
        double minimum = w.layout().hasMinima() ? (double) w.minimum(row, block) * w.integerMinimum(row, column) : 0;
        return (double) w.scale(row, block) * w.integerScale(row, column) * w.code(row, column) + minimum;
    }

    @Override
    public void multiply(
            PackedMatrix weights,
            MemorySegment x,
            int rows,
            MemorySegment out,
            boolean add,
            MemorySegment scratch,
            int panelFrom,
            int panelTo) {
        int columns = weights.columns();
        for (int output = panelFrom * LANES; output < Math.min(panelTo * LANES, weights.rows()); output++) {
            for (long row = 0; row < rows; row++) {
                double sum = add ? get(out, row * weights.rows() + output) : 0;
                for (int k = 0; k < columns; k++) {
                    sum += weight(weights, output, k) * get(x, row * columns + k);
                }
                set(out, row * weights.rows() + output, sum);
            }
        }
    }

    @Override
    public void multiplyBackward(
            PackedMatrix weights,
            MemorySegment dy,
            int rows,
            MemorySegment dx,
            boolean add,
            MemorySegment scratch,
            int blockFrom,
            int blockTo) {
        int columns = weights.columns();
        for (int column = blockFrom * BLOCK; column < Math.min(blockTo * BLOCK, columns); column++) {
            for (long row = 0; row < rows; row++) {
                double sum = add ? get(dx, row * columns + column) : 0;
                for (int output = 0; output < weights.rows(); output++) {
                    sum += weight(weights, output, column) * get(dy, row * weights.rows() + output);
                }
                set(dx, row * columns + column, sum);
            }
        }
    }

    @Override
    public void addOuterProducts(
            MemorySegment left,
            int leftColumns,
            MemorySegment right,
            int rightColumns,
            int rows,
            MemorySegment out,
            int from,
            int to) {
        for (int l = from; l < to; l++) {
            for (int r = 0; r < rightColumns; r++) {
                double sum = 0;
                for (int row = 0; row < rows; row++) {
                    sum += (double) get(left, (long) row * leftColumns + l) * get(right, (long) row * rightColumns + r);
                }
                long at = (long) l * rightColumns + r;
                set(out, at, get(out, at) + sum);
            }
        }
    }

    @Override
    public void rmsNormBackward(
            MemorySegment x,
            MemorySegment weight,
            float epsilon,
            MemorySegment dy,
            MemorySegment dx,
            int columns,
            int rowFrom,
            int rowTo) {
        for (int row = rowFrom; row < rowTo; row++) {
            long base = (long) row * columns;
            double squares = 0;
            double products = 0;
            for (int k = 0; k < columns; k++) {
                double v = get(x, base + k);
                squares += v * v;
                products += v * get(dy, base + k) * get(weight, k);
            }
            double scale = 1 / Math.sqrt(squares / columns + epsilon);
            for (int k = 0; k < columns; k++) {
                double direct = (double) get(dy, base + k) * get(weight, k);
                add(dx, base + k, scale * (direct - get(x, base + k) * scale * scale * products / columns));
            }
        }
    }

    @Override
    public void swigluBackward(MemorySegment gate, MemorySegment up, MemorySegment d, long from, long to) {
        for (long i = from; i < to; i++) {
            double g = get(gate, i);
            double sigmoid = 1 / (1 + Math.exp(-g));
            double dGate = get(d, i) * get(up, i) * sigmoid * (1 + g * (1 - sigmoid));
            set(up, i, get(d, i) * g * sigmoid);
            set(gate, i, dGate);
        }
    }

    @Override
    public void turnCache(
            KvLayer layer,
            int headDim,
            int count,
            MemorySegment keyRows,
            MemorySegment valuePanels,
            int headFrom,
            int headTo) {
        for (int head = headFrom; head < headTo; head++) {
            for (int slot = 0; slot < count; slot++) {
                for (int d = 0; d < headDim; d++) {
                    long panel = ScalarAttention.keyIndex(layer, headDim, head, slot, d);
                    long row = ScalarAttention.valueIndex(layer, headDim, head, slot, d);
                    set(keyRows, row, get(layer.keys(), panel));
                    set(valuePanels, panel, get(layer.values(), row));
                }
            }
        }
    }

    @Override
    public void attendBackward(MaskAttention a, MemorySegment scratch, int kvHead, int groupFrom, int groupTo) {
        int perKvHead = a.shape().group();
        for (int group = groupFrom; group < groupTo; group++) {
            for (int mask = 0; mask < a.masks(); mask++) {
                for (int head = kvHead * perKvHead; head < (kvHead + 1) * perKvHead; head++) {
                    attendBackward(a, group, mask, head, kvHead);
                }
            }
        }
    }

    private static void attendBackward(MaskAttention a, int group, int mask, int head, int kvHead) {
        int headDim = a.shape().headDim();
        int prefix = a.prefix().getAtIndex(JAVA_INT, group);
        int count = prefix + a.prompts() + mask + 1;
        long row = (long) group * a.masks() + mask;
        long at = (row * a.shape().heads() + head) * headDim;
        double[] weights = new double[count];
        double[] dWeights = new double[count];
        double maximum = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            Seen seen = seen(a, group, head, kvHead, i - prefix, i);
            for (int d = 0; d < headDim; d++) {
                weights[i] += (double) get(a.query(), at + d)
                        * get(seen.keys, seen.at + d)
                        * a.shape().scale();
                dWeights[i] += (double) get(a.dOut(), at + d) * get(seen.values, seen.at + d);
            }
            maximum = Math.max(maximum, weights[i]);
        }
        double total = 0;
        for (int i = 0; i < count; i++) {
            weights[i] = Math.exp(weights[i] - maximum);
            total += weights[i];
        }
        double mean = 0;
        for (int i = 0; i < count; i++) {
            weights[i] /= total;
            mean += weights[i] * dWeights[i];
        }
        double[] dQuery = new double[headDim];
        for (int i = 0; i < count; i++) {
            double dScore = weights[i] * (dWeights[i] - mean) * a.shape().scale();
            Seen seen = seen(a, group, head, kvHead, i - prefix, i);
            for (int d = 0; d < headDim; d++) {
                dQuery[d] += dScore * get(seen.keys, seen.at + d);
                if (i >= prefix) {
                    add(seen.dKeys, seen.at + d, dScore * get(a.query(), at + d));
                    add(seen.dValues, seen.at + d, weights[i] * get(a.dOut(), at + d));
                }
            }
        }
        for (int d = 0; d < headDim; d++) {
            set(a.dQuery(), at + d, dQuery[d]);
        }
    }

    /** Where the key and the value of something seen lie, and their gradients if it is learned. */
    private record Seen(
            MemorySegment keys, MemorySegment values, MemorySegment dKeys, MemorySegment dValues, long at) {}

    private static Seen seen(MaskAttention a, int group, int head, int kvHead, int learned, int slot) {
        int headDim = a.shape().headDim();
        if (learned < 0) {
            long row = ScalarAttention.valueIndex(a.layer(), headDim, kvHead, slot, 0);
            return new Seen(a.keyRows(), a.layer().values(), MemorySegment.NULL, MemorySegment.NULL, row);
        }
        if (learned < a.prompts()) {
            long at = ((long) learned * a.shape().heads() + head) * headDim;
            return new Seen(a.promptKeys(), a.promptValues(), a.dPromptKeys(), a.dPromptValues(), at);
        }
        long row = (long) group * a.masks() + learned - a.prompts();
        long at = (row * a.shape().kvHeads() + kvHead) * headDim;
        return new Seen(a.maskKeys(), a.maskValues(), a.dMaskKeys(), a.dMaskValues(), at);
    }

    @Override
    public float softmax(MemorySegment x, int count) {
        double maximum = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            maximum = Math.max(maximum, get(x, i));
        }
        double total = 0;
        for (int i = 0; i < count; i++) {
            total += Math.exp(get(x, i) - maximum);
        }
        for (int i = 0; i < count; i++) {
            set(x, i, Math.exp(get(x, i) - maximum) / total);
        }
        return (float) (maximum + Math.log(total));
    }

    @Override
    public void combine(MemorySegment x, float a, MemorySegment y, float b, int count) {
        for (int i = 0; i < count; i++) {
            set(x, i, (double) get(x, i) * a + (double) get(y, i) * b);
        }
    }

    @Override
    public int countAbove(MemorySegment x, int count, float threshold) {
        int above = 0;
        for (int i = 0; i < count; i++) {
            above += get(x, i) > threshold ? 1 : 0;
        }
        return above;
    }
}
