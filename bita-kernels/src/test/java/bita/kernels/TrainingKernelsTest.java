package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import bita.kernels.TestData.Numbers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Gradients are held against finite differences of the forward kernels, and every implementation against the
 * definition.
 */
class TrainingKernelsTest {
    private static final TrainingKernels DEFINITION = new ScalarTraining();

    private static List<TrainingKernels> all() {
        List<TrainingKernels> all = new ArrayList<>();
        for (InstructionSet isa : KernelsProvider.instructionSets()) {
            all.add(KernelsProvider.training(
                    KernelsProvider.of(Backend.NATIVE, Optional.of(isa)).kernels()));
        }
        assertThat(all).isNotEmpty();
        all.add(DEFINITION);
        return all;
    }

    private static void assertClose(String what, MemorySegment actual, MemorySegment expected, double tolerance) {
        double largest = 0;
        for (long i = 0; i < expected.byteSize() / 4; i++) {
            largest = Math.max(largest, Math.abs(expected.getAtIndex(JAVA_FLOAT, i)));
        }
        for (long i = 0; i < expected.byteSize() / 4; i++) {
            float e = expected.getAtIndex(JAVA_FLOAT, i);
            float a = actual.getAtIndex(JAVA_FLOAT, i);
            if (!(Math.abs(a - e) <= tolerance * largest)) {
                throw new AssertionError(what + ": " + a + " at " + i + " instead of " + e);
            }
        }
    }

    /** The derivative of a value by one number in memory. */
    private static double slope(MemorySegment x, long index, double step, DoubleSupplier value) {
        float before = x.getAtIndex(JAVA_FLOAT, index);
        x.setAtIndex(JAVA_FLOAT, index, (float) (before + step));
        double above = value.getAsDouble();
        x.setAtIndex(JAVA_FLOAT, index, (float) (before - step));
        double below = value.getAsDouble();
        x.setAtIndex(JAVA_FLOAT, index, before);
        return (above - below) / (2 * step);
    }

    private static double dot(MemorySegment a, MemorySegment b) {
        double sum = 0;
        for (long i = 0; i < a.byteSize() / 4; i++) {
            sum += (double) a.getAtIndex(JAVA_FLOAT, i) * b.getAtIndex(JAVA_FLOAT, i);
        }
        return sum;
    }

    private static MemorySegment scratch() {
        return TestData.zeros(TrainingKernels.PRODUCT_SCRATCH_FLOATS);
    }

    @ParameterizedTest
    @EnumSource
    void productsAgreeWithTheDefinition(NumberFormat format) {
        TestData data = new TestData(1);
        int[][] sizes = {{1, 32}, {17, 64}, {40, 96}, {33, 1056}, {1040, 32}};
        for (int[] size : sizes) {
            int rows = 1 + data.below(30);
            int columns = format.quantized()
                    ? Math.ceilDiv(size[1], format.blockSize()) * format.blockSize()
                    : size[1] - 1 - data.below(18);
            PackedMatrix weights = data.matrix(format, size[0], columns, Numbers.ORDINARY);
            MemorySegment x = data.floats((long) rows * columns, Numbers.ORDINARY);
            MemorySegment y = data.floats((long) rows * size[0], Numbers.ORDINARY);
            int blocks = Math.ceilDiv(columns, Layout.BLOCK);
            for (boolean add : new boolean[] {false, true}) {
                MemorySegment out = TestData.copy(y);
                MemorySegment dx = TestData.copy(x);
                DEFINITION.multiply(weights, x, rows, out, add, scratch(), 0, weights.panels());
                DEFINITION.multiplyBackward(weights, y, rows, dx, add, scratch(), 0, blocks);
                for (TrainingKernels kernels : all()) {
                    MemorySegment out2 = TestData.copy(y);
                    int middle = weights.panels() / 2;
                    kernels.multiply(weights, x, rows, out2, add, scratch(), middle, weights.panels());
                    kernels.multiply(weights, x, rows, out2, add, scratch(), 0, middle);
                    assertClose(format + " forward", out2, out, 1e-5);
                    MemorySegment dx2 = TestData.copy(x);
                    kernels.multiplyBackward(weights, y, rows, dx2, add, scratch(), blocks / 2, blocks);
                    kernels.multiplyBackward(weights, y, rows, dx2, add, scratch(), 0, blocks / 2);
                    assertClose(format + " backward", dx2, dx, 1e-5);
                }
            }
        }
    }

