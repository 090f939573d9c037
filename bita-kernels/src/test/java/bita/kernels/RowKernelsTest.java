package bita.kernels;

import static bita.kernels.SameBits.assertSameBits;
import static bita.kernels.SameBits.bytes;
import static bita.kernels.SameBits.floats;
import static bita.kernels.SameBits.implementations;
import static bita.kernels.SameBits.ints;
import static bita.kernels.SameBits.join;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import bita.kernels.TestData.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Normalization, quantization, rotation, and what works element by element. */
class RowKernelsTest {
    /** Every exponent with a few mantissas in both signs, the edges of exp's and tanh's ranges, and what is not finite. */
    private static float[] everyMagnitude() {
        List<Float> numbers = new ArrayList<>(List.of(
                0f,
                -0f,
                Float.NaN,
                Float.POSITIVE_INFINITY,
                Float.NEGATIVE_INFINITY,
                ScalarMath.EXP_LOW,
                Math.nextUp(ScalarMath.EXP_LOW),
                Math.nextDown(ScalarMath.EXP_LOW),
                ScalarMath.EXP_HIGH,
                Math.nextUp(ScalarMath.EXP_HIGH),
                Math.nextDown(ScalarMath.EXP_HIGH),
                -ScalarMath.EXP_LOW,
                -ScalarMath.EXP_HIGH,
                Math.nextDown(-ScalarMath.EXP_HIGH),
                0.625f,
                Math.nextDown(0.625f),
                -0.625f,
                Math.nextUp(-0.625f)));
        for (int exponent = Float.MIN_EXPONENT - 23; exponent <= Float.MAX_EXPONENT; exponent++) {
            for (float mantissa : new float[] {1f, 1.25f, 1.4142135f, 1.9999999f}) {
                numbers.add(Math.scalb(mantissa, exponent));
                numbers.add(-Math.scalb(mantissa, exponent));
            }
        }
        for (int i = -1800; i < 1800; i++) { // midway between the integers that exp rounds to, and around
            numbers.add((i / 14f + 0.5f) * 0.6931472f);
        }
        float[] array = new float[numbers.size()];
        for (int i = 0; i < array.length; i++) {
            array[i] = numbers.get(i);
        }
        return array;
    }

    private static List<Kernels> all() {
        List<Kernels> all = new ArrayList<>(implementations());
        all.add(SameBits.DEFINITION);
        return all;
    }

    @ParameterizedTest
    @EnumSource(Numbers.class)
    void rmsNorm(Numbers numbers) {
        TestData data = new TestData(1);
        float epsilon = 1e-5f;
        for (int columns = 1; columns <= 600; columns = columns * 5 / 4 + 1) {
            int size = columns;
            MemorySegment x = data.floats(5L * size, numbers);
            MemorySegment weight = data.floats(size, numbers);
            assertSameBits(size + " columns", kernels -> {
                MemorySegment out = TestData.copy(x);
                kernels.rmsNorm(x, weight, epsilon, out, size, 1, 4);
                return floats(out);
            });
        }
    }

    @Test
    void rmsNormAgreesWithTheFormula() {
        MemorySegment out = TestData.zeros(2);
        for (Kernels kernels : implementations()) {
            kernels.rmsNorm(TestData.floats(3f, 4f), TestData.floats(1f, 10f), 0f, out, 2, 0, 1);
            assertThat(out.getAtIndex(JAVA_FLOAT, 0)).isCloseTo((float) (3 / Math.sqrt(12.5)), within(1e-6f));
            assertThat(out.getAtIndex(JAVA_FLOAT, 1)).isCloseTo((float) (40 / Math.sqrt(12.5)), within(1e-5f));
        }
    }

    /** As queries and keys are, in place, of all head dimensions. */
    @Test
    void rmsNormOfHeadsInPlace() {
        TestData data = new TestData(7);
        for (int headDim : new int[] {16, 64, 80, 128, 256}) {
            MemorySegment x = data.floats(3L * 9 * headDim, Numbers.ORDINARY);
            MemorySegment weight = data.floats(headDim, Numbers.ORDINARY);
            MemorySegment apart = TestData.zeros(3L * 9 * headDim);
            SameBits.DEFINITION.rmsNorm(x, weight, 1e-6f, apart, headDim, 0, 3 * 9);
            assertSameBits("heads of " + headDim, floats(apart), all(), kernels -> {
                MemorySegment out = TestData.copy(x);
                kernels.rmsNorm(out, weight, 1e-6f, out, headDim, 0, 10);
                kernels.rmsNorm(out, weight, 1e-6f, out, headDim, 10, 3 * 9);
                return floats(out);
            });
        }
    }

