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
                .containsExactly("b a", "ab a", "a ba", "a b");
    }

    @Test
    void tokensThatAreNotMadeByMergingTakeNoPart() {
        BitSet text = all(3);
        text.clear(1);
        assertThat(pairs(ScoredMerges.of(List.of("a", "b", "ab"), text, new float[3])))
                .isEmpty();
    }

    /** As Hugging Face's converters sort: by score, length of the left part, of the right part, then as they come. */
    @Test
    void theOrderIsThatOfTheConverters() {
        Random random = new Random(3);
        record Merge(String left, String right, float score) {}
        for (int round = 0; round < 50; round++) {
            List<String> tokens = new ArrayList<>(List.of("x", "y", "😀"));
            while (tokens.size() < 60) {
                String token = tokens.get(random.nextInt(tokens.size())) + tokens.get(random.nextInt(tokens.size()));
                if (!tokens.contains(token) && token.length() < 12) {
                    tokens.add(token);
                }
            }
            float[] scores = new float[tokens.size()];
            for (int id = 0; id < scores.length; id++) {
                scores[id] = round % 2 == 0 ? -id : random.nextInt(-3, 4);
            }
            List<Merge> expected = new ArrayList<>();
            for (int id = 0; id < scores.length; id++) {
                String token = tokens.get(id);
                for (int at = 1; at < token.length(); at++) {
                    if (tokens.contains(token.substring(0, at)) && tokens.contains(token.substring(at))) {
                        expected.add(new Merge(token.substring(0, at), token.substring(at), scores[id]));
                    }
                }
            }
            Comparator<Merge> order = Comparator.comparingDouble(Merge::score);
            order = order.thenComparingInt(
                    m -> m.left().codePointCount(0, m.left().length()));
            order = order.thenComparingInt(
                    m -> m.right().codePointCount(0, m.right().length()));
            expected.sort(order.reversed());
            assertThat(pairs(ScoredMerges.of(tokens, all(tokens.size()), scores)))
                    .isEqualTo(expected.stream()
                            .map(m -> m.left() + " " + m.right())
                            .toList());
        }
    }
}
