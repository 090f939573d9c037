package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LastNodeTest {
    @Test
    void subtractsTheChildren() {
        DraftTree tree = new DraftTree(8, 0);
        int a = tree.add(0, 1, 0.75f, DraftOrigin.MASK); // last with 0.75 - 0.625 = 0.125
        int b = tree.add(a, 2, 0.5f, DraftOrigin.MASK); // 0.5
        int c = tree.add(a, 3, 0.125f, DraftOrigin.MASK); // 0.125, and the root 0.25
        assertThat(LastNode.likeliestLast(tree, 8)).containsExactly(b, 0, a, c);
        assertThat(LastNode.likeliestLast(tree, 2)).containsExactly(b, 0);
        assertThat(LastNode.likeliestLast(tree, 0)).isEmpty();
    }

    @Test
    void childrenThatSumAboveTheirParentCountAsZero() {
        DraftTree tree = new DraftTree(8, 0);
        int a = tree.add(0, 1, 0.75f, DraftOrigin.MASK);
        int b = tree.add(0, 2, 0.5f, DraftOrigin.LOOKUP);
        int never = tree.add(0, 3, 0, DraftOrigin.LOOKUP);
        assertThat(LastNode.likeliestLast(tree, 4)).containsExactly(a, b, 0, never);
    }

    @Test
    void equalsASortOfAllNodes() {
        Random random = new Random(1);
        DraftTree tree = new DraftTree(24, 0);
        for (int round = 0; round < 500; round++) {
            tree.clear(0);
            while (!tree.isFull()) {
                int parent = random.nextInt(tree.size());
                tree.add(
                        parent,
                        random.nextInt(9),
                        tree.probability(parent) / (1 << random.nextInt(4)),
                        DraftOrigin.MASK);
            }
            double[] last = new double[tree.size()];
            for (int node = 0; node < last.length; node++) {
                double children = 0;
                for (int child = tree.firstChild(node); child != DraftTree.NONE; child = tree.nextSibling(child)) {
                    children += tree.probability(child); // powers of two: exact in any order
                }
                last[node] = Math.max(0, tree.probability(node) - children);
            }
            int count = random.nextInt(30);
            assertThat(LastNode.likeliestLast(tree, count))
                    .isEqualTo(IntStream.range(0, last.length)
                            .boxed()
                            .sorted(Comparator.comparingDouble(node -> -last[node]))
                            .limit(count)
                            .mapToInt(Integer::intValue)
                            .toArray());
        }
    }
}