    @ParameterizedTest
    @EnumSource(Numbers.class)
    void layerNorm(Numbers numbers) {
        TestData data = new TestData(8);
        for (int columns = 1; columns <= 600; columns = columns * 5 / 4 + 1) {
            int size = columns;
            MemorySegment x = data.floats(5L * size, numbers);
            MemorySegment weight = data.floats(size, numbers);
            MemorySegment bias = data.floats(size, numbers);
            MemorySegment apart = TestData.copy(x);
            SameBits.DEFINITION.layerNorm(x, weight, bias, 1e-5f, apart, size, 1, 4);
            assertSameBits(size + " columns", floats(apart), implementations(), kernels -> {
                MemorySegment out = TestData.copy(x);
                kernels.layerNorm(x, weight, bias, 1e-5f, out, size, 1, 4);
                return floats(out);
            });
            assertSameBits(size + " columns in place", floats(apart), all(), kernels -> {
                MemorySegment out = TestData.copy(x);
                kernels.layerNorm(out, weight, bias, 1e-5f, out, size, 1, 4);
                return floats(out);
            });
        }
    }

    @Test
    void layerNormAgreesWithTheFormula() {
        for (Kernels kernels : all()) {
            MemorySegment out = TestData.zeros(3);
            kernels.layerNorm(
                    TestData.floats(1f, 2f, 6f),
                    TestData.floats(1f, 10f, 2f),
                    TestData.floats(0f, 1f, -1f),
                    0.5f,
                    out,
                    3,
                    0,
                    1);
            double factor = 1 / Math.sqrt(14.0 / 3 + 0.5); // mean 3, deviations -2, -1, 3
            assertThat(out.getAtIndex(JAVA_FLOAT, 0)).isCloseTo((float) (-2 * factor), within(1e-6f));
            assertThat(out.getAtIndex(JAVA_FLOAT, 1)).isCloseTo((float) (-10 * factor + 1), within(1e-6f));
            assertThat(out.getAtIndex(JAVA_FLOAT, 2)).isCloseTo((float) (6 * factor - 1), within(1e-6f));
        }
    }

    /** Far from zero the mean takes nothing from what the deviations say. */
    @Test
    void layerNormOfLargeNumbersThatDifferLittle() {
        for (Kernels kernels : all()) {
            MemorySegment out = TestData.zeros(2);
            MemorySegment ones = TestData.floats(1f, 1f);
            kernels.layerNorm(TestData.floats(10000f, 10002f), ones, TestData.zeros(2), 0f, out, 2, 0, 1);
            assertThat(out.toArray(JAVA_FLOAT)).containsExactly(-1f, 1f);
        }
    }

    @ParameterizedTest
    @EnumSource(Numbers.class)
    void addBias(Numbers numbers) {
        TestData data = new TestData(9);
        for (int columns : new int[] {1, 15, 16, 17, 100}) {
            long stride = columns + 3L;
            MemorySegment x = data.floats(4 * stride, numbers);
            MemorySegment bias = data.floats(columns, numbers);
            MemorySegment expected = TestData.copy(x);
            for (int row = 0; row < 3; row++) {
                for (int k = columns / 3; k < columns; k++) {
                    long at = row * stride + k;
                    float sum = x.getAtIndex(JAVA_FLOAT, at) + bias.getAtIndex(JAVA_FLOAT, k);
                    expected.setAtIndex(JAVA_FLOAT, at, sum);
                }
            }
            assertSameBits(columns + " columns", floats(expected), all(), kernels -> {
                MemorySegment out = TestData.copy(x);
                kernels.addBias(out, stride, bias, 3, columns / 3, columns);
                return floats(out);
            });
        }
    }

    @ParameterizedTest
    @EnumSource(Numbers.class)
    void add(Numbers numbers) {
        TestData data = new TestData(10);
        int count = 100;
        MemorySegment x = data.floats(count, numbers);
        MemorySegment y = data.floats(count, numbers);
        for (int from : new int[] {0, 1, 17}) {
            for (int to : new int[] {from, from + 15, from + 16, count}) {
                MemorySegment expected = TestData.copy(x);
                for (int i = from; i < to; i++) {
                    expected.setAtIndex(JAVA_FLOAT, i, x.getAtIndex(JAVA_FLOAT, i) + y.getAtIndex(JAVA_FLOAT, i));
                }
                assertSameBits(from + " to " + to, floats(expected), all(), kernels -> {
                    MemorySegment out = TestData.copy(x);
                    kernels.add(out, y, from, to);
                    return floats(out);
                });
            }
        }
    }

