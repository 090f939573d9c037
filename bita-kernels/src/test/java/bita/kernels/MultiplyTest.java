package bita.kernels;

import static bita.kernels.SameBits.DEFINITION;
import static bita.kernels.SameBits.assertSameBits;
import static bita.kernels.SameBits.floats;
import static bita.kernels.SameBits.implementations;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import bita.kernels.TestData.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MultiplyTest {
    private static final int[] ROWS =
            IntStream.concat(IntStream.rangeClosed(1, 20), IntStream.of(33, 64)).toArray();
    private static final int[] OUTPUTS = {1, 15, 16, 17, 31, 100};

    /** One product with its target: {@code before} is what lies there, gaps between rows included. */
    private record Product(PackedMatrix weights, Activations x, int rows, MemorySegment before, long stride) {
        static Product random(TestData data, NumberFormat format, int rows, int outputs, Numbers numbers) {
            int columns = data.columns(format, format.quantized() ? 768 : 160);
            long stride = (long) outputs + data.below(3);
            return new Product(
                    data.matrix(format, outputs, columns, numbers),
                    data.activations(rows, columns, numbers),
                    rows,
                    data.floats(rows * stride, Numbers.ORDINARY),
                    stride);
        }

        int[] whole(Kernels kernels, boolean add) {
            MemorySegment out = TestData.copy(before);
            kernels.multiply(weights, x, rows, out, stride, add, 0, weights.panels());
            return floats(out);
        }
    }

    private static List<Kernels> all() {
        List<Kernels> all = new ArrayList<>(implementations());
        all.add(DEFINITION);
        return all;
    }

    @ParameterizedTest
    @EnumSource(NumberFormat.class)
    void everyBackendGivesTheBitsOfTheDefinition(NumberFormat format) {
        TestData data = new TestData(1);
        for (int rows : ROWS) {
            for (int outputs : OUTPUTS) {
                Numbers numbers = data.numbers();
                Product product = Product.random(data, format, rows, outputs, numbers);
                boolean add = data.chance();
                String what = "%d x %d x %d, %s, add %s"
                        .formatted(rows, outputs, product.weights().columns(), numbers, add);
                assertSameBits(what, kernels -> product.whole(kernels, add));
            }
        }
    }

    /** Sums a little below the middle of two floats, which rounding by way of a double would take for the middle. */
    @Test
    void productAndSumAreRoundedOnce() {
        float odd = Math.nextUp(1f);
        float[][] cases = { // first weight, second weight, second activation
            {odd, 0x1p-12f * (1 + 0x1p-15f), 0x1p-12f * (1 - 0x1p-15f)},
            {0x1p-140f + Float.MIN_VALUE, 0x1p-75f * (1 + 0x1p-23f), 0x1p-75f * (1 - 0x1p-23f)}
        };
        for (float[] one : cases) {
            MemorySegment stored = TestData.zeros(2L * 17);
            for (int output = 0; output < 17; output++) {
                stored.setAtIndex(JAVA_FLOAT, 2L * output, one[0]);
                stored.setAtIndex(JAVA_FLOAT, 2L * output + 1, one[1]);
            }
            PackedMatrix weights = PackedMatrix.allocate(Arena.ofAuto(), NumberFormat.F32, 17, 2);
            weights.pack(NumberFormat.F32, stored, 0, weights.panels());
            Activations x = TestData.activations(1, 2, TestData.floats(1f, one[2]));
            Product product = new Product(weights, x, 1, TestData.zeros(17), 17);

            float twice = (float) ((double) one[1] * one[2] + one[0]);
            assertThat(twice).isNotEqualTo(one[0]);
            assertThat(product.whole(DEFINITION, false)).containsOnly(Float.floatToIntBits(one[0]));
            assertSameBits("" + one[0], kernels -> product.whole(kernels, false));
        }
    }

    /** Codes and activations at their limits with one sign: the sums that would saturate narrow integers. */
    @ParameterizedTest
    @EnumSource(
            value = NumberFormat.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"F32", "F16", "BF16"})
    void largestIntegerSumsAreExact(NumberFormat format) {
        TestData data = new TestData(2);
        int columns = Math.max(96, format.blockSize());
        for (float activation : new float[] {1f, -1f}) {
            for (int code : new int[] {0x80, 0x7f, 0xff, 0x00}) {
                byte[] stored = new byte[(int) format.bytes(17L * columns)];
                Arrays.fill(stored, (byte) code);
                for (int at = 0; at < stored.length; at += format.blockBytes()) {
                    for (int factor : TestData.factors(format)) {
                        stored[at + factor] = 0;
                        stored[at + factor + 1] = 0x3c; // 1
                    }
                }
                PackedMatrix weights = PackedMatrix.allocate(Arena.ofAuto(), format, 17, columns);
                weights.pack(format, MemorySegment.ofArray(stored), 0, weights.panels());
                MemorySegment values = TestData.zeros(3L * columns);
                for (int i = 0; i < 3 * columns; i++) {
                    values.setAtIndex(JAVA_FLOAT, i, 127 * activation);
                }
                Activations x = TestData.activations(3, columns, values);
                Product product = new Product(weights, x, 3, data.floats(3 * 17, Numbers.ORDINARY), 17);

                float expected = 0;
                for (int block = 0; block < columns / Layout.BLOCK; block++) {
                    // Integers, which double holds exactly: sums are rounded once, to float.
                    double dot = 0;
                    double minima = 0;
                    for (int k = block * Layout.BLOCK; k < (block + 1) * Layout.BLOCK; k++) {
                        dot += 127.0 * activation * weights.integerScale(0, k) * weights.code(0, k);
                        minima += 127.0 * activation * weights.integerMinimum(0, k);
                    }
                    expected = (float) (expected + dot);
                    if (weights.layout().hasMinima()) {
                        expected = (float) (expected + weights.minimum(0, block) * minima);
                    }
                }
                assertThat(product.whole(DEFINITION, false)).containsOnly(Float.floatToIntBits(expected));
                assertSameBits(format + " code " + code, kernels -> product.whole(kernels, false));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(NumberFormat.class)
    void splittingOverCallsChangesNothing(NumberFormat format) {
        TestData data = new TestData(3);
        for (int i = 0; i < 20; i++) {
            Product product = Product.random(data, format, 1 + data.below(20), 1 + data.below(150), data.numbers());
            List<Integer> panels = new ArrayList<>(
                    IntStream.range(0, product.weights().panels()).boxed().toList());
            int width = 1 + data.below(3);
            panels.removeIf(p -> p % width != 0);
            Collections.shuffle(panels, new Random(i));
            boolean add = data.chance();
            assertSameBits("in parts", product.whole(DEFINITION, add), all(), kernels -> {
                MemorySegment out = TestData.copy(product.before());
                for (int from : panels) {
                    int to = Math.min(from + width, product.weights().panels());
                    kernels.multiply(
                            product.weights(), product.x(), product.rows(), out, product.stride(), add, from, to);
                }
                return floats(out);
            });
        }
    }

    @ParameterizedTest
    @EnumSource(NumberFormat.class)
    void splittingOverThreadsChangesNothing(NumberFormat format) {
        TestData data = new TestData(4);
        for (int threads = 1; threads <= 4; threads++) {
            Product product = Product.random(data, format, 1 + data.below(9), 100 + threads, Numbers.ORDINARY);
            int panels = product.weights().panels();
            try (ThreadTeam team = new ThreadTeam(threads)) {
                assertSameBits(threads + " threads", product.whole(DEFINITION, false), all(), kernels -> {
                    MemorySegment out = TestData.copy(product.before());
                    team.run(member -> kernels.multiply(
                            product.weights(),
                            product.x(),
                            product.rows(),
                            out,
                            product.stride(),
                            false,
                            member.from(panels),
                            member.to(panels)));
                    return floats(out);
                });
            }
        }
    }

    @ParameterizedTest
    @EnumSource(NumberFormat.class)
    void aRowAloneHasTheBitsItHasAmongOthers(NumberFormat format) {
        TestData data = new TestData(5);
        int rows = 64;
        Product together = Product.random(data, format, rows, 40, Numbers.ORDINARY);
        int columns = together.weights().columns();
        assertSameBits("row by row", together.whole(DEFINITION, true), all(), kernels -> {
            MemorySegment out = TestData.copy(together.before());
            for (int row = 0; row < rows; row++) {
                MemorySegment values =
                        together.x().values().asSlice((long) row * columns * Float.BYTES, (long) columns * Float.BYTES);
                Activations alone = TestData.activations(1, columns, values);
                MemorySegment target = out.asSlice(row * together.stride() * Float.BYTES);
                kernels.multiply(
                        together.weights(),
                        alone,
                        1,
                        target,
                        together.stride(),
                        true,
                        0,
                        together.weights().panels());
            }
            return floats(out);
        });
    }

    @ParameterizedTest
    @EnumSource(NumberFormat.class)
    void notANumberSpoilsItsRowAndNoOther(NumberFormat format) {
        TestData data = new TestData(6);
        int columns = Math.max(64, format.blockSize());
        int outputs = 33;
        MemorySegment values = data.floats(3L * columns, Numbers.ORDINARY);
        values.setAtIndex(JAVA_FLOAT, columns + 40, format.quantized() ? Float.POSITIVE_INFINITY : Float.NaN);
        Activations x = TestData.activations(3, columns, values);
        PackedMatrix weights = data.matrix(format, outputs, columns, Numbers.ORDINARY);
        Product product = new Product(weights, x, 3, TestData.zeros(3L * outputs), outputs);
        for (Kernels kernels : all()) {
            int[] bits = product.whole(kernels, false);
            for (int i = 0; i < bits.length; i++) {
                assertThat(Float.isNaN(Float.intBitsToFloat(bits[i])))
                        .as("%s element %d", kernels.backend(), i)
                        .isEqualTo(i / outputs == 1);
            }
        }
        assertSameBits("with NaN", kernels -> product.whole(kernels, false));
    }
}
