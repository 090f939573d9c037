package bita.kernels;

import static bita.kernels.VectorLanes.FLOATS;
import static bita.kernels.VectorLanes.ORDER;
import static bita.kernels.VectorLanes.WIDTH;
import static bita.kernels.VectorLanes.broadcast;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** One (row, head) of {@link Kernels#attend} with the Vector API. */
final class VectorAttention {
    private static final int LANES = Layout.LANES;

    private final int headDim;
    private final float scale;
    private final MemorySegment query;
    private final MemorySegment out;
    private final KvLayer layer;
    private final int kvHead;
    private final int prefix;
    private final MemorySegment path;
    private final int positions;
    private final MemorySegment scratch;

    /**
     * @param query f32 (headDim) and what follows
     * @param out   f32 (headDim) and what follows
     * @param path  the row's slots behind its prefix
     */
    VectorAttention(
            AttentionShape shape,
            MemorySegment query,
            MemorySegment out,
            KvLayer layer,
            int kvHead,
            int prefix,
            MemorySegment path,
            int pathLength,
            MemorySegment scratch) {
        this.headDim = shape.headDim();
        this.scale = shape.scale();
        this.query = query;
        this.out = out;
        this.layer = layer;
        this.kvHead = kvHead;
        this.prefix = prefix;
        this.path = path;
        this.positions = prefix + pathLength;
        this.scratch = scratch;
    }

    /** Scratch memory holds the weights of the prompt tokens, padded to whole lanes, then those of the positions. */
    void attend(PromptLayer prompt, int head) {
        int prompts = prompt.prompts();
        int promptPanels = (prompts + LANES - 1) / LANES;
        long promptKeys = (long) head * promptPanels * headDim * LANES;
        int first = promptPanels * LANES;
        score(prompt.keys(), CacheFormat.F32, promptKeys, prompts, 0);
        long keys = (long) kvHead * layer.slots() * headDim;
        score(layer.keys(), layer.format(), keys, positions == 0 ? 0 : slot(positions - 1) + 1, first);
        for (int position = prefix; position < positions; position++) { // slots ascend, none is overwritten too early
            scratch.setAtIndex(
                    JAVA_FLOAT, (long) first + position, scratch.getAtIndex(JAVA_FLOAT, (long) first + slot(position)));
        }
        float maximum = maximum(Float.NEGATIVE_INFINITY, 0, prompts);
        maximum = maximum(maximum, first, positions);
        weigh(maximum, 0, prompts);
        weigh(maximum, first, positions);

        float total = prompts > 0 ? sum(0, prompts) : 0f;
        for (int from = 0; from < positions; from += AttentionShape.POSITIONS_PER_BLOCK) {
            total += sum(first + from, first + blockEnd(from));
        }
        for (int d = 0; d < headDim; d += WIDTH) {
            FloatVector value = FloatVector.zero(FLOATS);
            if (prompts > 0) {
                value = value.add(promptValues(prompt, head, d));
            }
            for (int from = 0; from < positions; from += AttentionShape.POSITIONS_PER_BLOCK) {
                value = value.add(cachedValues(first, from, blockEnd(from), d));
            }
            value.div(total).intoMemorySegment(out, (long) d * Float.BYTES, ORDER);
        }
    }

    private int blockEnd(int from) {
        return Math.min(from + AttentionShape.POSITIONS_PER_BLOCK, positions);
    }

    private int slot(int position) {
        return position < prefix ? position : path.getAtIndex(JAVA_INT, (long) position - prefix);
    }

    private static FloatVector load(MemorySegment source, CacheFormat format, long index) {
        return switch (format) {
            case F16 -> VectorLanes.loadF16(source, index * Short.BYTES);
            case F32 -> VectorLanes.load(source, index * Float.BYTES);
        };
    }

    /** Writes the scores of {@code slots} slots, rounded up to whole panels, whose keys begin at an index. */
    private void score(MemorySegment keys, CacheFormat format, long keysFrom, int slots, int target) {
        for (int slot = 0; slot < slots; slot += LANES) {
            for (int lane = 0; lane < LANES; lane += WIDTH) {
                long at = keysFrom + (long) slot * headDim + lane;
                FloatVector sum = FloatVector.zero(FLOATS);
                for (int d = 0; d < headDim; d++) {
                    FloatVector q = broadcast(query.getAtIndex(JAVA_FLOAT, d));
                    sum = q.fma(load(keys, format, at + (long) d * LANES), sum);
                }
                sum.mul(scale).intoMemorySegment(scratch, ((long) target + slot + lane) * Float.BYTES, ORDER);
            }
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

    private FloatVector promptValues(PromptLayer prompt, int head, int d) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int p = 0; p < prompt.prompts(); p++) {
            long at = ((long) head * prompt.prompts() + p) * headDim + d;
            sum = broadcast(weight(p)).fma(VectorLanes.load(prompt.values(), at * Float.BYTES), sum);
        }
        return sum;
    }

    private FloatVector cachedValues(int first, int from, int to, int d) {
        long head = (long) kvHead * layer.slots();
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int position = from; position < to; position++) {
            FloatVector value = load(layer.values(), layer.format(), (head + slot(position)) * headDim + d);
            sum = broadcast(weight(first + position)).fma(value, sum);
        }
        return sum;
    }
}
