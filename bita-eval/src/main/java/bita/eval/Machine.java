package bita.eval;

import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import bita.kernels.KernelsProvider;
import bita.kernels.ThreadTeam;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What an audit finds to vary.
 *
 * @param cores           processor cores
 * @param instructionSets of the native kernels, from the plainest to the best; empty if they do not run
 * @param vectorProblem   why the Vector API kernels do not run; empty if they do
 */
record Machine(int cores, List<InstructionSet> instructionSets, Optional<String> vectorProblem) {
    Machine {
        instructionSets = List.copyOf(instructionSets);
    }

    /** The machine that runs this. */
    static Machine current() {
        Optional<String> vectorProblem = Optional.empty();
        try {
            KernelsProvider.of(Backend.VECTOR, Optional.empty());
        } catch (UnsupportedOperationException e) {
            vectorProblem = Optional.of(Objects.requireNonNullElse(e.getMessage(), "this machine does not run them"));
        }
        return new Machine(ThreadTeam.defaultThreads(), KernelsProvider.instructionSets(), vectorProblem);
    }

    /** Numbers of threads to vary: one, two, one per core and one more than that. */
    List<Integer> threadCounts() {
        return List.of(1, 2, cores, cores + 1).stream().distinct().sorted().toList();
    }

    /** Kernels to vary. */
    List<Execution.Executor> executors() {
        return instructionSets.isEmpty()
                ? List.of(Execution.Executor.BEST)
                : instructionSets.stream().map(Execution.Executor::of).toList();
    }
}
