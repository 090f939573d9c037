package bita.kernels;

import static bita.kernels.VectorLanes.FLOATS;
import static bita.kernels.VectorLanes.ORDER;
import static bita.kernels.VectorLanes.WIDTH;
import static bita.kernels.VectorLanes.broadcast;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** One (row, head) of {@link Kernels#attend} with the Vector API. */
final class VectorAttention {
    private static final int LANES = Layout.LANES;

    private final ScalarAttention item;
    private final Attention attention;
    private final KvLayer layer;
    private final PromptLayer prompt;
    private final int headDim;
    private final int head;
    private final long keys; // index of the head's first key, and of its first value
    private final int positions;
    private final MemorySegment scratch;

    /** @param scratch f32, as for {@link Kernels#attend} */
    VectorAttention(Attention attention, int index, MemorySegment scratch) {
        this.attention = attention;
        this.scratch = scratch;
        item = new ScalarAttention(attention, index);
        layer = attention.layer();
        prompt = item.seesPrompts() ? attention.prompt() : PromptLayer.NONE;
        headDim = attention.shape().headDim();
        head = attention.shape().head(index, attention.rows());
        keys = (long) head / attention.shape().group() * layer.slots() * headDim;
        positions = item.positions();
    }

    /** Scratch memory holds the weights of the prompt tokens, padded to whole lanes, then those of the positions. */
    void attend(MemorySegment out) {
        int prompts = prompt.prompts();
        int first = promptPanels() * LANES;
        int seenFrom = item.first();
        scorePrompts();
        score(layer.keys(), layer.format(), keys, firstPanel(), endSlot(), scratch, first);
        for (int position = seenFrom; position < positions; position++) { // slots ascend, none is overwritten too early
            int slot = item.slot(position);
            if (slot != position) {
                scratch.setAtIndex(
                        JAVA_FLOAT, (long) first + position, scratch.getAtIndex(JAVA_FLOAT, (long) first + slot));
            }
        }
        float maximum = maximum(Float.NEGATIVE_INFINITY, 0, prompts);
        maximum = maximum(maximum, first + seenFrom, positions - seenFrom);
        weigh(maximum, 0, prompts);
        weigh(maximum, first + seenFrom, positions - seenFrom);

        float total = prompts > 0 ? sum(0, prompts) : 0f;
        for (int block = firstBlock(); block < endBlock(); block++) {
            total += sum(first + item.from(block), first + item.to(block));
        }
        for (int d = 0; d < headDim; d += WIDTH) {
            FloatVector value = FloatVector.zero(FLOATS);
            if (prompts > 0) {
                value = value.add(promptValues(d));
            }
            for (int block = firstBlock(); block < endBlock(); block++) {
                value = value.add(cachedValues(first, item.from(block), item.to(block), d));
            }
            value.div(total).intoMemorySegment(out, (item.at() + d) * Float.BYTES, ORDER);
        }
    }

    /** The first block of positions of which some are seen. */
    int firstBlock() {
        return item.firstBlock();
    }

    /** The end, exclusive, of such blocks. */
    int endBlock() {
        return item.endBlock();
    }

    /** The first slot of the first panel of which a slot is seen. */
    private int firstPanel() {
        return positions == 0 ? 0 : item.slot(item.first()) / LANES * LANES;
    }

    /** The end, exclusive, of the slots that are seen. */
    private int endSlot() {
        return positions == 0 ? 0 : item.slot(positions - 1) + 1;
    }

    /** Scores of the slots from..to - 1, whole panels, at an index of their own in {@code target}; the largest seen. */
    float score(int from, int to, MemorySegment target, long first) {
        float maximum = Float.NEGATIVE_INFINITY;
        int end = Math.min(endSlot(), to);
        score(layer.keys(), layer.format(), keys, Math.max(firstPanel(), from), end, target, first);
        for (int position = item.first(); position < positions; position++) {
            int slot = item.slot(position);
            if (slot >= from && slot < end) {
                float score = target.getAtIndex(JAVA_FLOAT, first + slot);
                maximum = score > maximum ? score : maximum;
            }
        }
        return maximum;
    }

    /** Computes the prompt tokens' scores; the largest of them and of {@code maximum}. */
    float scorePrompts(float maximum) {
        scorePrompts();
        return maximum(maximum, 0, prompt.prompts());
    }

    /** Sums over the prompt tokens after {@link #scorePrompts(float)}, in the place that {@link PositionSplit} has for them. */
    void storePromptSums(float maximum, MemorySegment to, long index) {
        weigh(maximum, 0, prompt.prompts());
        for (int d = 0; d < headDim; d += WIDTH) {
            promptValues(d).intoMemorySegment(to, (index + d) * Float.BYTES, ORDER);
        }
        to.setAtIndex(JAVA_FLOAT, index + headDim, sum(0, prompt.prompts()));
    }

    /** Sums over a block of positions, given the slots' scores, which begin at an index. */
    void storeSums(int block, float maximum, MemorySegment scores, long first, MemorySegment to, long index) {
        int from = item.from(block);
        int count = item.to(block) - from;
        for (int i = 0; i < count; i++) {
            scratch.setAtIndex(JAVA_FLOAT, i, scores.getAtIndex(JAVA_FLOAT, first + item.slot(from + i)));
        }
        weigh(maximum, 0, count);
        for (int d = 0; d < headDim; d += WIDTH) {
            cachedValues(-from, from, from + count, d).intoMemorySegment(to, (index + d) * Float.BYTES, ORDER);
        }
        to.setAtIndex(JAVA_FLOAT, index + headDim, sum(0, count));
    }

    boolean seesPrompts() {
        return prompt.prompts() > 0;
    }

    private int promptPanels() {
        return (prompt.prompts() + LANES - 1) / LANES;
    }

    private void scorePrompts() {
        long promptKeys = (long) head * promptPanels() * headDim * LANES;
        score(prompt.keys(), CacheFormat.F32, promptKeys, 0, prompt.prompts(), scratch, 0);
    }

    private static FloatVector load(MemorySegment source, CacheFormat format, long index) {
        return switch (format) {
            case F16 -> VectorLanes.loadF16(source, index * Short.BYTES);
            case F32 -> VectorLanes.load(source, index * Float.BYTES);
        };
    }

    /** Writes the scores of the slots from..to - 1, rounded up to whole panels, of keys that begin at an index. */
    private void score(
            MemorySegment source,
            CacheFormat format,
            long keysFrom,
            int from,
            int to,
            MemorySegment target,
            long first) {
        float scale = attention.shape().scale();
        for (int slot = from; slot < to; slot += LANES) {
            for (int lane = 0; lane < LANES; lane += WIDTH) {
                long at = keysFrom + (long) slot * headDim + lane;
                FloatVector sum = FloatVector.zero(FLOATS);
                for (int d = 0; d < headDim; d++) {
                    FloatVector q = broadcast(attention.query().getAtIndex(JAVA_FLOAT, item.at() + d));
                    sum = q.fma(load(source, format, at + (long) d * LANES), sum);
                }
                sum.mul(scale).intoMemorySegment(target, (first + slot + lane) * Float.BYTES, ORDER);
            }
        }
        if (attention.shape().cap() > 0) {
            cap(target, first + from, first + to);
        }
    }

    /** Caps the scores from..to - 1, rounded up to whole vectors. */
    private void cap(MemorySegment scores, long from, long to) {
        float cap = attention.shape().cap();
        for (long i = from; i < to; i += WIDTH) {
            long at = i * Float.BYTES;
            VectorLanes.tanh(VectorLanes.load(scores, at).div(cap)).mul(cap).intoMemorySegment(scores, at, ORDER);
        }
    }

    private float maximum(float maximum, int from, int count) {
        for (int i = from; i < from + count; i++) {
            float score = scratch.getAtIndex(JAVA_FLOAT, i);
            maximum = score > maximum ? score : maximum;
        }
        return maximum;
    }

    private void weigh(float maximum, int from, int count) {
        for (int i = from; i < from + count; i += WIDTH) {
            long at = (long) i * Float.BYTES;
            FloatVector score = VectorLanes.load(scratch, at);
            VectorLanes.exp(score.sub(maximum)).intoMemorySegment(scratch, at, ORDER);
        }
    }

    private float weight(int index) {
        return scratch.getAtIndex(JAVA_FLOAT, index);
    }

    private float sum(int from, int to) {
        float sum = 0f;
        for (int i = from; i < to; i++) {
            sum += weight(i);
        }
        return sum;
    }

    private FloatVector promptValues(int d) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int p = 0; p < prompt.prompts(); p++) {
            long at = ((long) head * prompt.prompts() + p) * headDim + d;
            sum = broadcast(weight(p)).fma(VectorLanes.load(prompt.values(), at * Float.BYTES), sum);
        }
        return sum;
    }

    private FloatVector cachedValues(int first, int from, int to, int d) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int position = from; position < to; position++) {
            FloatVector value = load(layer.values(), layer.format(), keys + (long) item.slot(position) * headDim + d);
            sum = broadcast(weight(first + position)).fma(value, sum);
        }
        return sum;
    }
}