    private static int[] quantized(Kernels kernels, MemorySegment values, int rows, int columns, int from, int to) {
        Activations x = TestData.activations(rows, columns, TestData.zeros((long) rows * columns));
        x.values().copyFrom(values);
        kernels.quantize(x, rows, from, to, 0, columns / Layout.BLOCK);
        return join(bytes(x.codes()), floats(x.scales()), ints(x.sums()), bytes(x.halfSums()), floats(x.scaledSums()));
    }

    @ParameterizedTest
    @EnumSource(Numbers.class)
    void quantize(Numbers numbers) {
        TestData data = new TestData(2);
        for (int blocks = 1; blocks <= 20; blocks++) {
            int columns = blocks * Layout.BLOCK;
            MemorySegment values = data.floats(4L * columns, numbers);
            assertSameBits(blocks + " blocks", kernels -> quantized(kernels, values, 4, columns, 1, 4));
            int half = blocks / 2;
            assertSameBits(half + " of " + blocks + " blocks", kernels -> {
                Activations x = new Activations(Arena.ofAuto(), 4, columns);
                x.values().copyFrom(values);
                kernels.quantize(x, 4, 0, 4, half, half + 1);
                return bytes(x.codes());
            });
        }
    }

    @Test
    void quantizeSpecialBlocks() {
        float smallest = 127 * Float.MIN_NORMAL;
        float[] maxima = {
            0f,
            -0f,
            Float.MIN_VALUE,
            smallest,
            Math.nextDown(smallest),
            -Math.nextUp(smallest),
            Float.MAX_VALUE,
            -Float.MAX_VALUE,
            Float.NaN,
            Float.intBitsToFloat(0xffc00001),
            Float.NEGATIVE_INFINITY,
            Float.POSITIVE_INFINITY,
            127f,
            254f,
            1f
        };
        MemorySegment values = TestData.zeros((long) maxima.length * Layout.BLOCK);
        for (int block = 0; block < maxima.length; block++) {
            float maximum = maxima[block];
            for (int i = 0; i < Layout.BLOCK; i++) {
                // With the maximum 127 these are i - 15.5: ties, to be rounded to even.
                float v = i == 7 ? maximum : (i - 15.5f) / 127f * (Float.isFinite(maximum) ? maximum : 1f);
                values.setAtIndex(JAVA_FLOAT, (long) block * Layout.BLOCK + i, v);
            }
        }
        assertSameBits("special", kernels -> quantized(kernels, values, maxima.length, Layout.BLOCK, 0, maxima.length));

        int[] bits = quantized(SameBits.DEFINITION, values, maxima.length, Layout.BLOCK, 0, maxima.length);
        int[] ties = Arrays.copyOfRange(bits, 12 * Layout.BLOCK, 12 * Layout.BLOCK + 6);
        assertThat(ties).containsExactly(-16, -14, -14, -12, -12, -10);
        int scales = maxima.length * Layout.BLOCK;
        assertThat(bits[scales + 1]).isZero();
        assertThat(bits[scales + 3]).isEqualTo(Float.floatToIntBits(Float.MIN_NORMAL));
        assertThat(bits[scales + 4]).isZero();
        assertThat(bits[scales + 8]).isEqualTo(Float.floatToIntBits(Float.NaN));
        assertThat(bits[scales + 10]).isEqualTo(Float.floatToIntBits(Float.NaN));
    }

