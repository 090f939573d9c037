package bita.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ScoredMergesTest {
    private static BitSet all(int count) {
        BitSet all = new BitSet();
        all.set(0, count);
        return all;
    }

    private static List<String> pairs(Merges.Numbered merges) {
        List<String> pairs = new ArrayList<>();
        for (int i = 0; i < merges.size(); i++) {
            pairs.add(merges.left(i) + " " + merges.right(i));
        }
        return pairs;
    }

    @Test
    void higherScoresComeFirstAndLongerLeftParts() {
        List<String> tokens = List.of("a", "b", "ab", "ba", "aba");
        assertThat(pairs(ScoredMerges.of(tokens, all(5), new float[] {0, 0, -2, 1, -1})))
                .containsExactly("b a", "a ba", "a b"); // "ab a" cannot be: "b a" is merged before
    }

    @Test
    void tokensThatAreNotMadeByMergingTakeNoPart() {
        BitSet text = all(3);
        text.clear(1);
        assertThat(pairs(ScoredMerges.of(List.of("a", "b", "ab"), text, new float[3])))
                .isEmpty();
    }

    private record Merge(String left, String right, float score) {}

    /** As Hugging Face's converters sort: by score, length of the left part, of the right part, then as they come. */
    private static List<Merge> allMerges(List<String> tokens, float[] scores) {
        List<Merge> merges = new ArrayList<>();
        for (int id = 0; id < scores.length; id++) {
            String token = tokens.get(id);
            for (int at = 1; at < token.length(); at++) {
                if (tokens.contains(token.substring(0, at)) && tokens.contains(token.substring(at))) {
                    merges.add(new Merge(token.substring(0, at), token.substring(at), scores[id]));
                }
            }
        }
        Comparator<Merge> order = Comparator.comparingDouble(Merge::score);
        order = order.thenComparingInt(m -> m.left().codePointCount(0, m.left().length()));
        order = order.thenComparingInt(
                m -> m.right().codePointCount(0, m.right().length()));
        merges.sort(order.reversed());
        return merges;
    }

    /** BPE as it is defined: the best pair first, of equal ones the leftmost. */
    private static List<String> merged(String text, List<String> merges) {
        List<String> symbols =
                new ArrayList<>(text.codePoints().mapToObj(Character::toString).toList());
        while (true) {
            int best = Integer.MAX_VALUE;
            int where = -1;
            for (int i = 0; i + 1 < symbols.size(); i++) {
                int rank = merges.indexOf(symbols.get(i) + " " + symbols.get(i + 1));
                if (rank >= 0 && rank < best) {
                    best = rank;
                    where = i;
                }
            }
            if (where < 0) {
                return symbols;
            }
            symbols.set(where, symbols.get(where) + symbols.remove(where + 1));
        }
    }

    @Test
    void theMergesThatAreLeftOutMakeNoDifference() {
        Random random = new Random(3);
        int all = 0;
        int kept = 0;
        for (int round = 0; round < 60; round++) {
            List<String> tokens = new ArrayList<>(List.of("x", "y", "😀"));
            while (tokens.size() < 60) {
                String token = tokens.get(random.nextInt(tokens.size())) + tokens.get(random.nextInt(tokens.size()));
                if (!tokens.contains(token) && token.length() < 12) {
                    tokens.add(token);
                }
            }
            float[] scores = new float[tokens.size()];
            for (int id = 0; id < scores.length; id++) {
                scores[id] = round % 2 == 0 ? -random.nextInt(10_000) : random.nextInt(-3, 4);
            }
            List<String> expected = allMerges(tokens, scores).stream()
                    .map(m -> m.left() + " " + m.right())
                    .toList();
            List<String> merges = pairs(ScoredMerges.of(tokens, all(tokens.size()), scores));
            assertThat(merges)
                    .isSubsetOf(expected)
                    .isEqualTo(expected.stream().filter(merges::contains).toList());
            all += expected.size();
            kept += merges.size();
            for (int i = 0; i < 100; i++) {
                StringBuilder text = new StringBuilder();
                for (int n = random.nextInt(1, 30); n > 0; n--) {
                    text.append(tokens.get(random.nextInt(3)));
                }
                assertThat(merged(text.toString(), merges)).isEqualTo(merged(text.toString(), expected));
            }
        }
        assertThat(kept).isLessThan(3 * all / 4);
    }
}
