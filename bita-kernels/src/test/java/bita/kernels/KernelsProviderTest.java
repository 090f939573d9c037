package bita.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class KernelsProviderTest {
    private static void assumeNativeLibrary() {
        assumeThat(NativeLibrary.problem())
                .as("the native kernels are tested only where a C compiler has built them")
                .isEmpty();
    }

    @Test
    void runsEveryInstructionSetThatTheProcessorLists() throws IOException {
        assumeNativeLibrary();
        Path file = Path.of("/proc/cpuinfo");
        assumeThat(Files.isReadable(file))
                .as("%s says what the processor has", file)
                .isTrue();
        Set<String> flags = new HashSet<>(Arrays.asList(Files.readString(file).split("\\s+")));
        Set<InstructionSet> expected = EnumSet.of(InstructionSet.GENERIC);
        if (flags.containsAll(List.of("avx2", "fma", "f16c"))) {
            expected.add(InstructionSet.AVX2);
        }
        if (flags.containsAll(List.of("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"))) {
            expected.add(InstructionSet.AVX512);
            if (flags.containsAll(List.of("amx_tile", "amx_int8"))
                    && NativeKernels.problem(InstructionSet.AMX).isEmpty()) {
                expected.add(InstructionSet.AMX);
            }
        }
        if (flags.contains("asimddp")) {
            expected.add(InstructionSet.NEON);
        }
        assertThat(KernelsProvider.instructionSets()).containsExactlyElementsOf(expected);
    }

    @Test
    void picksTheBestNativeKernels() {
        assumeNativeLibrary();
        KernelsProvider.Choice choice = KernelsProvider.best();
        assertThat(choice.kernels().backend()).isEqualTo(Backend.NATIVE);
        InstructionSet last = KernelsProvider.instructionSets().getLast();
        boolean measured = last == InstructionSet.AMX;
        assertThat(choice.kernels().instructionSet())
                .isIn(measured ? List.of(InstructionSet.AVX512, InstructionSet.AMX) : List.of(last));
        assertThat(choice.reasons()).isEmpty();
        assertThat(choice.remarks())
                .hasSize(measured || NativeKernels.problem(InstructionSet.AMX).isPresent() ? 1 : 0);
        assertThat(choice.describe())
                .isEqualTo("native kernels, " + choice.kernels().instructionSet());
    }

    @Test
    void aCapIsObeyed() {
        assumeNativeLibrary();
        for (InstructionSet isa : KernelsProvider.instructionSets()) {
            assertThat(KernelsProvider.best(Optional.of(isa)).kernels().instructionSet())
                    .isEqualTo(isa);
        }
    }

    @Test
    void anInstructionSetOfAnotherProcessorIsRefused() {
        assumeNativeLibrary();
        boolean arm = System.getProperty("os.arch").equals("aarch64");
        InstructionSet foreign = arm ? InstructionSet.AVX2 : InstructionSet.NEON;
        assertThatThrownBy(() -> KernelsProvider.of(Backend.NATIVE, Optional.of(foreign)))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining(foreign.name());
    }

    @Test
    void everyBackendCanBeAskedFor() {
        assertThat(KernelsProvider.of(Backend.VECTOR, Optional.empty())
                        .kernels()
                        .backend())
                .isEqualTo(Backend.VECTOR);
        assertThat(KernelsProvider.of(Backend.SCALAR, Optional.empty())
                        .kernels()
                        .backend())
                .isEqualTo(Backend.SCALAR);
    }
}