    @ParameterizedTest
    @EnumSource(Numbers.class)
    void rotate(Numbers numbers) {
        TestData data = new TestData(3);
        for (int headDim : new int[] {16, 32, 64, 80, 128, 256}) {
            for (int heads : new int[] {1, 3, 9}) {
                long stride = (long) heads * headDim + data.below(20);
                MemorySegment x = data.floats(6 * stride, numbers);
                MemorySegment rotary = data.floats(6L * headDim, numbers);
                assertSameBits(heads + " heads of " + headDim, kernels -> {
                    MemorySegment out = TestData.copy(x);
                    kernels.rotate(out, stride, headDim, rotary, 6, 0, heads * headDim / 32 * 16);
                    kernels.rotate(out, stride, headDim, rotary, 5, heads * headDim / 32 * 16, heads * headDim);
                    return floats(out);
                });
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void activate(Activation activation) {
        TestData data = new TestData(4);
        float[] gates = everyMagnitude();
        MemorySegment up = data.floats(gates.length, Numbers.EXTREME);
        for (int from : new int[] {0, 1, 17}) {
            for (int to : new int[] {from, from + 1, from + 15, gates.length - 1, gates.length}) {
                assertSameBits(from + " to " + to, kernels -> {
                    MemorySegment gate = TestData.floats(gates);
                    kernels.activateGated(activation, gate, up, from, to);
                    MemorySegment x = TestData.floats(gates);
                    kernels.activate(activation, x, from, to);
                    return join(floats(gate), floats(x));
                });
            }
        }
    }

    @Test
    void cap() {
        float[] x = everyMagnitude();
        for (float cap : new float[] {1f, 30f, 50f, 0.01f}) {
            for (int from : new int[] {0, 1, 17}) {
                for (int to : new int[] {from, from + 15, x.length}) {
                    assertSameBits(from + " to " + to + " capped at " + cap, kernels -> {
                        MemorySegment capped = TestData.floats(x);
                        kernels.cap(capped, cap, from, to);
                        return floats(capped);
                    });
                }
            }
        }
    }

    @Test
    void exponentialSum() {
        TestData data = new TestData(8);
        for (int count : new int[] {0, 1, 15, 16, 17, 100, 1000, 1023}) {
            for (float maximum : new float[] {0f, 1.5f, -3f}) {
                float[] x = new float[count];
                for (int i = 0; i < count; i++) {
                    x[i] = i % 50 == 49 ? -200f : (data.below(4000) - 2000) / 100f;
                }
                assertSameBits(
                        "of " + count + " less " + maximum,
                        kernels -> floats(TestData.floats(
                                new float[] {kernels.exponentialSum(TestData.floats(x), count, maximum)})));
            }
        }
        MemorySegment x = TestData.floats(new float[] {0f, (float) Math.log(2), -1e30f});
        assertThat(new ScalarKernels().exponentialSum(x, 3, 0f)).isCloseTo(3f, within(1e-6f));
    }

    @Test
    void largest() {
        TestData data = new TestData(6);
        for (int i = 0; i < 300; i++) {
            int count = 1 + data.below(100);
            float[] x = new float[count];
            int kind = i % 4;
            for (int j = 0; j < count; j++) {
                x[j] = switch (kind) {
                    case 0 -> data.below(4); // ties
                    case 1 -> data.below(2) == 0 ? 0f : -0f;
                    case 2 -> data.below(4 * count) == 0 ? Float.NaN : data.number(Numbers.EXTREME);
                    default -> data.below(4 * count) == 0 ? Float.NEGATIVE_INFINITY : -data.below(1000);
                };
            }
            int most = 1 + data.below(Math.min(count, 12));
            boolean finite = true;
            for (float one : x) {
                finite &= Float.isFinite(one);
            }
            int[] expected = new int[2 * most + 1];
            if (finite) {
                expected[2 * most] = 1;
                int[] order = IntStream.range(0, count)
                        .boxed()
                        .sorted(Comparator.comparingDouble((Integer j) -> -(double) x[j] + 0.0)
                                .thenComparing(j -> j))
                        .mapToInt(Integer::intValue)
                        .toArray();
                for (int j = 0; j < most; j++) {
                    expected[j] = order[j];
                    expected[most + j] = Float.floatToRawIntBits(x[order[j]]);
                }
            }
            MemorySegment memory = TestData.floats(x);
            assertSameBits("largest of " + Arrays.toString(x), expected, all(), kernels -> {
                MemorySegment indices = TestData.floats(new float[most]);
                MemorySegment values = TestData.floats(new float[most]);
                int[] result = new int[2 * most + 1];
                if (kernels.largest(memory, count, most, indices, values)) {
                    result[2 * most] = 1;
                    for (int j = 0; j < most; j++) {
                        result[j] = indices.getAtIndex(ValueLayout.JAVA_INT, j);
                        result[most + j] = values.getAtIndex(ValueLayout.JAVA_INT, j);
                    }
                }
                return result;
            });
        }
    }

    @Test
    void argmax() {
        TestData data = new TestData(5);
        for (int i = 0; i < 300; i++) {
            int count = 1 + data.below(100);
            float[] x = new float[count];
            int kind = i % 6;
            for (int j = 0; j < count; j++) {
                x[j] = switch (kind) {
                    case 0 -> data.below(4); // ties
                    case 1 -> data.below(2) == 0 ? 0f : -0f;
                    case 2 -> Float.NEGATIVE_INFINITY;
                    case 3 -> data.below(count) == 0 ? Float.NaN : data.below(9);
                    case 4 -> data.below(count) == 0 ? Float.POSITIVE_INFINITY : data.number(Numbers.EXTREME);
                    default -> -data.below(1000);
                };
            }
            int expected = 0;
            for (int j = 0; j < count && expected >= 0; j++) {
                if (Float.isNaN(x[j])) {
                    expected = -1;
                } else if (x[j] > x[expected]) {
                    expected = j;
                }
            }
            int[] result = {expected};
            MemorySegment memory = TestData.floats(x);
            assertSameBits("argmax of " + Arrays.toString(x), result, all(), kernels ->
                    new int[] {kernels.argmax(memory, count)});
        }
    }
}
