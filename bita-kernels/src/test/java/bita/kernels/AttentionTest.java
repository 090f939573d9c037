package bita.kernels;

import static bita.kernels.SameBits.DEFINITION;
import static bita.kernels.SameBits.assertSameBits;
import static bita.kernels.SameBits.floats;
import static bita.kernels.SameBits.halves;
import static bita.kernels.SameBits.implementations;
import static bita.kernels.SameBits.join;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
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
                int[] expected = attention.attend(DEFINITION);
                assertSameBits(what, expected, implementations(), attention::attend);
                int parts = 1 + data.below(5);
                assertSameBits(
                        what + ", " + parts + " parts",
                        expected,
                        all(),
                        kernels -> attention.attendSplit(kernels, parts));
            }
        }
    }

    @Test
    void attendAgreesWithSoftmaxInDoublePrecision() {
        TestData data = new TestData(3);
        AttentionShape shape = shape(1, 1, 16);
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
        for (int slot = 0; slot < seen; slot++) {
            double score = 0;
            for (int d = 0; d < 16; d++) {
                score += query.getAtIndex(JAVA_FLOAT, d) * keys.getAtIndex(JAVA_FLOAT, slot * 16L + d);
            }
            double weight = Math.exp(score / 4);
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
