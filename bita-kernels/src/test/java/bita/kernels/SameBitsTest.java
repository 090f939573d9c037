package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.SameBits.Computation;
import bita.kernels.TestData.Numbers;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The comparison finds a kernel that only sums in another order. Each wrong kernel passes once its order is right. */
class SameBitsTest {
    /** Kernels of which one sums as told; the comparisons below use no other. */
    private static Kernels kernels(InvocationHandler handler) {
        return (Kernels) Proxy.newProxyInstance(
                Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("backend")) {
                        return Backend.SCALAR;
                    }
                    if (method.getName().equals("instructionSet")) {
                        return InstructionSet.GENERIC;
                    }
                    return handler.invoke(proxy, method, arguments);
                });
    }

    private static void assertCaught(Kernels right, Kernels wrong, Computation computation) {
        int[] expected = computation.run(SameBits.DEFINITION);
        assertThatCode(() -> SameBits.assertSameBits("in order", expected, List.of(right), computation))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> SameBits.assertSameBits("reordered", expected, List.of(wrong), computation))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("reordered");
    }

    private static Kernels floatProduct(boolean reversed) {
        return kernels((proxy, method, arguments) -> {
            PackedMatrix weights = (PackedMatrix) arguments[0];
            MemorySegment x = ((Activations) arguments[1]).values();
            int columns = weights.columns();
            for (int output = 0; output < weights.rows(); output++) {
                float sum = 0;
                for (int i = 0; i < columns; i++) {
                    int k = reversed ? columns - 1 - i : i;
                    sum = Math.fma(weights.weight(output, k), x.getAtIndex(JAVA_FLOAT, k), sum);
                }
                ((MemorySegment) arguments[3]).setAtIndex(JAVA_FLOAT, output, sum);
            }
            return null;
        });
    }

    @Test
    void columnsInReverseAreCaught() {
        TestData data = new TestData(1);
        PackedMatrix weights = data.matrix(NumberFormat.F32, 20, 100, Numbers.ORDINARY);
        Activations x = data.activations(1, 100, Numbers.ORDINARY);
        assertCaught(floatProduct(false), floatProduct(true), kernels -> {
            MemorySegment out = TestData.zeros(20);
            kernels.multiply(weights, x, 1, out, 20, false, 0, weights.panels());
            return SameBits.floats(out);
        });
    }

    private static Kernels blockProduct(boolean pairwise) {
        return kernels((proxy, method, arguments) -> {
            PackedMatrix weights = (PackedMatrix) arguments[0];
            Activations x = (Activations) arguments[1];
            int blocks = weights.columns() / Layout.BLOCK;
            for (int output = 0; output < weights.rows(); output++) {
                float even = 0;
                float odd = 0;
                for (int b = 0; b < blocks; b++) {
                    int dot = 0;
                    for (int k = b * Layout.BLOCK; k < (b + 1) * Layout.BLOCK; k++) {
                        dot += weights.code(output, k) * x.codes().get(JAVA_BYTE, k);
                    }
                    float scale = weights.scale(output, b) * x.scales().getAtIndex(JAVA_FLOAT, b);
                    if (pairwise && b % 2 == 1) {
                        odd = Math.fma(scale, dot, odd);
                    } else {
                        even = Math.fma(scale, dot, even);
                    }
                }
                ((MemorySegment) arguments[3]).setAtIndex(JAVA_FLOAT, output, even + odd);
            }
            return null;
        });
    }

    @Test
    void blocksSummedInPairsAreCaught() {
        TestData data = new TestData(2);
        PackedMatrix weights = data.matrix(NumberFormat.Q4_0, 20, 320, Numbers.ORDINARY);
        Activations x = data.activations(1, 320, Numbers.ORDINARY);
        assertCaught(blockProduct(false), blockProduct(true), kernels -> {
            MemorySegment out = TestData.zeros(20);
            kernels.multiply(weights, x, 1, out, 20, false, 0, weights.panels());
            return SameBits.floats(out);
        });
    }

    /** Attention of one head to a prefix in an f32 cache. */
    private static Kernels attention(int positionsPerBlock) {
        return kernels((proxy, method, arguments) -> {
            Attention given = (Attention) arguments[0];
            MemorySegment query = given.query();
            AttentionShape shape = given.shape();
            KvLayer layer = given.layer();
            int prefix = given.visibility().prefix().getAtIndex(JAVA_INT, 0);
            int headDim = shape.headDim();
            float[] weights = new float[prefix];
            float maximum = Float.NEGATIVE_INFINITY;
            for (int slot = 0; slot < prefix; slot++) {
                for (int d = 0; d < headDim; d++) {
                    long key = ((long) slot / 16 * headDim + d) * 16 + slot % 16;
                    weights[slot] = Math.fma(
                            query.getAtIndex(JAVA_FLOAT, d), layer.keys().getAtIndex(JAVA_FLOAT, key), weights[slot]);
                }
                weights[slot] *= shape.scale();
                maximum = Math.max(maximum, weights[slot]);
            }
            for (int d = 0; d < headDim; d++) {
                float total = 0;
                float totalWeight = 0;
                for (int first = 0; first < prefix; first += positionsPerBlock) {
                    float sum = 0;
                    float sumWeight = 0;
                    for (int slot = first; slot < Math.min(first + positionsPerBlock, prefix); slot++) {
                        float weight = ScalarMath.exp(weights[slot] - maximum);
                        sumWeight += weight;
                        long value = (long) slot * headDim + d;
                        sum = Math.fma(weight, layer.values().getAtIndex(JAVA_FLOAT, value), sum);
                    }
                    total += sum;
                    totalWeight += sumWeight;
                }
                ((MemorySegment) arguments[1]).setAtIndex(JAVA_FLOAT, d, total / totalWeight);
            }
            return null;
        });
    }

    @Test
    void blocksOfPositionsSummedInHalvesAreCaught() {
        TestData data = new TestData(3);
        AttentionShape shape = new AttentionShape(1, 1, 32, 0.2f);
        AttentionCase random = AttentionCase.random(data, shape, CacheFormat.F32, 1, 128, 0, Numbers.ORDINARY);
        Visibility prefix = new Visibility(TestData.ints(128), TestData.ints(0, 0), TestData.ints(), TestData.ints(0));
        AttentionCase attention = new AttentionCase(shape, random.layer(), PromptLayer.NONE, prefix, 1, random.query());
        assertCaught(
                attention(AttentionShape.POSITIONS_PER_BLOCK),
                attention(AttentionShape.POSITIONS_PER_BLOCK / 2),
                attention::attend);
    }
}
