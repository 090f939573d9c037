package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DraftTreeTest {
    @Test
    void startsAsItsRoot() {
        DraftTree tree = new DraftTree(4, 17);
        assertThat(tree.size()).isEqualTo(1);
        assertThat(tree.capacity()).isEqualTo(4);
        assertThat(tree.token(0)).isEqualTo(17);
        assertThat(tree.parent(0)).isEqualTo(DraftTree.NONE);
        assertThat(tree.depth(0)).isZero();
        assertThat(tree.probability(0)).isEqualTo(1);
        assertThat(tree.origin(0)).isEqualTo(DraftOrigin.ROOT);
        assertThat(tree.firstChild(0)).isEqualTo(DraftTree.NONE);
        assertThat(tree.path(0)).containsExactly(0);
    }

    @Test
    void mergesEqualChildren() {
        DraftTree tree = new DraftTree(8, 0);
        int five = tree.add(0, 5, 0.5f, DraftOrigin.MASK, 0);
        int six = tree.add(0, 6, 0.25f, DraftOrigin.MASK, 0);
        assertThat(tree.add(0, 6, 0.75f, DraftOrigin.LOOKUP, 0)).isEqualTo(six);
        assertThat(tree.add(0, 5, 0.125f, DraftOrigin.LOOKUP, 0)).isEqualTo(five);
        assertThat(tree.size()).isEqualTo(3);
        assertThat(tree.probability(five)).isEqualTo(0.5f);
        assertThat(tree.probability(six)).isEqualTo(0.75f);
        assertThat(tree.origin(six)).isEqualTo(DraftOrigin.MASK);
        assertThat(children(tree, 0)).containsExactly(six, five);
        // The same token behind another parent is another node.
        assertThat(tree.add(five, 6, 0.1f, DraftOrigin.LOOKUP, 0)).isEqualTo(3);
        assertThat(tree.path(3)).containsExactly(0, five, 3);
    }

    @Test
    void fullTreeStillMerges() {
        DraftTree tree = new DraftTree(2, 0);
        assertThat(tree.isFull()).isFalse();
        assertThat(tree.add(0, 5, 0.5f, DraftOrigin.MASK, 0)).isEqualTo(1);
        assertThat(tree.isFull()).isTrue();
        assertThat(tree.add(0, 6, 0.5f, DraftOrigin.MASK, 0)).isEqualTo(DraftTree.NONE);
        assertThat(tree.size()).isEqualTo(2);
        assertThat(tree.add(0, 5, 0.75f, DraftOrigin.MASK, 0)).isEqualTo(1);
        assertThat(tree.probability(1)).isEqualTo(0.75f);
    }

    @Test
    void clearForgetsEverything() {
        DraftTree tree = new DraftTree(4, 0);
        tree.add(tree.add(0, 5, 0.5f, DraftOrigin.MASK, 0), 6, 0.5f, DraftOrigin.MASK, 0);
        tree.clear(9, 0);
        assertThat(tree.size()).isEqualTo(1);
        assertThat(tree.token(0)).isEqualTo(9);
        assertThat(tree.child(0, 5)).isEqualTo(DraftTree.NONE);
        assertThat(tree.add(0, 7, 0.5f, DraftOrigin.LOOKUP, 0)).isEqualTo(1);
        assertThat(tree.firstChild(1)).isEqualTo(DraftTree.NONE);
    }

    @Test
    void refusesWhatCannotBe() {
        DraftTree tree = new DraftTree(4, 0);
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> tree.add(1, 5, 0.5f, DraftOrigin.MASK, 0));
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> tree.token(1));
        assertThatIllegalArgumentException().isThrownBy(() -> tree.add(0, 5, Float.NaN, DraftOrigin.MASK, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> tree.add(0, 5, 1.5f, DraftOrigin.MASK, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> tree.add(0, 5, 0.5f, DraftOrigin.ROOT, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> new DraftTree(0, 0));
    }

    /** Random trees, reused, against a map from paths to probabilities. */
    @Test
    void isAMapFromPaths() {
        Random random = new Random(1);
        DraftTree tree = new DraftTree(40, 0);
        for (int round = 0; round < 500; round++) {
            tree.clear(round, 0);
            Map<List<Integer>, Float> expected = new HashMap<>();
            List<List<Integer>> paths = new ArrayList<>(List.of(List.of()));
            for (int i = 0; i < 80; i++) {
                int parent = random.nextInt(tree.size());
                int token = random.nextInt(4);
                float probability = random.nextInt(9) / 8f;
                List<Integer> path = new ArrayList<>(paths.get(parent));
                path.add(token);
                int node = tree.add(parent, token, probability, DraftOrigin.MASK, 0);
                if (expected.containsKey(path)) {
                    assertThat(paths.get(node)).isEqualTo(path);
                    expected.merge(path, probability, Math::max);
                } else if (paths.size() < tree.capacity()) {
                    assertThat(node).isEqualTo(paths.size());
                    paths.add(path);
                    expected.put(path, probability);
                } else {
                    assertThat(node).isEqualTo(DraftTree.NONE);
                }
            }
            assertThat(tree.size()).isEqualTo(paths.size());
            for (int node = 1; node < tree.size(); node++) {
                List<Integer> path = paths.get(node);
                assertThat(tree.parent(node)).isEqualTo(paths.indexOf(path.subList(0, path.size() - 1)));
                assertThat(tree.parent(node)).isLessThan(node);
                assertThat(tree.depth(node)).isEqualTo(path.size());
                assertThat(tree.token(node)).isEqualTo(path.getLast());
                assertThat(tree.probability(node)).isEqualTo(expected.get(path));
                assertThat(tree.child(tree.parent(node), path.getLast())).isEqualTo(node);
            }
            int seen = 0;
            for (int node = 0; node < tree.size(); node++) {
                List<Integer> children = children(tree, node);
                seen += children.size();
                for (int i = 1; i < children.size(); i++) {
                    int before = children.get(i - 1);
                    int after = children.get(i);
                    assertThat(tree.probability(before) > tree.probability(after)
                                    || (tree.probability(before) == tree.probability(after) && before < after))
                            .isTrue();
                }
            }
            assertThat(seen).isEqualTo(tree.size() - 1);
        }
    }

    private static List<Integer> children(DraftTree tree, int node) {
        List<Integer> children = new ArrayList<>();
        for (int child = tree.firstChild(node); child != DraftTree.NONE; child = tree.nextSibling(child)) {
            children.add(child);
        }
        return children;
    }
}
