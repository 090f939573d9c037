package bita.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.ToLongFunction;

/**
 * What this machine can do at most, measured with all threads of a team: reading memory, multiplying, and multiplying
 * weights of a layout that lie in the cache. A product can be no faster than the slower of the first and the
 * last. Each call is one measurement; take the median of several. Needs the native library, whichever kernels are then
 * compared with it.
 */
public final class MachineLimits {
    private static final long PEAK_ROUNDS = 100_000;
    private static final int CACHED_COLUMNS = 1024;
    /** Working sets that fit the first- and the second-level cache of any processor of today. */
    private static final int[] CACHED_PANELS = {1, 8};

    private static final int[] CACHED_ROWS = {4, 8, 12, 16, 32, 64};
    private static final long CACHED_PRODUCTS = 50_000_000;

    private final List<NativeKernels> kernels;
    private final ThreadTeam team;

    private MachineLimits(List<NativeKernels> kernels, ThreadTeam team) {
        this.kernels = kernels;
        this.team = team;
    }

    /**
     * The limits of a team's threads.
     *
     * @param cap the best instruction set to count; all that run here if empty
     * @throws UnsupportedOperationException without the native library
     */
    public static MachineLimits of(Optional<InstructionSet> cap, ThreadTeam team) {
        Optional<String> problem = NativeLibrary.problem();
        if (problem.isPresent()) {
            throw new UnsupportedOperationException(problem.get());
        }
        List<NativeKernels> kernels = KernelsProvider.instructionSets().stream()
                .filter(isa -> cap.isEmpty() || isa.compareTo(cap.get()) <= 0)
                .map(NativeKernels::of)
                .toList();
        return new MachineLimits(kernels, team);
    }

    /** Bytes per second, reading all of some matrices in their order, every thread its share of each. */
    public double readRate(List<PackedMatrix> matrices) {
        return rate(member -> {
            long bytes = 0;
            for (PackedMatrix matrix : matrices) {
                long from = member.from(matrix.panels()) * matrix.panelBytes();
                long to = member.to(matrix.panels()) * matrix.panelBytes();
                kernels.getLast().readSweep(matrix.data().asSlice(from, to - from));
                bytes += to - from;
            }
            return bytes;
        });
    }

    /** Multiplications with additions per second, on registers: of codes or, for layouts of numbers, of f32. */
    public double peakRate(Layout layout) {
        NativeKernels best = kernels.getLast();
        return rate(member -> layout.quantized() ? best.integerPeak(PEAK_ROUNDS) : best.floatPeak(PEAK_ROUNDS));
    }

    /**
     * Multiplications with additions per second of the fastest {@link Kernels#multiply} on this layout, with
     * weights and activations in the cache: the best of all instruction sets and numbers of rows.
     */
    public double cachedRate(Layout layout) {
        double best = 0;
        for (NativeKernels candidate : kernels) {
            for (int panels : CACHED_PANELS) {
                for (int rows : CACHED_ROWS) {
                    best = Math.max(best, cachedRate(candidate, layout, panels, rows));
                }
            }
        }
        return best;
    }

    private double cachedRate(NativeKernels candidate, Layout layout, int panels, int rows) {
        long once = (long) panels * Layout.LANES * CACHED_COLUMNS * rows;
        long times = Math.ceilDiv(CACHED_PRODUCTS, once);
        try (Arena arena = Arena.ofShared()) {
            int outputs = panels * Layout.LANES;
            PackedMatrix[] weights = new PackedMatrix[team.threads()];
            Activations[] x = new Activations[team.threads()];
            MemorySegment[] out = new MemorySegment[team.threads()];
            ThreadTeam.Program prepare = member -> {
                int i = member.index();
                weights[i] = PackedMatrix.allocate(arena, layout, outputs, CACHED_COLUMNS);
                weights[i].randomize(0, panels);
                x[i] = new Activations(arena, rows, CACHED_COLUMNS);
                x[i].randomize(candidate, rows);
                out[i] = arena.allocate((long) rows * outputs * Float.BYTES, Layout.PANEL_ALIGNMENT);
            };
            team.run(prepare);
            return rate(member -> {
                int i = member.index();
                for (long n = 0; n < times; n++) {
                    candidate.multiply(weights[i], x[i], rows, out[i], outputs, false, 0, panels);
                }
                return once * times;
            });
        }
    }

    /** What all members have done together, per second. */
    private double rate(ToLongFunction<ThreadTeam.Member> work) {
        long[] done = new long[team.threads()];
        long start = System.nanoTime();
        team.run(member -> done[member.index()] = work.applyAsLong(member));
        long nanos = System.nanoTime() - start;
        return Arrays.stream(done).sum() * 1e9 / nanos;
    }
}
