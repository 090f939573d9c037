package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TreeShapeTest {
    /** Parents as the reference's attention masks show them, its node i being node i + 1 here. */
    @ParameterizedTest
    @CsvSource({
        "chain, 0 1 2",
        "chain:2, 0 1",
        "half:1, 0 1 2",
        "half:3, 0 0 0 1 1 1 4 4 4",
        "upper-triangle:5, 0 0 0 0 0 1 1 1 1 6 6 6",
        "upper-triangle:2, 0 0 1",
        "full:2, 0 0 1 1 2 2 3 3 4 4 5 5 6 6",
    })
    void hasTheReferencesShape(String shape, String parents) {
        DraftTree tree = new DraftTree(64, 1000);
        TreeShape.parse(shape).grow(tree, candidates(3, 10));
        List<String> actual = new ArrayList<>();
        for (int node = 1; node < tree.size(); node++) {
            actual.add(Integer.toString(tree.parent(node)));
            assertThat(tree.origin(node)).isEqualTo(DraftOrigin.MASK);
        }
        assertThat(String.join(" ", actual)).isEqualTo(parents);
    }

    @Test
    void fullHasEveryPath() {
        DraftTree tree = new DraftTree(85, 1000);
        new TreeShape.Full(4).grow(tree, candidates(3, 10));
        assertThat(tree.size()).isEqualTo(1 + 4 + 16 + 64);
        // The reference's full tree of 4: node 83 (its 82) is behind 20 (19) and 4 (3).
        assertThat(tree.path(83)).containsExactly(0, 4, 20, 83);
    }

    @ParameterizedTest
    @ValueSource(strings = {"chain", "chain:2", "half:3", "upper-triangle:5", "full:3", "best:20"})
    void nodesAreCandidatesWithTheProductOfTheirProbabilities(String shape) {
        MaskCandidates candidates = candidates(4, 6);
        DraftTree tree = new DraftTree(200, 1000);
        TreeShape.parse(shape).grow(tree, candidates);
        assertThat(tree.size()).isGreaterThan(2);
        for (int node = 1; node < tree.size(); node++) {
            double product = 1;
            int[] path = tree.path(node);
            for (int level = 1; level < path.length; level++) {
                product *= candidates.probability(level - 1, rank(candidates, level - 1, tree.token(path[level])));
            }
            assertThat((double) tree.probability(node)).isCloseTo(product, within(1e-7));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"chain", "half", "upper-triangle", "full", "best:30"})
    void isNoDeeperThanTheMasksWithCandidates(String shape) {
        DraftTree tree = new DraftTree(64, 1000);
        TreeShape.parse(shape).grow(tree, MaskCandidates.none());
        assertThat(tree.size()).isEqualTo(1);

        // The second of three masks had NaN.
        TreeShape.parse(shape).grow(tree, MaskCandidates.of(new int[][] {{1, 2}, {}, {3}}, new float[][] {
            {0.5f, 0.25f}, {}, {0.5f}
        }));
        assertThat(tree.size()).isEqualTo(shape.equals("chain") ? 2 : 3);
        for (int node = 1; node < tree.size(); node++) {
            assertThat(tree.depth(node)).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"chain", "half:5", "upper-triangle:5", "full:5", "best:300"})
    void stopsWhenTheTreeIsFull(String shape) {
        DraftTree whole = new DraftTree(400, 1000);
        TreeShape.parse(shape).grow(whole, candidates(3, 8));
        for (int capacity = 1; capacity < Math.min(40, whole.size()); capacity++) {
            DraftTree tree = new DraftTree(capacity, 1000);
            TreeShape.parse(shape).grow(tree, candidates(3, 8));
            assertThat(tree.size()).isEqualTo(capacity);
            for (int node = 1; node < capacity; node++) {
                assertThat(tree.token(node)).isEqualTo(whole.token(node));
                assertThat(tree.parent(node)).isEqualTo(whole.parent(node));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"chain", "half:3", "upper-triangle:3", "full:2", "best:6"})
    void mergesWithWhatIsThere(String shape) {
        MaskCandidates candidates = candidates(3, 4);
        DraftTree alone = new DraftTree(64, 1000);
        TreeShape.parse(shape).grow(alone, candidates);
        DraftTree tree = new DraftTree(64, 1000);
        // The masks' best two, then a token they do not have.
        int first = tree.add(0, candidates.token(0, 0), 0.9f, DraftOrigin.LOOKUP, 0);
        int second = tree.add(first, candidates.token(1, 0), 0.8f, DraftOrigin.LOOKUP, 0);
        tree.add(second, 777, 0.7f, DraftOrigin.LOOKUP, 0);
        TreeShape.parse(shape).grow(tree, candidates);
        assertThat(tree.size()).isEqualTo(alone.size() + 1);
        assertThat(tree.origin(first)).isEqualTo(DraftOrigin.LOOKUP);
        assertThat(tree.probability(second)).isEqualTo(0.8f);
        // A node of the masks alone has the masks' probability, though its parent was raised.
        int third = tree.child(second, candidates.token(2, 0));
        if (third != DraftTree.NONE) {
            assertThat(tree.probability(third))
                    .isEqualTo(
                            candidates.probability(0, 0) * candidates.probability(1, 0) * candidates.probability(2, 0));
        }
    }

    /** Against a sort of all paths by product, then length, then ranks. */
    @Test
    void bestFirstTakesTheLikeliestPaths() {
        Random random = new Random(1);
        for (int round = 0; round < 300; round++) {
            int masks = 1 + random.nextInt(4);
            int[][] tokens = new int[masks][];
            float[][] probabilities = new float[masks][];
            for (int mask = 0; mask < masks; mask++) {
                tokens[mask] = new int[1 + random.nextInt(5)];
                probabilities[mask] = new float[tokens[mask].length];
                float probability = 1;
                for (int rank = 0; rank < tokens[mask].length; rank++) {
                    tokens[mask][rank] = 10 * mask + rank;
                    // Powers of two: many exact ties.
                    probability /= 1 << random.nextInt(3);
                    probabilities[mask][rank] = probability;
                }
            }
            MaskCandidates candidates = MaskCandidates.of(tokens, probabilities);
            List<Path> all = new ArrayList<>();
            addPaths(all, candidates, new Path(List.of(), 1));
            all.sort(Comparator.comparingDouble((Path path) -> -path.probability)
                    .thenComparingInt(path -> path.ranks.size())
                    .thenComparing(path -> path.ranks.toString()));
            int nodes = 1 + random.nextInt(40);
            DraftTree tree = new DraftTree(1000, 1000);
            new TreeShape.BestFirst(nodes).grow(tree, candidates);
            assertThat(tree.size()).isEqualTo(1 + Math.min(nodes, all.size()));
            for (int node = 1; node < tree.size(); node++) {
                List<Integer> ranks = new ArrayList<>();
                for (int at : tree.path(node)) {
                    if (at > 0) {
                        ranks.add(tree.token(at) % 10);
                    }
                }
                assertThat(ranks).as("round %d, node %d", round, node).isEqualTo(all.get(node - 1).ranks);
            }
        }
    }

    @Test
    void parsesNames() {
        assertThat(TreeShape.parse("chain")).isEqualTo(TreeShape.Chain.ofAllMasks());
        assertThat(TreeShape.parse("chain:4")).isEqualTo(new TreeShape.Chain(4));
        assertThat(TreeShape.parse("half")).isEqualTo(new TreeShape.Half(3));
        assertThat(TreeShape.parse("upper-triangle")).isEqualTo(new TreeShape.UpperTriangle(5));
        assertThat(TreeShape.parse("full")).isEqualTo(new TreeShape.Full(2));
        assertThat(TreeShape.parse("best")).isEqualTo(new TreeShape.BestFirst(8));
        for (String name : List.of("chain", "chain:4", "half:2", "upper-triangle:3", "full:3", "best:16")) {
            assertThat(TreeShape.parse(name).name()).isEqualTo(name);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "tree", "half:", "half:0", "half:-1", "half:x", "half:1:2", ":3", "best:99999999999"})
    void refusesOtherNames(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TreeShape.parse(text))
                .withMessageContaining("\"" + text + "\"")
                .withMessageContaining(TreeShape.FORMS);
    }

    @Test
    void refusesEmptyShapes() {
        assertThatIllegalArgumentException().isThrownBy(() -> new TreeShape.Chain(0));
        assertThatIllegalArgumentException().isThrownBy(() -> new TreeShape.Half(0));
        assertThatIllegalArgumentException().isThrownBy(() -> new TreeShape.UpperTriangle(0));
        assertThatIllegalArgumentException().isThrownBy(() -> new TreeShape.Full(0));
        assertThatIllegalArgumentException().isThrownBy(() -> new TreeShape.BestFirst(0));
    }

    private record Path(List<Integer> ranks, double probability) {}

    private static void addPaths(List<Path> all, MaskCandidates candidates, Path before) {
        int mask = before.ranks.size();
        if (mask == candidates.masks()) {
            return;
        }
        for (int rank = 0; rank < candidates.count(mask); rank++) {
            List<Integer> ranks = new ArrayList<>(before.ranks);
            ranks.add(rank);
            Path path = new Path(ranks, before.probability * candidates.probability(mask, rank));
            all.add(path);
            addPaths(all, candidates, path);
        }
    }

    /** Token 100 m + r at rank r of mask m, with probabilities that fall with both. */
    private static MaskCandidates candidates(int masks, int count) {
        int[][] tokens = new int[masks][count];
        float[][] probabilities = new float[masks][count];
        for (int mask = 0; mask < masks; mask++) {
            for (int rank = 0; rank < count; rank++) {
                tokens[mask][rank] = 100 * mask + rank;
                probabilities[mask][rank] = 0.4f / (mask + 1 + 2 * rank);
            }
        }
        return MaskCandidates.of(tokens, probabilities);
    }

    private static int rank(MaskCandidates candidates, int mask, int token) {
        for (int rank = 0; rank < candidates.count(mask); rank++) {
            if (candidates.token(mask, rank) == token) {
                return rank;
            }
        }
        throw new AssertionError("token " + token + " is no candidate of mask " + mask);
    }
}
