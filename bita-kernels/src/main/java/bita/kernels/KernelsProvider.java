package bita.kernels;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The one place that picks kernels. Preference: the native library on the best instruction set that processor and
 * system allow (of AVX-512 and AMX the faster, as measured once per process), then the Vector API, then plain Java; each
 * choice comes with what was not chosen and why.
 */
public final class KernelsProvider {
    private KernelsProvider() {}

    /**
     * The kernels in use and the reasons.
     *
     * @param reasons one sentence for every better choice that was not possible
     * @param remarks one sentence for every native instruction set about which there is more to say than whether the
     *     processor has it: what keeps it from being used, or how fast it was in a measurement
     */
    public record Choice(Kernels kernels, List<String> reasons, List<String> remarks) {
        public Choice {
            reasons = List.copyOf(reasons);
            remarks = List.copyOf(remarks);
        }

        Choice(Kernels kernels, List<String> reasons) {
            this(kernels, reasons, List.of());
        }

        /** One line for people, for instance {@code native kernels, AVX512}. */
        public String describe() {
            return switch (kernels.backend()) {
                case NATIVE -> "native kernels, " + kernels.instructionSet();
                case VECTOR -> "Vector API kernels";
                case SCALAR -> "scalar kernels (slow)";
            };
        }
    }

    /** The fastest kernels that this machine can run. */
    public static Choice best() {
        return best(Optional.empty());
    }

    /**
     * The fastest kernels, on the instruction set {@code cap} if one is given and they are native.
     *
     * @throws UnsupportedOperationException if {@code cap} belongs to another kind of processor
     */
    public static Choice best(Optional<InstructionSet> cap) {
        List<String> reasons = new ArrayList<>();
        Optional<String> problem = NativeLibrary.problem();
        if (problem.isEmpty()) {
            return nativeChoice(cap);
        }
        reasons.add("native: " + problem.get());
        if (VectorSupport.available()) {
            return new Choice(VectorSupport.kernels(), reasons);
        }
        reasons.add("vector: " + VectorSupport.REMEDY);
        return new Choice(new ScalarKernels(), reasons);
    }

    /**
     * The kernels of one backend.
     *
     * @throws UnsupportedOperationException if this machine cannot run them; the message says why
     */
    public static Choice of(Backend backend, Optional<InstructionSet> cap) {
        return switch (backend) {
            case NATIVE -> {
                Optional<String> problem = NativeLibrary.problem();
                if (problem.isPresent()) {
                    throw new UnsupportedOperationException(problem.get());
                }
                yield nativeChoice(cap);
            }
            case VECTOR -> {
                if (!VectorSupport.available()) {
                    throw new UnsupportedOperationException(VectorSupport.REMEDY);
                }
                yield new Choice(VectorSupport.kernels(), List.of());
            }
            case SCALAR -> new Choice(new ScalarKernels(), List.of());
        };
    }

    /**
     * The kernels of tuning that go with those of a forward pass.
     *
     * @throws UnsupportedOperationException for kernels that have none
     */
    public static TrainingKernels training(Kernels kernels) {
        return switch (kernels.backend()) {
            case NATIVE -> new NativeTraining(kernels.instructionSet());
            case SCALAR -> new ScalarTraining();
            case VECTOR ->
                throw new UnsupportedOperationException(
                        "tuning has no Vector API kernels: use the native ones, which need a C compiler when the project"
                                + " is built");
        };
    }

    /** The native instruction sets that this machine runs, from the plainest to the best; empty without a library. */
    public static List<InstructionSet> instructionSets() {
        List<InstructionSet> supported = new ArrayList<>();
        if (NativeLibrary.problem().isEmpty()) {
            for (InstructionSet isa : InstructionSet.values()) {
                if (NativeKernels.supports(isa)) {
                    supported.add(isa);
                }
            }
        }
        return List.copyOf(supported);
    }

    private static Choice nativeChoice(Optional<InstructionSet> cap) {
        List<InstructionSet> supported = instructionSets();
        if (cap.isPresent()) {
            if (!supported.contains(cap.get())) {
                throw new UnsupportedOperationException(
                        "this machine does not run " + cap.get() + " kernels, it has " + supported
                                + NativeKernels.problem(cap.get())
                                        .map(problem -> "; " + problem)
                                        .orElse(""));
            }
            return new Choice(NativeKernels.of(cap.get()), List.of());
        }
        InstructionSet best = supported.getLast();
        List<String> remarks = new ArrayList<>();
        for (InstructionSet isa : InstructionSet.values()) {
            NativeKernels.problem(isa).ifPresent(problem -> remarks.add(isa + ": " + problem));
        }
        if (best == InstructionSet.AMX) {
            best = Tiles.MEASURED.faster();
            remarks.add(Tiles.MEASURED.remark());
        }
        return new Choice(NativeKernels.of(best), List.of(), remarks);
    }

    /** Where there are both: which of AVX-512 and AMX is the faster depends on the processor. Initialized with its use. */
    private static final class Tiles {
        static final MeasuredChoice MEASURED =
                MeasuredChoice.between(NativeKernels.of(InstructionSet.AVX512), NativeKernels.of(InstructionSet.AMX));
    }
}
