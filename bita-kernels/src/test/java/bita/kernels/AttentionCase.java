package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import bita.kernels.TestData.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** The inputs of {@link Kernels#attend}. */
record AttentionCase(
        AttentionShape shape, KvLayer layer, PromptLayer prompt, Visibility visibility, int rows, MemorySegment query) {

    /** Rows on the branches of a random tree of draft slots behind prefixes of up to {@code prefix} slots. */
    static AttentionCase random(
            TestData data,
            AttentionShape shape,
            CacheFormat format,
            int rows,
            int prefix,
            int prompts,
            Numbers numbers) {
        int draft = 1 + data.below(40);
        int slots = (prefix + draft + Layout.LANES - 1) / Layout.LANES * Layout.LANES;
        KvLayer layer = emptyLayer(shape, format, slots);
        long stored = (long) slots * shape.kvHeads() * shape.headDim();
        store(SameBits.DEFINITION, data.floats(stored, numbers), data.floats(stored, numbers), shape, layer, slots);

        int[] prefixes = new int[rows];
        int[] starts = new int[rows + 1];
        int[] prompted = new int[rows];
        List<Integer> path = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            prefixes[row] = data.chance() ? prefix : data.below(prefix + 1);
            prompted[row] = data.below(2);
            TreeSet<Integer> branch = new TreeSet<>();
            int length = data.below(12);
            for (int i = 0; i < length; i++) {
                branch.add(prefixes[row] + data.below(prefix + draft - prefixes[row]));
            }
            if (prefixes[row] == 0) {
                branch.add(data.below(prefix + draft)); // a row sees at least itself
            }
            path.addAll(branch);
            starts[row + 1] = path.size();
        }
        Visibility visibility = new Visibility(
                TestData.ints(prefixes),
                TestData.ints(starts),
                TestData.ints(path.stream().mapToInt(Integer::intValue).toArray()),
                TestData.ints(prompted));
        MemorySegment query = data.floats((long) rows * shape.heads() * shape.headDim(), numbers);
        return new AttentionCase(shape, layer, promptLayer(data, shape, prompts, numbers), visibility, rows, query);
    }

    /** Fills the first slots. */
    static void store(
            Kernels kernels, MemorySegment keys, MemorySegment values, AttentionShape shape, KvLayer layer, int slots) {
        int columns = shape.kvHeads() * shape.headDim();
        kernels.storeKeys(keys, shape, layer, 0, slots, 0, columns);
        kernels.storeValues(values, shape, layer, 0, slots, 0, columns);
    }

    static KvLayer emptyLayer(AttentionShape shape, CacheFormat format, int slots) {
        long bytes = (long) slots * shape.kvHeads() * shape.headDim() * format.bytes();
        Arena arena = Arena.ofAuto();
        return new KvLayer(arena.allocate(bytes, 64), arena.allocate(bytes, 64), slots, format);
    }

    private static PromptLayer promptLayer(TestData data, AttentionShape shape, int prompts, Numbers numbers) {
        if (prompts == 0) {
            return PromptLayer.NONE;
        }
        int padded = (prompts + Layout.LANES - 1) / Layout.LANES * Layout.LANES;
        return new PromptLayer(
                data.floats((long) shape.heads() * padded * shape.headDim(), numbers),
                data.floats((long) shape.heads() * prompts * shape.headDim(), numbers),
                prompts);
    }

    int items() {
        return rows * shape.heads();
    }

    /** The case of one of the rows alone. */
    AttentionCase row(int row) {
        long start = visibility.pathStart().getAtIndex(JAVA_INT, row);
        long end = visibility.pathStart().getAtIndex(JAVA_INT, row + 1L);
        long floats = (long) shape.heads() * shape.headDim();
        Visibility alone = new Visibility(
                TestData.ints(visibility.prefix().getAtIndex(JAVA_INT, row)),
                TestData.ints(0, (int) (end - start)),
                visibility.path().asSlice(start * Integer.BYTES, (end - start) * Integer.BYTES),
                TestData.ints(visibility.prompted().getAtIndex(JAVA_INT, row)));
        MemorySegment own = query.asSlice(row * floats * Float.BYTES, floats * Float.BYTES);
        return new AttentionCase(shape, layer, prompt, alone, 1, own);
    }

    AttentionCase with(KvLayer other) {
        return new AttentionCase(shape, other, prompt, visibility, rows, query);
    }

    AttentionCase with(AttentionShape other) {
        return new AttentionCase(other, layer, prompt, visibility, rows, query);
    }

    MemorySegment scratch() {
        return TestData.zeros(shape.scratchFloats(layer.slots(), prompt.prompts()));
    }

    Attention attention() {
        return new Attention(query, rows, shape, layer, prompt, visibility);
    }

    /** The same by positions, in a number of parts. */
    int[] attendSplit(Kernels kernels, int parts) {
        Attention attention = attention();
        int blocks = Math.ceilDiv(layer.slots(), AttentionShape.POSITIONS_PER_BLOCK);
        PositionSplit split = new PositionSplit(
                TestData.zeros(PositionSplit.scoreFloats(items(), blocks)),
                TestData.zeros((long) items() * parts),
                TestData.zeros(PositionSplit.partialFloats(items(), blocks, shape.headDim())),
                blocks,
                parts);
        for (int part = parts - 1; part >= 0; part--) {
            kernels.attendScores(attention, split, part);
        }
        for (int part = parts - 1; part >= 0; part--) {
            kernels.attendBlocks(attention, split, scratch(), part);
        }
        MemorySegment out = TestData.zeros((long) items() * shape.headDim());
        kernels.attendTotals(attention, split, out, 0, items() / 2);
        kernels.attendTotals(attention, split, out, items() / 2, items());
        return SameBits.floats(out);
    }

    int[] attend(Kernels kernels) {
        MemorySegment out = TestData.zeros((long) items() * shape.headDim());
        attend(kernels, out, scratch(), 0, items());
        return SameBits.floats(out);
    }

    void attend(Kernels kernels, MemorySegment out, MemorySegment scratch, int from, int to) {
        kernels.attend(attention(), out, scratch, from, to);
    }
}