    /** The backward product is the transpose of the forward one: (W x) y = x (W^T y). */
    @ParameterizedTest
    @EnumSource
    void theBackwardProductIsTheTranspose(NumberFormat format) {
        TestData data = new TestData(2);
        int columns = Math.max(96, format.blockSize());
        PackedMatrix weights = data.matrix(format, 50, columns, Numbers.ORDINARY);
        MemorySegment x = data.floats(columns, Numbers.ORDINARY);
        MemorySegment y = data.floats(50, Numbers.ORDINARY);
        for (TrainingKernels kernels : all()) {
            MemorySegment out = TestData.zeros(50);
            MemorySegment dx = TestData.zeros(columns);
            kernels.multiply(weights, x, 1, out, false, scratch(), 0, weights.panels());
            kernels.multiplyBackward(weights, y, 1, dx, false, scratch(), 0, Math.ceilDiv(columns, Layout.BLOCK));
            double expected = dot(out, y);
            assertThat(dot(x, dx)).isCloseTo(expected, within(Math.max(1e-3, 1e-6 * Math.abs(expected))));
        }
    }

    @Test
    void normGradientsAreSlopes() {
        TestData data = new TestData(3);
        for (int columns : new int[] {16, 37, 96}) {
            MemorySegment x = data.floats(2L * columns, Numbers.ORDINARY);
            MemorySegment weight = data.floats(columns, Numbers.ORDINARY);
            MemorySegment dy = data.floats(2L * columns, Numbers.ORDINARY);
            MemorySegment before = data.floats(2L * columns, Numbers.ORDINARY);
            MemorySegment out = TestData.zeros(2L * columns);
            MemorySegment expected = TestData.copy(before);
            for (int i = 0; i < 2 * columns; i++) {
                double slope = slope(x, i, 1e-2, () -> {
                    SameBits.DEFINITION.rmsNorm(x, weight, 1e-5f, out, columns, 0, 2);
                    return dot(out, dy);
                });
                expected.setAtIndex(JAVA_FLOAT, i, (float) (before.getAtIndex(JAVA_FLOAT, i) + slope));
            }
            for (TrainingKernels kernels : all()) {
                MemorySegment dx = TestData.copy(before);
                kernels.rmsNormBackward(x, weight, 1e-5f, dy, dx, columns, 1, 2);
                kernels.rmsNormBackward(x, weight, 1e-5f, dy, dx, columns, 0, 1);
                assertClose("norm of " + columns, dx, expected, 1e-3);
            }
        }
    }

