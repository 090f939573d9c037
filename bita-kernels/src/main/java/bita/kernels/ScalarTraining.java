package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

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
    public void layerNormBackward(
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
            double mean = 0;
            for (int k = 0; k < columns; k++) {
                mean += get(x, base + k) / (double) columns;
            }
            double squares = 0;
            double sum = 0;
            double products = 0;
            for (int k = 0; k < columns; k++) {
                double deviation = get(x, base + k) - mean;
                double direct = (double) get(dy, base + k) * get(weight, k);
                squares += deviation * deviation;
                sum += direct;
                products += deviation * direct;
            }
            double scale = 1 / Math.sqrt(squares / columns + epsilon);
            for (int k = 0; k < columns; k++) {
                double deviation = get(x, base + k) - mean;
                double direct = (double) get(dy, base + k) * get(weight, k);
                add(dx, base + k, scale * (direct - (sum + deviation * scale * scale * products) / columns));
            }
        }
    }

    @Override
    public void activateGatedBackward(
            Activation activation, MemorySegment gate, MemorySegment up, MemorySegment d, long from, long to) {
        for (long i = from; i < to; i++) {
            double g = get(gate, i);
            double dGate = (double) get(d, i) * get(up, i) * slope(activation, g);
            set(up, i, get(d, i) * g * share(activation, g));
            set(gate, i, dGate);
        }
    }

    @Override
    public void activateBackward(Activation activation, MemorySegment x, MemorySegment d, long from, long to) {
        for (long i = from; i < to; i++) {
            set(x, i, get(d, i) * slope(activation, get(x, i)));
        }
    }

    /** An activation divided by its argument. */
    private static double share(Activation activation, double x) {
        return switch (activation) {
            case SILU -> 1 / (1 + Math.exp(-x));
            case GELU_TANH -> 1 / (1 + Math.exp(x * (ScalarMath.GELU_LINEAR + (double) ScalarMath.GELU_CUBIC * x * x)));
            case GELU_ERF -> {
                double beyond = ScalarMath.normalBeyond((float) x);
                yield x < 0 ? beyond : 1 - beyond;
            }
        };
    }

    private static double slope(Activation activation, double x) {
        double share = share(activation, x);
        return switch (activation) {
            case SILU -> share * (1 + x * (1 - share));
            case GELU_TANH -> {
                double inner = -ScalarMath.GELU_LINEAR - 3.0 * ScalarMath.GELU_CUBIC * x * x;
                yield share * (1 + x * (1 - share) * inner);
            }
            case GELU_ERF -> share + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
        };
    }

    @Override
    public void capBackward(MemorySegment capped, float cap, MemorySegment d, long from, long to) {
        for (long i = from; i < to; i++) {
            set(d, i, get(d, i) * capSlope(get(capped, i), cap));
        }
    }

    private static double capSlope(double capped, double cap) {
        return 1 - capped / cap * (capped / cap);
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
        int prefix = a.prefix().getAtIndex(JAVA_INT, group);
        int first = a.shape().firstSeen(prefix + mask + 1);
        List<Seen> seen = new ArrayList<>();
        for (int slot = first; slot < prefix; slot++) {
            seen.add(realToken(a, kvHead, slot));
        }
        for (int prompt = 0; prompt < a.prompts(); prompt++) {
            seen.add(promptToken(a, head, prompt));
        }
        for (int other = Math.max(first - prefix, 0); other <= mask; other++) {
            seen.add(maskToken(a, group, kvHead, other));
        }
        attendBackward(a, ((long) group * a.masks() + mask) * a.shape().heads() + head, seen);
    }

    /** For the query with an index among all rows' heads. */
    private static void attendBackward(MaskAttention a, long query, List<Seen> all) {
        int headDim = a.shape().headDim();
        float cap = a.shape().cap();
        long at = query * headDim;
        int count = all.size();
        double[] scores = new double[count];
        double[] weights = new double[count];
        double[] dWeights = new double[count];
        double maximum = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            Seen seen = all.get(i);
            for (int d = 0; d < headDim; d++) {
                scores[i] += (double) get(a.query(), at + d)
                        * get(seen.keys, seen.at + d)
                        * a.shape().scale();
                dWeights[i] += (double) get(a.dOut(), at + d) * get(seen.values, seen.at + d);
            }
            if (cap > 0) {
                scores[i] = cap * Math.tanh(scores[i] / cap);
            }
            maximum = Math.max(maximum, scores[i]);
        }
        double total = 0;
        for (int i = 0; i < count; i++) {
            weights[i] = Math.exp(scores[i] - maximum);
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
            if (cap > 0) {
                dScore *= capSlope(scores[i], cap);
            }
            Seen seen = all.get(i);
            for (int d = 0; d < headDim; d++) {
                dQuery[d] += dScore * get(seen.keys, seen.at + d);
                if (seen.learned) {
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
            MemorySegment keys,
            MemorySegment values,
            MemorySegment dKeys,
            MemorySegment dValues,
            boolean learned,
            long at) {}

    private static Seen realToken(MaskAttention a, int kvHead, int slot) {
        long row = ScalarAttention.valueIndex(a.layer(), a.shape().headDim(), kvHead, slot, 0);
        return new Seen(a.keyRows(), a.layer().values(), MemorySegment.NULL, MemorySegment.NULL, false, row);
    }

    private static Seen promptToken(MaskAttention a, int head, int prompt) {
        long at = ((long) prompt * a.shape().heads() + head) * a.shape().headDim();
        return new Seen(a.promptKeys(), a.promptValues(), a.dPromptKeys(), a.dPromptValues(), true, at);
    }

    private static Seen maskToken(MaskAttention a, int group, int kvHead, int mask) {
        long row = (long) group * a.masks() + mask;
        long at = (row * a.shape().kvHeads() + kvHead) * a.shape().headDim();
        return new Seen(a.maskKeys(), a.maskValues(), a.dMaskKeys(), a.dMaskValues(), true, at);
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
