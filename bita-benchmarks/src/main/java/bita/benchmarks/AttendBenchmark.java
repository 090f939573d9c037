package bita.benchmarks;

import bita.kernels.Attention;
import bita.kernels.AttentionShape;
import bita.kernels.CacheFormat;
import bita.kernels.Kernels;
import bita.kernels.KvLayer;
import bita.kernels.Layout;
import bita.kernels.PromptLayer;
import bita.kernels.Visibility;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** {@link Kernels#attend} on one thread: a chain of rows behind a context, one layer of the default model. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@SuppressWarnings("NullAway.Init") // the setup comes first
public class AttendBenchmark {
    private static final AttentionShape SHAPE = new AttentionShape(9, 3, 64, 0.125f);

    @Param({"1", "8", "32"})
    public int rows;

    /** Tokens in the cache. */
    @Param({"256", "4096"})
    public int context;

    @Param({"F16", "F32"})
    public CacheFormat cache = CacheFormat.F16;

    private Kernels kernels;
    private Attention attention;
    private MemorySegment out; // f32 (rows, heads, headDim)
    private MemorySegment scratch;

    /** Fills a cache with random keys and values. */
    @Setup
    public void prepare(KernelsState state) {
        kernels = state.kernels();
        int slots = Math.ceilDiv(context + rows, Layout.LANES) * Layout.LANES;
        int columns = SHAPE.kvHeads() * SHAPE.headDim();
        long bytes = (long) slots * columns * cache.bytes();
        KvLayer layer =
                new KvLayer(state.arena().allocate(bytes, 64), state.arena().allocate(bytes, 64), slots, cache);
        kernels.storeKeys(state.floats((long) slots * columns), SHAPE, layer, 0, slots, 0, columns);
        kernels.storeValues(state.floats((long) slots * columns), SHAPE, layer, 0, slots, 0, columns);
        MemorySegment prefix = state.zeros(rows);
        for (int row = 0; row < rows; row++) {
            prefix.setAtIndex(ValueLayout.JAVA_INT, row, context + row + 1);
        }
        Visibility visibility = new Visibility(prefix, state.zeros(rows + 1L), state.zeros(1), state.zeros(rows));
        long numbers = (long) rows * SHAPE.heads() * SHAPE.headDim();
        attention = new Attention(state.floats(numbers), rows, SHAPE, layer, PromptLayer.NONE, visibility);
        out = state.zeros(numbers);
        scratch = state.zeros(SHAPE.scratchFloats(slots, 0));
    }

    /** All rows, all heads, as many neighbours at a time as a pass hands over. */
    @Benchmark
    public void attend() {
        int items = attention.items();
        for (int from = 0; from < items; from += AttentionShape.QUERIES_PER_TILE) {
            int to = Math.min(from + AttentionShape.QUERIES_PER_TILE, items);
            kernels.attend(attention, out, scratch, from, to);
        }
    }
}
