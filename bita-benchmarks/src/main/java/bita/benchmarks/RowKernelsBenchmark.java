package bita.benchmarks;

import bita.kernels.Activation;
import bita.kernels.Activations;
import bita.kernels.Kernels;
import bita.kernels.Layout;
import java.lang.foreign.MemorySegment;
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

/** The kernels between the products, on one thread and one row. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@SuppressWarnings("NullAway.Init") // the setup comes first
public class RowKernelsBenchmark {
    private static final int LARGEST = 8;

    /** Numbers of the row: the default model's hidden size, its feed-forward network's, its vocabulary. */
    @Param({"576", "1536", "49152"})
    public int columns;

    private Kernels kernels;
    private MemorySegment x; // f32 (columns)
    private MemorySegment weight; // f32 (columns)
    private MemorySegment out; // f32 (columns)
    private MemorySegment indices; // i32 (LARGEST)
    private Activations activations; // (1, columns)

    /** Makes random numbers. */
    @Setup
    public void prepare(KernelsState state) {
        kernels = state.kernels();
        x = state.floats(columns);
        weight = state.floats(columns);
        out = state.zeros(columns);
        indices = state.zeros(LARGEST);
        activations = new Activations(state.arena(), 1, columns);
        activations.randomize(kernels, 1);
    }

    /** {@link Kernels#rmsNorm}. */
    @Benchmark
    public void rmsNorm() {
        kernels.rmsNorm(x, weight, 1e-5f, out, columns, 0, 1);
    }

    /** {@link Kernels#quantize}. */
    @Benchmark
    public void quantize() {
        kernels.quantize(activations, 1, 0, 1, 0, columns / Layout.BLOCK);
    }

    /** {@link Kernels#activateGated} with SiLU, which works in place: what it does in time is the same for all numbers. */
    @Benchmark
    public void activateGated() {
        kernels.activateGated(Activation.SILU, out, weight, 0, columns);
    }

    /** {@link Kernels#argmax}. */
    @Benchmark
    public int argmax() {
        return kernels.argmax(x, columns);
    }

    /** {@link Kernels#largest}, for as many as token recycling keeps. */
    @Benchmark
    public boolean largest() {
        return kernels.largest(x, columns, LARGEST, indices, out);
    }

    /** {@link Kernels#exponentialSum}. */
    @Benchmark
    public float exponentialSum() {
        return kernels.exponentialSum(x, columns, 1);
    }
}
