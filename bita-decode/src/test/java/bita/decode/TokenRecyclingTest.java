package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;

import bita.model.TinyModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenRecyclingTest {
    @TempDir
    static Path folder;

    private static LogitRows rows;

    @BeforeAll
    static void load() {
        rows = new LogitRows(folder);
    }

    @AfterAll
    static void close() {
        rows.close();
    }

    private static TokenRecycling recycling(int nodes) {
        return new TokenRecycling(TinyModel.VOCABULARY, nodes);
    }

    private static int[] likeliest(float[] row) {
        return IntStream.range(0, row.length)
                .boxed()
                .sorted(Comparator.comparingDouble(token -> -row[token]))
                .limit(TokenRecycling.RANKS)
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Every row of a pass leaves its likeliest tokens, the last of several rows of a token, unless it has NaN. */
    @Test
    void keepsTheLikeliestTokensOfEveryRow() {
        Random random = new Random(3);
        TokenRecycling recycling = recycling(4);
        Map<Integer, int[]> expected = new HashMap<>();
        for (int pass = 0; pass < 300; pass++) {
            DraftTree tree = new DraftTree(1 + random.nextInt(9), random.nextInt(20));
            while (!tree.isFull()) {
                tree.add(random.nextInt(tree.size()), random.nextInt(TinyModel.VOCABULARY), 0, DraftOrigin.LOOKUP, 0);
            }
            float[][] logits = new float[tree.size()][];
            for (int node = 0; node < logits.length; node++) {
                logits[node] = LogitRows.random(random);
                if (random.nextInt(4) == 0) {
                    float[] hostile = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
                    logits[node][random.nextInt(TinyModel.VOCABULARY)] = hostile[random.nextInt(3)];
                } else {
                    expected.put(tree.token(node), likeliest(logits[node]));
                }
            }
            recycling.observe(tree, rows.of(logits), tree.size());
            recycling.append(random.nextInt(TinyModel.VOCABULARY));
            recycling.truncate(0); // what a new prompt does leaves the table alone

            for (int token = 0; token < TinyModel.VOCABULARY; token++) {
                assertThat(recycling.successors(token)).isEqualTo(expected.getOrDefault(token, new int[0]));
            }
        }
        assertThat(expected).hasSizeGreaterThan(90);
    }

    private static void teach(TokenRecycling recycling, int token, int... successors) {
        float[] row = new float[TinyModel.VOCABULARY];
        Arrays.fill(row, -1);
        for (int rank = 0; rank < successors.length; rank++) {
            row[successors[rank]] = 100 - rank;
        }
        recycling.observe(new DraftTree(1, token), rows.of(row), 1);
    }

    @Test
    void draftsThePathsLikeliestByRank() {
        TokenRecycling recycling = recycling(5);
        teach(recycling, 1, 10, 11, 12);
        teach(recycling, 10, 20, 21);
        teach(recycling, 20, 10);
        DraftTree tree = new DraftTree(32, 1);
        recycling.grow(tree);

        assertThat(tree.size()).isEqualTo(6);
        assertThat(tree.token(1)).isEqualTo(10); // 0.4
        assertThat(tree.token(2)).isEqualTo(20); // 0.16, behind it
        assertThat(tree.parent(2)).isEqualTo(1);
        assertThat(tree.token(3)).isEqualTo(11); // 0.12, and nothing is known behind it
        assertThat(tree.parent(3)).isZero();
        assertThat(tree.token(4)).isEqualTo(10); // 0.064, behind 20
        assertThat(tree.parent(4)).isEqualTo(2);
        assertThat(tree.token(5)).isEqualTo(12); // 0.06
        for (int node = 1; node < tree.size(); node++) {
            assertThat(tree.origin(node)).isEqualTo(DraftOrigin.RECYCLING);
            assertThat(tree.probability(node)).isLessThan(tree.probability(tree.parent(node)));
        }
    }

    @Test
    void continuesWhatOthersHaveDrafted() {
        TokenRecycling recycling = recycling(2);
        teach(recycling, 1, 7, 10);
        teach(recycling, 7, 30);
        DraftTree tree = new DraftTree(32, 1);
        int other = tree.add(0, 7, 0.9f, DraftOrigin.AUTOMATON, 0);
        recycling.grow(tree);

        assertThat(tree.origin(other)).isEqualTo(DraftOrigin.AUTOMATON);
        assertThat(tree.size()).isEqualTo(3); // the root's likeliest successor is there already
        assertThat(tree.token(2)).isEqualTo(30);
        assertThat(tree.parent(2)).isEqualTo(other);
    }

    @Test
    void draftsNothingBehindUnknownTokensNorIntoAFullTree() {
        TokenRecycling recycling = recycling(16);
        DraftTree tree = new DraftTree(3, 1);
        recycling.grow(tree);
        assertThat(tree.size()).isEqualTo(1);
        teach(recycling, 1, 1);
        recycling.grow(tree);
        assertThat(tree.isFull()).isTrue();
    }
}