    @Test
    void layerNormGradientsAreSlopes() {
        TestData data = new TestData(9);
        for (int columns : new int[] {16, 37, 96}) {
            MemorySegment x = data.floats(2L * columns, Numbers.ORDINARY);
            for (int i = 0; i < columns; i++) { // a row whose mean is not zero
                x.setAtIndex(JAVA_FLOAT, i, x.getAtIndex(JAVA_FLOAT, i) + 3);
            }
            MemorySegment weight = data.floats(columns, Numbers.ORDINARY);
            MemorySegment bias = data.floats(columns, Numbers.ORDINARY);
            MemorySegment dy = data.floats(2L * columns, Numbers.ORDINARY);
            MemorySegment before = data.floats(2L * columns, Numbers.ORDINARY);
            MemorySegment out = TestData.zeros(2L * columns);
            MemorySegment expected = TestData.copy(before);
            for (int i = 0; i < 2 * columns; i++) {
                double slope = slope(x, i, 1e-2, () -> {
                    SameBits.DEFINITION.layerNorm(x, weight, bias, 1e-5f, out, columns, 0, 2);
                    return dot(out, dy);
                });
                expected.setAtIndex(JAVA_FLOAT, i, (float) (before.getAtIndex(JAVA_FLOAT, i) + slope));
            }
            for (TrainingKernels kernels : all()) {
                MemorySegment dx = TestData.copy(before);
                kernels.layerNormBackward(x, weight, 1e-5f, dy, dx, columns, 1, 2);
                kernels.layerNormBackward(x, weight, 1e-5f, dy, dx, columns, 0, 1);
                assertClose("norm of " + columns, dx, expected, 1e-3);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void activationGradientsAreSlopes(Activation activation) {
        TestData data = new TestData(4);
        int count = 43;
        MemorySegment gate = data.floats(count, Numbers.ORDINARY);
        for (int i = 0; i < 8; i++) { // where the function bends, and where it does not
            gate.setAtIndex(JAVA_FLOAT, i, 1.5f * i - 6);
        }
        MemorySegment up = data.floats(count, Numbers.ORDINARY);
        MemorySegment d = data.floats(count, Numbers.ORDINARY);
        DoubleSupplier gated = () -> {
            MemorySegment out = TestData.copy(gate);
            SameBits.DEFINITION.activateGated(activation, out, up, 0, count);
            return dot(out, d);
        };
        DoubleSupplier plain = () -> {
            MemorySegment out = TestData.copy(gate);
            SameBits.DEFINITION.activate(activation, out, 0, count);
            return dot(out, d);
        };
        MemorySegment dGate = TestData.zeros(count);
        MemorySegment dUp = TestData.zeros(count);
        MemorySegment dPlain = TestData.zeros(count);
        for (int i = 0; i < count; i++) {
            dGate.setAtIndex(JAVA_FLOAT, i, (float) slope(gate, i, 1e-2, gated));
            dUp.setAtIndex(JAVA_FLOAT, i, (float) slope(up, i, 1e-2, gated));
            dPlain.setAtIndex(JAVA_FLOAT, i, (float) slope(gate, i, 1e-2, plain));
        }
        for (TrainingKernels kernels : all()) {
            MemorySegment g = TestData.copy(gate);
            MemorySegment u = TestData.copy(up);
            kernels.activateGatedBackward(activation, g, u, d, 0, 20);
            kernels.activateGatedBackward(activation, g, u, d, 20, count);
            assertClose("gate", g, dGate, 1e-3);
            assertClose("up", u, dUp, 1e-3);
            MemorySegment x = TestData.copy(gate);
            kernels.activateBackward(activation, x, d, 0, 21);
            kernels.activateBackward(activation, x, d, 21, count);
            assertClose("plain", x, dPlain, 1e-3);
        }
    }

    @Test
    void capGradientsAreSlopes() {
        TestData data = new TestData(10);
        int count = 43;
        float cap = 2;
        MemorySegment x = data.floats(count, Numbers.ORDINARY);
        MemorySegment d = data.floats(count, Numbers.ORDINARY);
        MemorySegment capped = TestData.copy(x);
        SameBits.DEFINITION.cap(capped, cap, 0, count);
        MemorySegment expected = TestData.zeros(count);
        for (int i = 0; i < count; i++) {
            double slope = slope(x, i, 1e-2, () -> {
                MemorySegment out = TestData.copy(x);
                SameBits.DEFINITION.cap(out, cap, 0, count);
                return dot(out, d);
            });
            expected.setAtIndex(JAVA_FLOAT, i, (float) slope);
        }
        for (TrainingKernels kernels : all()) {
            MemorySegment dx = TestData.copy(d);
            kernels.capBackward(capped, cap, dx, 0, 5);
            kernels.capBackward(capped, cap, dx, 5, count);
            assertClose("cap", dx, expected, 1e-3);
        }
    }

    /** A few mask groups behind prefixes of real tokens. */
    private static final class Groups {
        final int masks;
        final int groups;
        final int prompts;
        final AttentionShape shape;
        final KvLayer layer;
        final int[] prefix;
        final MemorySegment query;
        final MemorySegment dOut;
        final MemorySegment maskKeys;
        final MemorySegment maskValues;
        final MemorySegment promptKeys;
        final MemorySegment promptValues;

        Groups(TestData data, int masks, int groups, int prompts, AttentionShape shape, int slots) {
            this.masks = masks;
            this.groups = groups;
            this.prompts = prompts;
            this.shape = shape;
            layer = AttentionCase.emptyLayer(shape, CacheFormat.F32, slots);
            long stored = (long) slots * shape.kvHeads() * shape.headDim();
            AttentionCase.store(
                    SameBits.DEFINITION,
                    data.floats(stored, Numbers.ORDINARY),
                    data.floats(stored, Numbers.ORDINARY),
                    shape,
                    layer,
                    slots);
            prefix = new int[groups];
            for (int i = 0; i < groups; i++) {
                prefix[i] = 1 + data.below(slots);
            }
            long rows = (long) groups * masks;
            query = data.floats(rows * shape.heads() * shape.headDim(), Numbers.ORDINARY);
            dOut = data.floats(rows * shape.heads() * shape.headDim(), Numbers.ORDINARY);
            maskKeys = data.floats(rows * shape.kvHeads() * shape.headDim(), Numbers.ORDINARY);
            maskValues = data.floats(rows * shape.kvHeads() * shape.headDim(), Numbers.ORDINARY);
            promptKeys = data.floats((long) prompts * shape.heads() * shape.headDim(), Numbers.ORDINARY);
            promptValues = data.floats((long) prompts * shape.heads() * shape.headDim(), Numbers.ORDINARY);
        }

        /** Gradients for the queries, the masks' keys and values, the prompts' keys and values. */
        List<MemorySegment> backward(TrainingKernels kernels) {
            int headDim = shape.headDim();
            MemorySegment keyRows = TestData.zeros(layer.keys().byteSize() / 4);
            MemorySegment valuePanels = TestData.zeros(layer.values().byteSize() / 4);
            kernels.turnCache(layer, headDim, layer.slots(), keyRows, valuePanels, 0, shape.kvHeads());
            List<MemorySegment> gradients =
                    List.of(zeros(query), zeros(maskKeys), zeros(maskValues), zeros(promptKeys), zeros(promptValues));
            MaskAttention attention = new MaskAttention(
                    masks,
                    shape,
                    query,
                    dOut,
                    layer,
                    keyRows,
                    valuePanels,
                    TestData.ints(prefix),
                    maskKeys,
                    maskValues,
                    promptKeys,
                    promptValues,
                    prompts,
                    gradients.get(0),
                    gradients.get(1),
                    gradients.get(2),
                    gradients.get(3),
                    gradients.get(4));
            MemorySegment scratch = TestData.zeros(2 * shape.scratchFloats(layer.slots(), 0));
            for (int head = 0; head < shape.kvHeads(); head++) {
                kernels.attendBackward(attention, scratch, head, 0, groups / 2);
                kernels.attendBackward(attention, scratch, head, groups / 2, groups);
            }
            return gradients;
        }

        private static MemorySegment zeros(MemorySegment like) {
            return TestData.zeros(like.byteSize() / 4);
        }

        /** The sum of dOut times what the forward kernel makes of all this. */
        double value() {
            int headDim = shape.headDim();
            double sum = 0;
            for (int group = 0; group < groups; group++) {
                // The forward kernel finds a group's masks in slots of their own, behind the prefix.
                int slots = (prefix[group] + masks + 15) / 16 * 16;
                KvLayer own = AttentionCase.emptyLayer(shape, CacheFormat.F32, slots);
                int width = shape.kvHeads() * headDim;
                MemorySegment keys = TestData.zeros((long) prefix[group] * width);
                MemorySegment values = TestData.zeros((long) prefix[group] * width);
                for (int slot = 0; slot < prefix[group]; slot++) {
                    for (int k = 0; k < width; k++) {
                        long key = ScalarAttention.keyIndex(layer, headDim, k / headDim, slot, k % headDim);
                        long value = ScalarAttention.valueIndex(layer, headDim, k / headDim, slot, k % headDim);
                        long to = (long) slot * width + k;
                        keys.setAtIndex(JAVA_FLOAT, to, layer.keys().getAtIndex(JAVA_FLOAT, key));
                        values.setAtIndex(JAVA_FLOAT, to, layer.values().getAtIndex(JAVA_FLOAT, value));
                    }
                }
                Kernels kernels = SameBits.DEFINITION;
                kernels.storeKeys(keys, shape, own, 0, prefix[group], 0, width);
                kernels.storeValues(values, shape, own, 0, prefix[group], 0, width);
                long rowBytes = (long) masks * width * Float.BYTES;
                kernels.storeKeys(
                        maskKeys.asSlice(group * rowBytes, rowBytes), shape, own, prefix[group], masks, 0, width);
                kernels.storeValues(
                        maskValues.asSlice(group * rowBytes, rowBytes), shape, own, prefix[group], masks, 0, width);
                int[] prefixes = new int[masks];
                int[] starts = new int[masks + 1];
                int[] prompted = new int[masks];
                for (int i = 0; i < masks; i++) {
                    prefixes[i] = prefix[group] + i + 1;
                    prompted[i] = 1;
                }
                Visibility visibility = new Visibility(
                        TestData.ints(prefixes), TestData.ints(starts), TestData.ints(), TestData.ints(prompted));
                long queryBytes = (long) masks * shape.heads() * headDim * Float.BYTES;
                MemorySegment out = TestData.zeros(queryBytes / 4);
                Attention attention = new Attention(
                        query.asSlice(group * queryBytes, queryBytes), masks, shape, own, promptLayer(), visibility);
                kernels.attend(attention, out, MemorySegment.NULL, 0, attention.items());
                sum += dot(out, dOut.asSlice(group * queryBytes, queryBytes));
            }
            return sum;
        }

        private PromptLayer promptLayer() {
            int headDim = shape.headDim();
            int panels = (prompts + 15) / 16;
            MemorySegment keys = TestData.zeros((long) shape.heads() * panels * headDim * 16);
            MemorySegment values = TestData.zeros((long) shape.heads() * prompts * headDim);
            for (int p = 0; p < prompts; p++) {
                for (int head = 0; head < shape.heads(); head++) {
                    for (int d = 0; d < headDim; d++) {
                        long from = ((long) p * shape.heads() + head) * headDim + d;
                        long key = (((long) head * panels + p / 16) * headDim + d) * 16 + p % 16;
                        keys.setAtIndex(JAVA_FLOAT, key, promptKeys.getAtIndex(JAVA_FLOAT, from));
                        long value = ((long) head * prompts + p) * headDim + d;
                        values.setAtIndex(JAVA_FLOAT, value, promptValues.getAtIndex(JAVA_FLOAT, from));
                    }
                }
            }
            return new PromptLayer(keys, values, prompts);
        }
    }

    private static AttentionShape shape(int heads, int kvHeads, int headDim) {
        return shape(heads, kvHeads, headDim, AttentionShape.NO_CAP, AttentionShape.NO_WINDOW);
    }

    private static AttentionShape shape(int heads, int kvHeads, int headDim, float cap, int window) {
        return new AttentionShape(heads, kvHeads, headDim, (float) (1 / Math.sqrt(headDim)), cap, window);
    }

    @Test
    void attentionGradientsAreSlopes() {
        TestData data = new TestData(5);
        assertSlopes(new Groups(data, 2, 2, 3, shape(2, 1, 16), 32));
        assertSlopes(new Groups(data, 2, 2, 3, shape(2, 1, 16, 1.5f, AttentionShape.NO_WINDOW), 32));
        assertSlopes(new Groups(data, 3, 2, 1, shape(2, 1, 16, AttentionShape.NO_CAP, 2), 32));
        assertSlopes(new Groups(data, 2, 2, 0, shape(2, 2, 16, 1.5f, 12), 32));
    }

    private static void assertSlopes(Groups groups) {
        List<MemorySegment> inputs =
                List.of(groups.query, groups.maskKeys, groups.maskValues, groups.promptKeys, groups.promptValues);
        List<MemorySegment> expected = new ArrayList<>();
        for (MemorySegment input : inputs) {
            MemorySegment slopes = TestData.zeros(input.byteSize() / 4);
            for (long i = 0; i < input.byteSize() / 4; i++) {
                slopes.setAtIndex(JAVA_FLOAT, i, (float) slope(input, i, 2e-2, groups::value));
            }
            expected.add(slopes);
        }
        for (TrainingKernels kernels : all()) {
            List<MemorySegment> gradients = groups.backward(kernels);
            for (int i = 0; i < inputs.size(); i++) {
                assertClose(groups.shape + ", gradient " + i, gradients.get(i), expected.get(i), 5e-3);
            }
        }
    }

    @Test
    void attentionGradientsAgreeWithTheDefinition() {
        TestData data = new TestData(6);
        int[][] shapes = {{1, 1, 16}, {6, 2, 32}, {9, 3, 64}, {5, 1, 80}, {2, 2, 256}};
        float[] caps = {AttentionShape.NO_CAP, 20f, 1f};
        int[] windows = {AttentionShape.NO_WINDOW, 1, 3, 16, 40, 200};
        for (int[] sizes : shapes) {
            for (int slots : new int[] {16, 160, 304}) {
                for (int window : windows) {
                    Groups groups = new Groups(
                            data,
                            1 + data.below(5),
                            1 + data.below(4),
                            data.below(20),
                            shape(sizes[0], sizes[1], sizes[2], caps[data.below(caps.length)], window),
                            slots);
                    List<MemorySegment> expected = groups.backward(DEFINITION);
                    for (TrainingKernels kernels : all()) {
                        List<MemorySegment> gradients = groups.backward(kernels);
                        for (int i = 0; i < expected.size(); i++) {
                            String what = groups.shape + ", gradient " + i;
                            assertClose(what, gradients.get(i), expected.get(i), 1e-4);
                        }
                    }
                }
            }
        }
    }

    @Test
    void outerProductsAgreeWithTheDefinition() {
        TestData data = new TestData(8);
        for (int[] size : new int[][] {{1, 1, 1}, {16, 32, 5}, {32, 17, 30}, {7, 100, 3}, {33, 16, 64}}) {
            MemorySegment left = data.floats((long) size[2] * size[0], Numbers.ORDINARY);
            MemorySegment right = data.floats((long) size[2] * size[1], Numbers.ORDINARY);
            MemorySegment before = data.floats((long) size[0] * size[1], Numbers.ORDINARY);
            MemorySegment expected = TestData.copy(before);
            DEFINITION.addOuterProducts(left, size[0], right, size[1], size[2], expected, 0, size[0]);
            for (TrainingKernels kernels : all()) {
                MemorySegment whole = TestData.copy(before);
                kernels.addOuterProducts(left, size[0], right, size[1], size[2], whole, 0, size[0]);
                assertClose("outer products", whole, expected, 1e-5);
                MemorySegment parts = TestData.copy(before);
                int middle = data.below(size[0]);
                kernels.addOuterProducts(left, size[0], right, size[1], size[2], parts, middle, size[0]);
                kernels.addOuterProducts(left, size[0], right, size[1], size[2], parts, 0, middle);
                assertThat(parts.mismatch(whole)).isEqualTo(-1);
            }
        }
    }

    @Test
    void softmaxSumsToOne() {
        TestData data = new TestData(7);
        for (int count : new int[] {1, 15, 16, 100, 1000}) {
            MemorySegment x = data.floats(count, Numbers.ORDINARY);
            MemorySegment expected = TestData.copy(x);
            float logSum = DEFINITION.softmax(expected, count);
            float threshold = 1f / count;
            for (TrainingKernels kernels : all()) {
                MemorySegment actual = TestData.copy(x);
                assertThat(kernels.softmax(actual, count)).isCloseTo(logSum, within(1e-5f));
                assertClose("softmax of " + count, actual, expected, 1e-5);
                assertThat(kernels.countAbove(expected, count, threshold))
                        .isEqualTo(DEFINITION.countAbove(expected, count, threshold));
                MemorySegment combined = TestData.copy(x);
                kernels.combine(combined, 2, actual, -3, count);
                for (int i = 0; i < count; i++) {
                    assertThat(combined.getAtIndex(JAVA_FLOAT, i))
                            .isCloseTo(
                                    2 * x.getAtIndex(JAVA_FLOAT, i) - 3 * actual.getAtIndex(JAVA_FLOAT, i),
                                    within(1e-5f));
                }
            }
            x.setAtIndex(JAVA_FLOAT, count / 2, Float.NaN);
            for (TrainingKernels kernels : all()) {
                assertThat(kernels.softmax(TestData.copy(x), count)).isNaN();
            }
        }
    }

    @Test
    void theVectorApiHasNoKernelsOfTuning() {
        Kernels vector = KernelsProvider.of(Backend.VECTOR, Optional.empty()).kernels();
        assertThatThrownBy(() -> KernelsProvider.training(vector)).hasMessageContaining("C compiler");
    }
}
