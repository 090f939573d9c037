package bita.benchmarks;

import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Who executes a benchmark's kernel, and memory for its data; one per thread, so that threads share no data. */
@State(Scope.Thread)
public class KernelsState {
    private static final int ALIGNMENT = 64;

    /** native (the best instruction set), amx, avx512, avx2, neon, generic, vector or scalar. */
    @Param({"native", "vector"})
    public String kernels = "native";

    private final SplittableRandom random = new SplittableRandom(1);
    private Arena arena = Arena.ofShared();

    /** The kernels chosen. */
    Kernels kernels() {
        return switch (kernels) {
            case "native" -> of(Backend.NATIVE, Optional.empty());
            case "vector" -> of(Backend.VECTOR, Optional.empty());
            case "scalar" -> of(Backend.SCALAR, Optional.empty());
            default -> of(Backend.NATIVE, Optional.of(InstructionSet.valueOf(kernels.toUpperCase(Locale.ROOT))));
        };
    }

    private static Kernels of(Backend backend, Optional<InstructionSet> instructionSet) {
        return KernelsProvider.of(backend, instructionSet).kernels();
    }

    /** Makes room for the data of a trial. */
    @Setup(Level.Trial)
    public void open() {
        arena.close();
        arena = Arena.ofShared();
    }

    /** Frees what a trial has used. */
    @TearDown(Level.Trial)
    public void close() {
        arena.close();
        arena = Arena.ofShared();
    }

    /** Memory until the end of the trial. */
    Arena arena() {
        return arena;
    }

    /** Zero f32 numbers. */
    MemorySegment zeros(long count) {
        return arena.allocate(count * Float.BYTES, ALIGNMENT);
    }

    /** Random f32 numbers between -1 and 1. */
    MemorySegment floats(long count) {
        MemorySegment x = zeros(count);
        for (long i = 0; i < count; i++) {
            x.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
        }
        return x;
    }

    /** Random bytes, which are valid codes of any number format. */
    MemorySegment bytes(long count) {
        MemorySegment x = arena.allocate(count, ALIGNMENT);
        for (long i = 0; i < count; i++) {
            x.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
        }
        return x;
    }
}
