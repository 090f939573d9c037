package bita.eval;

import bita.api.AdapterChoice;
import bita.api.LoadOptions;
import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import java.util.Optional;

/** How a text is computed: none of this may change a bit of it. */
record Execution(int threads, Executor executor, int prefillChunk) {

    /**
     * Who executes the kernels.
     *
     * @param backend        empty for the fastest of this machine
     * @param instructionSet empty for the best
     */
    record Executor(Optional<Backend> backend, Optional<InstructionSet> instructionSet) {
        static final Executor BEST = new Executor(Optional.empty(), Optional.empty());

        static Executor of(InstructionSet instructionSet) {
            return new Executor(Optional.of(Backend.NATIVE), Optional.of(instructionSet));
        }

        static Executor of(Backend backend) {
            return new Executor(Optional.of(backend), Optional.empty());
        }

        /** Whether it takes many times as long as the best. */
        boolean isSlow() {
            return instructionSet.filter(InstructionSet.GENERIC::equals).isPresent()
                    || backend.filter(Backend.SCALAR::equals).isPresent();
        }

        String describe() {
            return instructionSet
                    .map(set -> "native " + set)
                    .or(() -> backend.map(chosen -> switch (chosen) {
                        case NATIVE -> "native kernels";
                        case VECTOR -> "Vector API kernels";
                        case SCALAR -> "scalar kernels";
                    }))
                    .orElse("best kernels");
        }
    }

    LoadOptions loadOptions(AdapterChoice adapter) {
        return new LoadOptions(adapter, threads, executor.backend(), executor.instructionSet(), Audit.COSTS);
    }

    String describe() {
        return executor.describe() + ", " + threads + (threads == 1 ? " thread" : " threads") + ", prefill chunk "
                + prefillChunk;
    }
}
