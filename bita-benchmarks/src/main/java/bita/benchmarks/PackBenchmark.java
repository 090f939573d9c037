package bita.benchmarks;

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

/** {@link Kernels#pack} on one thread: what loading a model takes besides reading it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@SuppressWarnings("NullAway.Init") // the setup comes first
public class PackBenchmark {
    /** Each to another layout. */
    @Param({"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_1", "IQ4_XS", "Q5_K", "Q6_K", "Q4_K", "Q3_K"})
    public NumberFormat format = NumberFormat.F32;

    @Param("1536")
    public int outputs;

    @Param("768")
    public int columns;

    private Kernels kernels;
    private MemorySegment source; // (outputs, columns) in the format
    private PackedMatrix target; // (outputs, columns)

    /** Makes a matrix of random bytes. */
    @Setup
    public void prepare(KernelsState state) {
        kernels = state.kernels();
        source = state.bytes(format.bytes((long) outputs * columns));
        target = PackedMatrix.allocate(state.arena(), format, outputs, columns);
    }

    /** The whole matrix. */
    @Benchmark
    public void pack() {
        kernels.pack(format, source, target, 0, target.panels());
    }
}
