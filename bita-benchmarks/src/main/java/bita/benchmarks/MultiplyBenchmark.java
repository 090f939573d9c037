package bita.benchmarks;

import bita.kernels.Activations;
import bita.kernels.Kernels;
import bita.kernels.NumberFormat;
import bita.kernels.PackedMatrix;
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

/** {@link Kernels#multiply} on one thread, with a small model's largest matrix within a block. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@SuppressWarnings("NullAway.Init") // the setup comes first
public class MultiplyBenchmark {
    /** Each of another layout. */
    @Param({"F32", "F16", "BF16", "Q8_0", "Q5_1", "Q4_0", "Q4_1", "IQ4_XS", "Q5_K", "Q6_K", "Q4_K", "Q3_K"})
    public NumberFormat format = NumberFormat.F32;

    @Param({"1", "4", "8", "16", "64"})
    public int rows;

    @Param("1536")
    public int outputs;

    @Param("768")
    public int columns;

    private Kernels kernels;
    private PackedMatrix weights; // (outputs, columns)
    private Activations x; // (rows, columns)
    private MemorySegment out; // f32 (rows, outputs)

    /** Makes random weights and activations. */
    @Setup
    public void prepare(KernelsState state) {
        kernels = state.kernels();
        weights = PackedMatrix.allocate(state.arena(), format, outputs, columns);
        weights.randomize(0, weights.panels());
        x = new Activations(state.arena(), rows, columns);
        x.randomize(kernels, rows);
        out = state.zeros((long) rows * outputs);
    }

    /** All rows, all outputs. */
    @Benchmark
    public void multiply() {
        kernels.multiply(weights, x, rows, out, outputs, false, 0, weights.panels());
    }
}
