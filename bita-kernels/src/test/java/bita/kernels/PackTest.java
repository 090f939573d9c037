package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.TestData.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PackTest {
    @ParameterizedTest
    @EnumSource
    void everyBackendPacksTheSameBytes(NumberFormat format) {
        Random random = new Random(1);
        for (int rows : new int[] {1, 15, 16, 17, 50}) {
            int columns = format.quantized() ? 3 * format.blockSize() : 37;
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
            PackedMatrix matrix = PackedMatrix.allocate(arena, format, 4, 256);
            MemorySegment source = arena.allocate(format.bytes(4 * 256) - 1);
            for (Kernels kernels :
                    new Kernels[] {new ScalarKernels(), KernelsProvider.best().kernels()}) {
                assertThatThrownBy(() -> kernels.pack(format, source, matrix, 0, 1))
                        .isInstanceOf(IllegalArgumentException.class);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void packsTheRowsThatAMapNames(NumberFormat format) {
        TestData data = new TestData(2);
        int columns = format.quantized() ? 2 * format.blockSize() : 37;
        int storedRows = 23;
        int[] rows = IntStream.range(0, 37).map(_ -> data.below(storedRows)).toArray();
        RowMap map = RowMap.of(storedRows, rows);
        MemorySegment source = data.stored(format, storedRows, columns, Numbers.EXTREME);
        long rowBytes = format.bytes(columns);
        MemorySegment gathered = Arena.ofAuto().allocate(rows.length * rowBytes);
        for (int row = 0; row < rows.length; row++) {
            MemorySegment.copy(source, rows[row] * rowBytes, gathered, row * rowBytes, rowBytes);
        }
        PackedMatrix expected = PackedMatrix.allocate(Arena.ofAuto(), format, rows.length, columns);
        expected.pack(format, gathered, 0, expected.panels());
        for (Kernels kernels : SameBits.implementations()) {
            PackedMatrix packed = PackedMatrix.allocate(Arena.ofAuto(), format, rows.length, columns);
            kernels.pack(format, source, map, packed, 0, packed.panels());
            assertThat(packed.data().mismatch(expected.data()))
                    .as("%s", kernels.instructionSet())
                    .isEqualTo(-1);
        }
    }

    @Test
    void refusesAMapOfAnotherSize() {
        PackedMatrix matrix = PackedMatrix.allocate(Arena.ofAuto(), NumberFormat.F32, 3, 2);
        MemorySegment source = TestData.zeros(5 * 2);
        for (Kernels kernels : SameBits.implementations()) {
            kernels.pack(NumberFormat.F32, source, RowMap.of(5, 4, 0, 2), matrix, 0, 1);
            assertThatThrownBy(() -> kernels.pack(NumberFormat.F32, source, RowMap.of(5, 4, 0), matrix, 0, 1))
                    .hasMessageContaining("the map has 2 rows, the packed matrix 3");
            assertThatThrownBy(() -> kernels.pack(NumberFormat.F32, source, RowMap.of(6, 4, 0, 2), matrix, 0, 1))
                    .hasMessageContaining("does not hold 6 x 2");
        }
        assertThatThrownBy(() -> RowMap.of(5, 0, 5)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> RowMap.of(5, -1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(RowMap.of(5, 4, 0).source(1)).isZero();
        assertThat(RowMap.identity(5).source(4)).isEqualTo(4);
        assertThatThrownBy(() -> RowMap.identity(5).source(5)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    /** What is packed is what the format decodes to. */
    @ParameterizedTest
    @EnumSource(
            mode = EnumSource.Mode.EXCLUDE,
            names = {"F32", "F16", "BF16"})
    void packedWeightsAreTheDecodedOnes(NumberFormat format) {
        TestData data = new TestData(3);
        int rows = 19;
        int columns = 3 * format.blockSize();
        MemorySegment source = data.stored(format, rows, columns, Numbers.ORDINARY);
        PackedMatrix packed = PackedMatrix.allocate(Arena.ofAuto(), format, rows, columns);
        packed.pack(format, source, 0, packed.panels());
        float[] decoded = new float[rows * columns];
        format.decode(source, 0, decoded, 0, decoded.length);
        for (int row = 0; row < rows; row++) {
            for (int k = 0; k < columns; k++) {
                int block = k / Layout.BLOCK;
                double weight = (double) packed.scale(row, block) * packed.integerScale(row, k) * packed.code(row, k);
                if (packed.layout().hasMinima()) {
                    weight += (double) packed.minimum(row, block) * packed.integerMinimum(row, k);
                }
                // As numbers: a zero may have another sign.
                assertThat((float) weight == decoded[row * columns + k])
                        .as("row %d column %d: %s, decoded %s", row, k, weight, decoded[row * columns + k])
                        .isTrue();
            }
        }
    }
}
