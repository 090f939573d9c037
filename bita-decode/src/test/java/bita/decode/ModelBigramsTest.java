package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ModelBigramsTest {
    private static ModelBigrams bigrams(int... rows) {
        return new ModelBigrams(Bigrams.of(rows));
    }

    @Test
    void draftsThePathsThatWereSaidMostOften() {
        // Shares: 1 -> 10 0.84, 1 -> 11 0.10, 10 -> 20 0.46, 20 -> 1 0.91.
        ModelBigrams source = bigrams(1, 10, 43, 1, 11, 6, 10, 20, 6, 10, -1, 4, 20, 1, 50);
        DraftTree tree = new DraftTree(6, 1);
        source.grow(tree);

        assertThat(tree.size()).isEqualTo(6);
        assertThat(tree.token(1)).isEqualTo(10); // 0.45
        assertThat(tree.probability(1)).isEqualTo(0.45f);
        assertThat(tree.token(2)).isEqualTo(20); // 0.45 * 0.22, behind it
        assertThat(tree.parent(2)).isEqualTo(1);
        assertThat(tree.token(3)).isEqualTo(11); // 0.06
        assertThat(tree.parent(3)).isZero();
        assertThat(tree.token(4)).isEqualTo(1); // behind 20
        assertThat(tree.parent(4)).isEqualTo(2);
        assertThat(tree.token(5)).isEqualTo(10); // behind that
        assertThat(tree.origin(5)).isEqualTo(DraftOrigin.BIGRAM);
    }

    /** What others have not thought of behind a token is less likely than where they have thought of nothing. */
    @Test
    void continuesOthersAndComesBehindThem() {
        ModelBigrams source = bigrams(1, 10, 43, 7, 30, 43);
        DraftTree tree = new DraftTree(8, 1);
        int other = tree.add(0, 7, 0.9f, DraftOrigin.AUTOMATON, 0);
        source.grow(tree);

        assertThat(tree.origin(other)).isEqualTo(DraftOrigin.AUTOMATON);
        assertThat(tree.size()).isEqualTo(4);
        assertThat(tree.token(2)).isEqualTo(30);
        assertThat(tree.parent(2)).isEqualTo(other);
        assertThat(tree.probability(2)).isEqualTo(0.9f * 0.45f);
        assertThat(tree.token(3)).isEqualTo(10);
        assertThat(tree.probability(3)).isEqualTo(0.15f);
    }

    @Test
    void learnsHowOftenItIsRight() {
        ModelBigrams source = bigrams(1, 10, 43, 2, 10, 3);
        DraftTree tree = new DraftTree(2, 1);
        source.grow(tree);
        for (int i = 0; i < 50; i++) {
            source.learn(tree.kind(1), false);
        }
        tree.clear(1, 0);
        source.grow(tree);
        assertThat(tree.probability(1)).isLessThan(0.1f);
        tree.clear(2, 0); // another share, a half, of which nothing was learned
        source.grow(tree);
        assertThat(tree.probability(1)).isEqualTo(0.22f);
    }

    @Test
    void draftsNothingBehindUnknownTokensNorWhatIsTooUnlikely() {
        ModelBigrams source = bigrams(1, 10, 43);
        DraftTree tree = new DraftTree(4, 2);
        source.grow(tree);
        assertThat(tree.size()).isEqualTo(1);
        tree.clear(1, 0.5f);
        source.grow(tree);
        assertThat(tree.size()).isEqualTo(1);
        new ModelBigrams(Bigrams.none()).grow(tree);
        assertThat(tree.size()).isEqualTo(1);
    }
}
