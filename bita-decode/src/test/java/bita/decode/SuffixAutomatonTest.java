package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SuffixAutomatonTest {
    @Test
    void continuesTheLongestSuffix() {
        SuffixAutomaton automaton = automaton(1, 2, 3, 4, 5, 50, 9, 4, 5, 60, 1, 2, 3, 4, 5);

        assertThat(automaton.matchLength()).isEqualTo(5);
        assertThat(draft(automaton, 5)).startsWith(50, 9, 4, 5, 60);
    }

    @Test
    void continuesTheLatestOccurrence() {
        SuffixAutomaton automaton = automaton(3, 4, 50, 51, 3, 4, 60, 61, 9, 3, 4);

        assertThat(automaton.matchLength()).isEqualTo(2);
        assertThat(draft(automaton, 4)).startsWith(60, 61);
    }

    @Test
    void aLongerMatchIsTrustedFurther() {
        int[] text = IntStream.range(0, 200).toArray();
        List<Integer> lengths = new ArrayList<>();
        for (int match : new int[] {1, 2, 4, 40}) {
            SuffixAutomaton automaton = automaton(text);
            IntStream.range(100 - match, 100).forEach(automaton::append);
            assertThat(automaton.matchLength()).isEqualTo(match);
            lengths.add(draft(automaton, 99).size());
        }

        assertThat(lengths)
                .isSorted()
                .startsWith(1)
                .endsWith(SuffixAutomaton.MOST)
                .doesNotHaveDuplicates();
    }

    @Test
    void draftsNothingWithoutAMatch() {
        SuffixAutomaton automaton = automaton();
        assertThat(automaton.matchLength()).isZero();
        assertThat(draft(automaton, 0)).isEmpty();
        automaton.append(1);
        automaton.append(2);
        assertThat(automaton.matchLength()).isZero();
        assertThat(draft(automaton, 2)).isEmpty();
    }

    /** Length and latest end of the match, against a search of the whole sequence. */
    @Test
    void equalsASearchOfTheWholeSequence() {
        Random random = new Random(1);
        int matches = 0;
        for (int round = 0; round < 150; round++) {
            int alphabet = 1 + random.nextInt(9);
            SuffixAutomaton automaton = automaton();
            int[] tokens = new int[300];
            int size = 0;
            for (int step = 0; step < 400 && size < tokens.length; step++) {
                if (random.nextInt(60) == 0) {
                    size = random.nextInt(size + 1);
                    automaton.truncate(size);
                } else {
                    // Far apart and negative too: a token is any int.
                    tokens[size] = random.nextInt(alphabet) * 0x10001 - 3;
                    automaton.append(tokens[size++]);
                }
                int[] expected = longestMatch(tokens, size);
                assertThat(automaton.matchLength())
                        .as("round %d, %d tokens of %d", round, size, alphabet)
                        .isEqualTo(expected[0]);
                if (expected[0] > 0) {
                    matches++;
                    assertThat(automaton.matchEnd())
                            .as("round %d, %d tokens of %d", round, size, alphabet)
                            .isEqualTo(expected[1]);
                }
            }
        }
        assertThat(matches).isGreaterThan(10_000);
    }

    /** Where more suffixes repeat than are told of a new end, the match is still as long, and a match. */
    @Test
    void anOccurrenceIsOneInRunsOfOneTokenToo() {
        Random random = new Random(2);
        int earlier = 0;
        int[] tokens = new int[400];
        SuffixAutomaton automaton = automaton();
        for (int size = 1; size <= tokens.length; size++) {
            tokens[size - 1] = random.nextInt(25) == 0 ? 1 + random.nextInt(2) : 0;
            automaton.append(tokens[size - 1]);
            int[] expected = longestMatch(tokens, size);
            assertThat(automaton.matchLength()).isEqualTo(expected[0]);
            if (expected[0] > 0) {
                int end = automaton.matchEnd();
                assertThat(end).isLessThan(size);
                assertThat(Arrays.copyOfRange(tokens, end - expected[0], end))
                        .isEqualTo(Arrays.copyOfRange(tokens, size - expected[0], size));
                earlier += end < expected[1] ? 1 : 0;
            }
        }
        assertThat(earlier).as("earlier than the latest").isBetween(1, 200);
    }

    @Test
    void growsWithManyDifferentTokens() {
        SuffixAutomaton automaton = automaton(IntStream.range(0, 20_000).toArray());
        for (int at : new int[] {0, 77, 4095, 19_980}) {
            IntStream.range(at, at + 4).forEach(automaton::append);
            assertThat(automaton.matchLength()).isEqualTo(4);
            assertThat(draft(automaton, at + 3)).startsWith(at + 4, at + 5, at + 6);
            automaton.truncate(20_000);
        }
    }

    @Test
    void refusesWhatCannotBe() {
        SuffixAutomaton automaton = automaton(1, 2);
        assertThatIllegalArgumentException().isThrownBy(() -> automaton.truncate(3));
        assertThatIllegalArgumentException().isThrownBy(() -> automaton.truncate(-1));
    }

    private static SuffixAutomaton automaton(int... tokens) {
        SuffixAutomaton automaton = new SuffixAutomaton();
        Arrays.stream(tokens).forEach(automaton::append);
        return automaton;
    }

    private static List<Integer> draft(SuffixAutomaton automaton, int root) {
        DraftTree tree = new DraftTree(64, root);
        automaton.grow(tree);
        List<Integer> draft = new ArrayList<>();
        for (int node = 1; node < tree.size(); node++) {
            assertThat(tree.parent(node)).as("a chain").isEqualTo(node - 1);
            assertThat(tree.origin(node)).isEqualTo(DraftOrigin.AUTOMATON);
            assertThat(tree.probability(node)).isBetween(0f, tree.probability(node - 1));
            draft.add(tree.token(node));
        }
        return draft;
    }

    /** Tokens of the longest suffix that occurs before, and where the latest occurrence ends. */
    private static int[] longestMatch(int[] tokens, int size) {
        for (int length = size - 1; length > 0; length--) {
            for (int end = size - 1; end >= length; end--) {
                if (Arrays.equals(tokens, end - length, end, tokens, size - length, size)) {
                    return new int[] {length, end};
                }
            }
        }
        return new int[] {0, 0};
    }
}
