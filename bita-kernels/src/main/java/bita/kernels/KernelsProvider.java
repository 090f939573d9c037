package bita.kernels;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The one place that picks kernels. Preference: the native library on the best instruction set that processor and
 * system allow, then the Vector API, then plain Java; each choice comes with what was not chosen and why.
 */
public final class KernelsProvider {
    private KernelsProvider() {}

    /**
     * The kernels in use and the reasons.
     *
     * @param reasons one sentence for every better choice that was not possible
     */
    public record Choice(Kernels kernels, List<String> reasons) {
        public Choice {
            reasons = List.copyOf(reasons);
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
     * The fastest kernels with an instruction set no better than {@code cap}.
     *
     * @throws UnsupportedOperationException if {@code cap} belongs to another kind of processor
     */
    public static Choice best(Optional<InstructionSet> cap) {
        List<String> reasons = new ArrayList<>();
        Optional<String> problem = NativeLibrary.problem();
        if (problem.isEmpty()) {
            return new Choice(NativeKernels.of(bestInstructionSet(cap)), reasons);
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
                yield new Choice(NativeKernels.of(bestInstructionSet(cap)), List.of());
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

    private static InstructionSet bestInstructionSet(Optional<InstructionSet> cap) {
        List<InstructionSet> supported = instructionSets();
        if (cap.isEmpty()) {
            return supported.getLast();
        }
        if (!supported.contains(cap.get())) {
            throw new UnsupportedOperationException(
                    "this machine does not run " + cap.get() + " kernels, it has " + supported);
        }
        return cap.get();
    }
}
