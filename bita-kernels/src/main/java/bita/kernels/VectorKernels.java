package bita.kernels;

import static bita.kernels.VectorLanes.FLOATS;
import static bita.kernels.VectorLanes.ORDER;
import static bita.kernels.VectorLanes.WIDTH;
import static bita.kernels.VectorLanes.broadcast;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The kernels with the Vector API. Those that take little of a forward pass's time are the definition's own. */
final class VectorKernels implements Kernels {
    private static final int LANES = Layout.LANES;

    private final ScalarKernels definition = new ScalarKernels();

    @Override
    public Backend backend() {
        return Backend.VECTOR;
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
        int whole = FLOATS.loopBound(columns);
        for (int row = rowFrom; row < rowTo; row++) {
            long base = (long) row * columns;
            for (int lane = 0; lane < LANES; lane += WIDTH) {
                FloatVector sum = FloatVector.zero(FLOATS);
                for (int k = lane; k < whole; k += LANES) {
                    FloatVector v = VectorLanes.load(x, (base + k) * Float.BYTES);
                    sum = v.fma(v, sum);
                }
                sum.intoArray(lanes, lane);
            }
            for (int k = whole; k < columns; k++) {
                float v = x.getAtIndex(JAVA_FLOAT, base + k);
                lanes[k % LANES] = Math.fma(v, v, lanes[k % LANES]);
            }
            float scale = ScalarKernels.rmsScale(lanes, columns, epsilon);
            for (int k = 0; k < whole; k += WIDTH) {
                long at = (base + k) * Float.BYTES;
                VectorLanes.load(x, at)
                        .mul(scale)
                        .mul(VectorLanes.load(weight, (long) k * Float.BYTES))
                        .intoMemorySegment(out, at, ORDER);
            }
            for (int k = whole; k < columns; k++) {
                float v = x.getAtIndex(JAVA_FLOAT, base + k) * scale * weight.getAtIndex(JAVA_FLOAT, k);
                out.setAtIndex(JAVA_FLOAT, base + k, v);
            }
        }
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
        int whole = FLOATS.loopBound(columns);
        for (int row = rowFrom; row < rowTo; row++) {
            long base = (long) row * columns;
            for (int lane = 0; lane < LANES; lane += WIDTH) {
                FloatVector sum = FloatVector.zero(FLOATS);
                for (int k = lane; k < whole; k += LANES) {
                    sum = sum.add(VectorLanes.load(x, (base + k) * Float.BYTES));
                }
                sum.intoArray(lanes, lane);
            }
            for (int k = whole; k < columns; k++) {
                lanes[k % LANES] += x.getAtIndex(JAVA_FLOAT, base + k);
            }
            float mean = ScalarKernels.mean(lanes, columns);
            for (int lane = 0; lane < LANES; lane += WIDTH) {
                FloatVector sum = FloatVector.zero(FLOATS);
                for (int k = lane; k < whole; k += LANES) {
                    FloatVector d =
                            VectorLanes.load(x, (base + k) * Float.BYTES).sub(mean);
                    sum = d.fma(d, sum);
                }
                sum.intoArray(lanes, lane);
            }
            for (int k = whole; k < columns; k++) {
                float d = x.getAtIndex(JAVA_FLOAT, base + k) - mean;
                lanes[k % LANES] = Math.fma(d, d, lanes[k % LANES]);
            }
            float scale = ScalarKernels.rmsScale(lanes, columns, epsilon);
            for (int k = 0; k < whole; k += WIDTH) {
                long at = (base + k) * Float.BYTES;
                VectorLanes.load(x, at)
                        .sub(mean)
                        .mul(scale)
                        .fma(
                                VectorLanes.load(weight, (long) k * Float.BYTES),
                                VectorLanes.load(bias, (long) k * Float.BYTES))
                        .intoMemorySegment(out, at, ORDER);
            }
            for (int k = whole; k < columns; k++) {
                float d = (x.getAtIndex(JAVA_FLOAT, base + k) - mean) * scale;
                float v = Math.fma(d, weight.getAtIndex(JAVA_FLOAT, k), bias.getAtIndex(JAVA_FLOAT, k));
                out.setAtIndex(JAVA_FLOAT, base + k, v);
            }
        }
    }

    @Override
    public void quantize(Activations activations, int rows, int rowFrom, int rowTo, int blockFrom, int blockTo) {
        definition.quantize(activations, rows, rowFrom, rowTo, blockFrom, blockTo);
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
        new VectorProducts(weights, x, rows, out, outStride, add).multiply(panelFrom, panelTo);
    }

    @Override
    public void addBias(MemorySegment out, long outStride, MemorySegment bias, int rows, int columnFrom, int columnTo) {
        definition.addBias(out, outStride, bias, rows, columnFrom, columnTo);
    }

