package bita.kernels;

import static bita.kernels.SameBits.DEFINITION;
import static bita.kernels.SameBits.assertSameBits;
import static bita.kernels.SameBits.floats;
import static bita.kernels.SameBits.halves;
import static bita.kernels.SameBits.implementations;
import static bita.kernels.SameBits.join;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import bita.kernels.TestData.Numbers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AttentionTest {
    private static final int[] HEAD_DIMS = {16, 32, 64, 80, 128, 256};
    private static final int[] PREFIXES = {0, 1, 15, 16, 100, 127, 128, 129, 255, 256, 257, 300};

    private static List<Kernels> all() {
        List<Kernels> all = new ArrayList<>(implementations());
        all.add(DEFINITION);
        return all;
    }

    private static AttentionShape shape(int heads, int kvHeads, int headDim) {
        return new AttentionShape(heads, kvHeads, headDim, (float) (1 / Math.sqrt(headDim)));
    }

    private static AttentionShape shape(int heads, int kvHeads, int headDim, float cap, int window) {
        return new AttentionShape(heads, kvHeads, headDim, (float) (1 / Math.sqrt(headDim)), cap, window);
    }

    private static int[] stored(Kernels kernels, MemorySegment x, AttentionShape shape, CacheFormat format) {
        KvLayer layer = AttentionCase.emptyLayer(shape, format, 48);
        int columns = shape.kvHeads() * shape.headDim();
        kernels.storeKeys(x, shape, layer, 13, 30, 16, columns);
        kernels.storeValues(x.asSlice(64), shape, layer, 13, 30, 0, columns - 16);
        return format == CacheFormat.F16
                ? join(halves(layer.keys()), halves(layer.values()))
                : join(floats(layer.keys()), floats(layer.values()));
    }

    @ParameterizedTest
    @EnumSource(CacheFormat.class)
    void storeGivesTheBitsOfTheDefinition(CacheFormat format) {
        TestData data = new TestData(1);
        for (int headDim : HEAD_DIMS) {
            AttentionShape shape = shape(6, 3, headDim);
            for (Numbers numbers : Numbers.values()) {
                MemorySegment x = data.floats(31L * 3 * headDim, numbers);
                assertSameBits("store " + headDim, kernels -> stored(kernels, x, shape, format));
            }
        }
    }

    /** Every f16, its neighbours in f32, and the ties between two f16. */
    @Test
    void storeRoundsToHalfPrecisionAsTheDefinition() {
        AttentionShape shape = shape(1, 1, 16);
        int count = 1 << 16;
        MemorySegment x = TestData.zeros(count * 4L);
        for (int i = 0; i < count; i++) {
            float half = Float.float16ToFloat((short) i);
            float next = Float.float16ToFloat((short) (i + 1));
            x.setAtIndex(JAVA_FLOAT, 4L * i, half);
            x.setAtIndex(JAVA_FLOAT, 4L * i + 1, Math.nextUp(half));
            x.setAtIndex(JAVA_FLOAT, 4L * i + 2, (half + next) / 2);
            x.setAtIndex(JAVA_FLOAT, 4L * i + 3, Math.nextDown((half + next) / 2));
        }
        int slots = count * 4 / 16;
        assertSameBits("halves", kernels -> {
            KvLayer layer = AttentionCase.emptyLayer(shape, CacheFormat.F16, slots);
            AttentionCase.store(kernels, x, x, shape, layer, slots);
            return join(halves(layer.keys()), halves(layer.values()));
        });
    }

    @ParameterizedTest
    @EnumSource(CacheFormat.class)
    void attendGivesTheBitsOfTheDefinition(CacheFormat format) {
        TestData data = new TestData(2);
        int[][] heads = {{1, 1}, {2, 1}, {3, 3}, {6, 2}, {5, 1}};
        for (int headDim : HEAD_DIMS) {
            for (int prefix : PREFIXES) {
                int[] grouped = heads[data.below(heads.length)];
                int prompts = data.chance() ? 0 : 1 + data.below(20);
                Numbers numbers = data.below(6) == 0 ? Numbers.EXTREME : Numbers.ORDINARY;
                AttentionCase attention = AttentionCase.random(
                        data,
                        shape(grouped[0], grouped[1], headDim),
                        format,
                        1 + data.below(5),
                        prefix,
                        prompts,
                        numbers);
                String what = "heads %s of %d, prefix %d, %d prompts, %s"
                        .formatted(Arrays.toString(grouped), headDim, prefix, prompts, numbers);
                assertSameBitsInParts(what, attention, 1 + data.below(5));
            }
        }
    }

    private static void assertSameBitsInParts(String what, AttentionCase attention, int parts) {
        int[] expected = attention.attend(DEFINITION);
        assertSameBits(what, expected, implementations(), attention::attend);
        assertSameBits(
                what + ", " + parts + " parts", expected, all(), kernels -> attention.attendSplit(kernels, parts));
    }

    /** Windows that end in a path, in a block, at a block's border, and before the first position. */
    @ParameterizedTest
    @EnumSource(CacheFormat.class)
    void windowsAndCapsGiveTheBitsOfTheDefinition(CacheFormat format) {
        TestData data = new TestData(8);
        int[][] heads = {{1, 1}, {2, 1}, {6, 2}, {5, 1}};
        float[] caps = {AttentionShape.NO_CAP, 50f, 2f, 0.1f};
        int[] windows = {AttentionShape.NO_WINDOW, 1, 2, 5, 16, 17, 100, 127, 128, 129, 200, 1000};
        for (int prefix : PREFIXES) {
            for (int window : windows) {
                int[] grouped = heads[data.below(heads.length)];
                int headDim = HEAD_DIMS[data.below(HEAD_DIMS.length)];
                float cap = caps[data.below(caps.length)];
                int prompts = data.chance() ? 0 : 1 + data.below(20);
                AttentionCase attention = AttentionCase.random(
                        data,
                        shape(grouped[0], grouped[1], headDim, cap, window),
                        format,
                        1 + data.below(8),
                        prefix,
                        prompts,
                        data.numbers());
                String what = "heads %s of %d, prefix %d, %d prompts, cap %s, window %d"
                        .formatted(Arrays.toString(grouped), headDim, prefix, prompts, cap, window);
                assertSameBitsInParts(what, attention, 1 + data.below(5));
                assertSameBits(what + ", row by row", attention.attend(DEFINITION), all(), kernels -> {
                    int[][] rows = new int[attention.rows()][];
                    Arrays.setAll(rows, row -> attention.row(row).attend(kernels));
                    return join(rows);
                });
            }
        }
    }

    /** Neighbours in a tile, each with another window, which blocks of positions begin or end. */
    @Test
    void rowsOfAChainHaveTheirOwnWindows() {
        TestData data = new TestData(9);
        for (int window : new int[] {1, 3, 20, 127, 128, 129, 130}) {
            AttentionShape shape = shape(3, 1, 32, AttentionShape.NO_CAP, window);
            KvLayer layer = layer(data, shape, 272);
            int rows = 20;
            for (int first : new int[] {1, 120, 128, 246}) {
                int[] prefixes = new int[rows];
                Arrays.setAll(prefixes, row -> first + row);
                Visibility chain = new Visibility(
                        TestData.ints(prefixes),
                        TestData.ints(new int[rows + 1]),
                        TestData.ints(),
                        TestData.ints(new int[rows]));
                MemorySegment query = data.floats(rows * 3L * 32, Numbers.ORDINARY);
                AttentionCase attention = new AttentionCase(shape, layer, PromptLayer.NONE, chain, rows, query);
                assertSameBitsInParts("window " + window + " from " + first, attention, 3);
            }
        }
    }

    private static KvLayer layer(TestData data, AttentionShape shape, int slots) {
        KvLayer layer = AttentionCase.emptyLayer(shape, CacheFormat.F32, slots);
        long stored = (long) slots * shape.kvHeads() * shape.headDim();
        AttentionCase.store(
                DEFINITION,
                data.floats(stored, Numbers.ORDINARY),
                data.floats(stored, Numbers.ORDINARY),
                shape,
                layer,
                slots);
        return layer;
    }

    @Test
    void aWindowAsLargeAsTheContextChangesNothing() {
        TestData data = new TestData(10);
        AttentionCase attention =
                AttentionCase.random(data, shape(4, 2, 32), CacheFormat.F16, 6, 200, 5, Numbers.ORDINARY);
        AttentionShape wide =
                shape(4, 2, 32, AttentionShape.NO_CAP, attention.layer().slots());
        assertSameBits("wide", attention.attend(DEFINITION), all(), attention.with(wide)::attend);
    }

    /** Whole blocks before the window are as if they were not there. */
    @Test
    void aWindowThatBeginsWithABlockIsAShorterContext() {
        TestData data = new TestData(11);
        int width = 2 * 32;
        int slots = 320;
        int skipped = AttentionShape.POSITIONS_PER_BLOCK;
        AttentionShape all = shape(4, 2, 32);
        AttentionShape windowed = shape(4, 2, 32, AttentionShape.NO_CAP, 300 - skipped);
        MemorySegment keys = data.floats((long) slots * width, Numbers.ORDINARY);
        MemorySegment values = data.floats((long) slots * width, Numbers.ORDINARY);
        MemorySegment query = data.floats(4 * 32, Numbers.ORDINARY);
        long bytes = (long) skipped * width * Float.BYTES;
        KvLayer whole = AttentionCase.emptyLayer(all, CacheFormat.F32, slots);
        AttentionCase.store(DEFINITION, keys, values, all, whole, slots);
        KvLayer rest = AttentionCase.emptyLayer(all, CacheFormat.F32, slots - skipped);
        AttentionCase.store(DEFINITION, keys.asSlice(bytes), values.asSlice(bytes), all, rest, slots - skipped);
        // The row's path is of slots 295..309 but for some.
        AttentionCase expected =
                new AttentionCase(all, rest, PromptLayer.NONE, rowWithPath(295 - skipped, skipped), 1, query);
        AttentionCase attention = new AttentionCase(windowed, whole, PromptLayer.NONE, rowWithPath(295, 0), 1, query);
        assertSameBits("window", expected.attend(DEFINITION), all(), attention::attend);
    }

    /** Sees a prefix and five slots behind it; all slots less {@code shift}. */
    private static Visibility rowWithPath(int prefix, int shift) {
        MemorySegment path = TestData.ints(295 - shift, 297 - shift, 300 - shift, 301 - shift, 309 - shift);
        return new Visibility(TestData.ints(prefix), TestData.ints(0, 5), path, TestData.ints(0));
    }

    /** What lies before the windows, keys and values, might be anything; its scores are not even computed. */
    @Test
    void slotsBeforeTheWindowsHaveNoInfluence() {
        TestData data = new TestData(12);
        AttentionShape shape = shape(2, 1, 32, 3f, 60);
        KvLayer clean = layer(data, shape, 320);
        Visibility rows = new Visibility( // positions 250, 253 (of slot 259) and 255
                TestData.ints(251, 251, 256),
                TestData.ints(0, 0, 3, 3),
                TestData.ints(252, 255, 259),
                TestData.ints(0, 0, 0));
        AttentionCase attention =
                new AttentionCase(shape, clean, PromptLayer.NONE, rows, 3, data.floats(3 * 64, Numbers.ORDINARY));
        int seen = 251 - 60;
        KvLayer spoilt = new KvLayer(TestData.copy(clean.keys()), TestData.copy(clean.values()), 320, CacheFormat.F32);
        for (int slot = 0; slot < seen; slot++) {
            for (int d = 0; d < 32; d++) {
                long key = ScalarAttention.keyIndex(spoilt, 32, 0, slot, d);
                spoilt.keys().setAtIndex(JAVA_FLOAT, key, Float.NaN);
                long value = ScalarAttention.valueIndex(spoilt, 32, 0, slot, d);
                spoilt.values().setAtIndex(JAVA_FLOAT, value, Float.NaN);
            }
        }
        int[] expected = attention.attend(DEFINITION);
        assertSameBits("unseen NaN", expected, all(), attention.with(spoilt)::attend);
        assertSameBits(
                "in parts", expected, all(), kernels -> attention.with(spoilt).attendSplit(kernels, 2));

        int items = attention.items();
        MemorySegment scores = TestData.zeros(PositionSplit.scoreFloats(items, 3));
        for (Kernels kernels : all()) {
            PositionSplit split = new PositionSplit(scores.fill((byte) 1), TestData.zeros(items), scores, 3, 1);
            kernels.attendScores(attention.attention(), split, 0);
            for (int item = 0; item < items; item++) {
                for (int slot = 0; slot < seen / Layout.LANES * Layout.LANES; slot++) {
                    assertThat(scores.getAtIndex(JAVA_INT, split.scoresOf(item) + slot))
                            .isEqualTo(0x01010101);
                }
            }
        }
    }

    @Test
    void attendAgreesWithSoftmaxInDoublePrecision() {
        assertAgreesWithSoftmax(shape(1, 1, 16), 0);
        assertAgreesWithSoftmax(shape(1, 1, 16, 2f, AttentionShape.NO_WINDOW), 0);
        assertAgreesWithSoftmax(shape(1, 1, 16, AttentionShape.NO_CAP, 50), 100);
        assertAgreesWithSoftmax(shape(1, 1, 16, 0.5f, 1), 149);
    }

    /** @param first slot that a row at position 149 sees, of 150 */
    private static void assertAgreesWithSoftmax(AttentionShape shape, int first) {
        TestData data = new TestData(3);
        int seen = 150;
        KvLayer layer = AttentionCase.emptyLayer(shape, CacheFormat.F32, 160);
        MemorySegment keys = data.floats(160L * 16, Numbers.ORDINARY);
        MemorySegment values = data.floats(160L * 16, Numbers.ORDINARY);
        AttentionCase.store(DEFINITION, keys, values, shape, layer, 160);
        MemorySegment query = data.floats(16, Numbers.ORDINARY);
        Visibility visibility =
                new Visibility(TestData.ints(seen), TestData.ints(0, 0), TestData.ints(), TestData.ints(0));
        double total = 0;
        double[] expected = new double[16];
        for (int slot = first; slot < seen; slot++) {
            double score = 0;
            for (int d = 0; d < 16; d++) {
                score += query.getAtIndex(JAVA_FLOAT, d) * keys.getAtIndex(JAVA_FLOAT, slot * 16L + d) / 4;
            }
            if (shape.cap() > 0) {
                score = shape.cap() * Math.tanh(score / shape.cap());
            }
            double weight = Math.exp(score);
            total += weight;
            for (int d = 0; d < 16; d++) {
                expected[d] += weight * values.getAtIndex(JAVA_FLOAT, slot * 16L + d);
            }
        }
        int[] bits = new AttentionCase(shape, layer, PromptLayer.NONE, visibility, 1, query).attend(DEFINITION);
        for (int d = 0; d < 16; d++) {
            assertThat((double) Float.intBitsToFloat(bits[d])).isCloseTo(expected[d] / total, within(1e-5));
        }
    }

    /** Prompt tokens have no position: a row whose window is itself alone sees them. */
    @Test
    void promptTokensAreSeenAtAnyDistance() {
        TestData data = new TestData(13);
        AttentionCase attention =
                AttentionCase.random(data, shape(1, 1, 16), CacheFormat.F32, 1, 200, 2, Numbers.ORDINARY);
        Visibility alone = new Visibility(TestData.ints(1), TestData.ints(0, 0), TestData.ints(), TestData.ints(1));
        Visibility far = new Visibility(TestData.ints(200), TestData.ints(0, 1), TestData.ints(201), TestData.ints(1));
        KvLayer layer = AttentionCase.emptyLayer(attention.shape(), CacheFormat.F32, 208);
        MemorySegment zeros = TestData.zeros(208 * 16);
        AttentionCase.store(DEFINITION, zeros, zeros, attention.shape(), layer, 208);
        int[] expected = new AttentionCase(attention.shape(), layer, attention.prompt(), alone, 1, attention.query())
                .attend(DEFINITION);
        AttentionShape itself = shape(1, 1, 16, AttentionShape.NO_CAP, 1);
        AttentionCase windowed = new AttentionCase(itself, layer, attention.prompt(), far, 1, attention.query());
        assertSameBits("itself and prompts", expected, all(), windowed::attend);
        assertSameBits("in parts", expected, all(), kernels -> windowed.attendSplit(kernels, 2));
    }

    @Test
    void refusesCapsAndWindowsThatAreNone() {
        assertThatThrownBy(() -> shape(1, 1, 16, -1f, 0)).hasMessageContaining("cap");
        assertThatThrownBy(() -> shape(1, 1, 16, Float.NaN, 0)).hasMessageContaining("cap");
        assertThatThrownBy(() -> shape(1, 1, 16, Float.POSITIVE_INFINITY, 0)).hasMessageContaining("cap");
        assertThatThrownBy(() -> shape(1, 1, 16, 0f, -1)).hasMessageContaining("window");
    }

    @ParameterizedTest
    @EnumSource(CacheFormat.class)
    void aRowAloneHasTheBitsItHasAmongOthers(CacheFormat format) {
        TestData data = new TestData(4);
        AttentionCase together = AttentionCase.random(data, shape(4, 2, 64), format, 64, 140, 5, Numbers.ORDINARY);
        assertSameBits("row by row", together.attend(DEFINITION), all(), kernels -> {
            int[][] rows = new int[together.rows()][];
            Arrays.setAll(rows, row -> together.row(row).attend(kernels));
            return join(rows);
        });
    }

    @Test
    void splittingOverThreadsChangesNothing() {
        TestData data = new TestData(5);
        AttentionCase attention =
                AttentionCase.random(data, shape(6, 2, 32), CacheFormat.F16, 9, 200, 3, Numbers.ORDINARY);
        int[] expected = attention.attend(DEFINITION);
        for (int threads = 1; threads <= 4; threads++) {
            try (ThreadTeam team = new ThreadTeam(threads)) {
                assertSameBits(threads + " threads", expected, all(), kernels -> {
                    MemorySegment out = TestData.zeros(expected.length);
                    team.run(member -> attention.attend(
                            kernels,
                            out,
                            attention.scratch(),
                            member.from(attention.items()),
                            member.to(attention.items())));
                    return floats(out);
                });
            }
        }
    }

    @ParameterizedTest
    @EnumSource(CacheFormat.class)
    void slotsThatNoRowSeesHaveNoInfluence(CacheFormat format) {
        TestData data = new TestData(6);
        AttentionShape shape = shape(2, 1, 32);
        int slots = 48;
        MemorySegment x = data.floats(slots * 32L, Numbers.ORDINARY);
        KvLayer clean = AttentionCase.emptyLayer(shape, format, slots);
        AttentionCase.store(DEFINITION, x, x, shape, clean, slots);
        KvLayer spoilt = AttentionCase.emptyLayer(shape, format, slots);
        List<Integer> seen = List.of(0, 1, 2, 3, 4, 5, 6, 9, 17, 33, 34);
        MemorySegment nan = TestData.copy(x);
        for (int slot = 0; slot < slots; slot++) {
            for (int d = 0; d < 32 && !seen.contains(slot); d++) {
                nan.setAtIndex(JAVA_FLOAT, slot * 32L + d, d % 2 == 0 ? Float.NaN : Float.POSITIVE_INFINITY);
            }
        }
        AttentionCase.store(DEFINITION, nan, nan, shape, spoilt, slots);
        Visibility visibility =
                new Visibility(TestData.ints(7), TestData.ints(0, 4), TestData.ints(9, 17, 33, 34), TestData.ints(0));
        MemorySegment query = data.floats(64, Numbers.ORDINARY);
        AttentionCase attention = new AttentionCase(shape, clean, PromptLayer.NONE, visibility, 1, query);
        assertSameBits("unseen NaN", attention.attend(DEFINITION), all(), attention.with(spoilt)::attend);
    }

    @Test
    void notANumberInASeenSlotIsNotHidden() {
        TestData data = new TestData(7);
        AttentionCase attention =
                AttentionCase.random(data, shape(1, 1, 16), CacheFormat.F32, 3, 140, 0, Numbers.ORDINARY);
        attention.layer().keys().setAtIndex(JAVA_FLOAT, 0, Float.NaN);
        for (Kernels kernels : all()) {
            assertThat(attention.row(0).attend(kernels)).containsOnly(Float.floatToIntBits(Float.NaN));
        }
        assertSameBits("NaN key", attention::attend);
    }
}
