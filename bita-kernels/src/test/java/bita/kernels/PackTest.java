package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PackTest {
    @ParameterizedTest
    @EnumSource
    void everyBackendPacksTheSameBytes(NumberFormat format) {
        Random random = new Random(1);
        for (int rows : new int[] {1, 15, 16, 17, 50}) {
            int columns = format.quantized() ? 96 : 37;
            try (Arena arena = Arena.ofConfined()) {
                byte[] bytes = new byte[(int) format.bytes((long) rows * columns)];
                random.nextBytes(bytes);
                // One byte off any alignment, as tensors may lie in a file.
                MemorySegment source = arena.allocate(bytes.length + 1L).asSlice(1);
                MemorySegment.copy(bytes, 0, source, JAVA_BYTE, 0, bytes.length);
                PackedMatrix expected = PackedMatrix.allocate(arena, format, rows, columns);
                expected.pack(format, source, 0, expected.panels());
                for (InstructionSet isa : KernelsProvider.instructionSets()) {
                    PackedMatrix packed = PackedMatrix.allocate(arena, format, rows, columns);
                    int middle = random.nextInt(packed.panels() + 1);
                    Kernels kernels = NativeKernels.of(isa);
                    kernels.pack(format, source, packed, middle, packed.panels());
                    kernels.pack(format, source, packed, 0, middle);
                    assertThat(packed.data().mismatch(expected.data()))
                            .as("%s %d", isa, rows)
                            .isEqualTo(-1);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void refusesASourceOfAnotherSize(NumberFormat format) {
        try (Arena arena = Arena.ofConfined()) {
            PackedMatrix matrix = PackedMatrix.allocate(arena, format, 4, 64);
            MemorySegment source = arena.allocate(format.bytes(4 * 64) - 1);
            for (Kernels kernels :
                    new Kernels[] {new ScalarKernels(), KernelsProvider.best().kernels()}) {
                assertThatThrownBy(() -> kernels.pack(format, source, matrix, 0, 1))
                        .isInstanceOf(IllegalArgumentException.class);
            }
        }
    }
}