    @Override
    public void add(MemorySegment x, MemorySegment y, long from, long to) {
        definition.add(x, y, from, to);
    }

    @Override
    public void rotate(
            MemorySegment x, long stride, int headDim, MemorySegment rotary, int rows, int columnFrom, int columnTo) {
        definition.rotate(x, stride, headDim, rotary, rows, columnFrom, columnTo);
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
        definition.storeKeys(keys, shape, layer, firstSlot, rows, columnFrom, columnTo);
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
        definition.storeValues(values, shape, layer, firstSlot, rows, columnFrom, columnTo);
    }

    @Override
    public void attend(Attention attention, MemorySegment out, MemorySegment scratch, int itemFrom, int itemTo) {
        for (int item = itemFrom; item < itemTo; item++) {
            new VectorAttention(attention, item, scratch).attend(out);
        }
    }

    @Override
    public void attendScores(Attention attention, PositionSplit split, int part) {
        int from = split.from(part) * AttentionShape.POSITIONS_PER_BLOCK;
        int to = split.to(part) * AttentionShape.POSITIONS_PER_BLOCK;
        for (int item = 0; item < attention.items(); item++) {
            VectorAttention query = new VectorAttention(attention, item, MemorySegment.NULL);
            split.setMaximum(item, part, query.score(from, to, split.scores(), split.scoresOf(item)));
        }
    }

    @Override
    public void attendBlocks(Attention attention, PositionSplit split, MemorySegment scratch, int part) {
        int headDim = attention.shape().headDim();
        for (int item = 0; item < attention.items(); item++) {
            VectorAttention query = new VectorAttention(attention, item, scratch);
            float maximum = query.scorePrompts(split.maximum(item));
            if (part == 0 && query.seesPrompts()) {
                query.storePromptSums(maximum, split.partial(), split.partialOf(item, PositionSplit.PROMPTS, headDim));
            }
            int end = Math.min(split.to(part), query.endBlock());
            for (int block = Math.max(split.from(part), query.firstBlock()); block < end; block++) {
                query.storeSums(
                        block,
                        maximum,
                        split.scores(),
                        split.scoresOf(item),
                        split.partial(),
                        split.partialOf(item, block, headDim));
            }
        }
    }

    @Override
    public void attendTotals(Attention attention, PositionSplit split, MemorySegment out, int itemFrom, int itemTo) {
        definition.attendTotals(attention, split, out, itemFrom, itemTo);
    }

    @Override
    public void activateGated(Activation activation, MemorySegment gate, MemorySegment up, long from, long to) {
        long i = from;
        for (; i + WIDTH <= to; i += WIDTH) {
            long at = i * Float.BYTES;
            VectorLanes.activate(activation, VectorLanes.load(gate, at))
                    .mul(VectorLanes.load(up, at))
                    .intoMemorySegment(gate, at, ORDER);
        }
        definition.activateGated(activation, gate, up, i, to);
    }

    @Override
    public void activate(Activation activation, MemorySegment x, long from, long to) {
        long i = from;
        for (; i + WIDTH <= to; i += WIDTH) {
            long at = i * Float.BYTES;
            VectorLanes.activate(activation, VectorLanes.load(x, at)).intoMemorySegment(x, at, ORDER);
        }
        definition.activate(activation, x, i, to);
    }

    @Override
    public void cap(MemorySegment x, float cap, long from, long to) {
        long i = from;
        for (; i + WIDTH <= to; i += WIDTH) {
            long at = i * Float.BYTES;
            VectorLanes.tanh(VectorLanes.load(x, at).div(cap)).mul(cap).intoMemorySegment(x, at, ORDER);
        }
        definition.cap(x, cap, i, to);
    }

    @Override
    public int argmax(MemorySegment x, int count) {
        return definition.argmax(x, count);
    }

    @Override
    public boolean largest(MemorySegment x, int count, int most, MemorySegment indices, MemorySegment values) {
        return definition.largest(x, count, most, indices, values);
    }

    @Override
    public float exponentialSum(MemorySegment x, int count, float maximum) {
        float[] lanes = new float[LANES];
        int whole = FLOATS.loopBound(count);
        FloatVector offset = broadcast(maximum);
        for (int lane = 0; lane < LANES; lane += WIDTH) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int i = lane; i < whole; i += LANES) {
                sum = sum.add(VectorLanes.exp(
                        VectorLanes.load(x, (long) i * Float.BYTES).sub(offset)));
            }
            sum.intoArray(lanes, lane);
        }
        for (int i = whole; i < count; i++) {
            lanes[i % LANES] += ScalarMath.exp(x.getAtIndex(JAVA_FLOAT, i) - maximum);
        }
        return ScalarKernels.sum(lanes);
    }
}
