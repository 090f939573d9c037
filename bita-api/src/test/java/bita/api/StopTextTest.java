package bita.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopTextTest {
    @Test
    void textGoesThroughUpToTheFirstStop() {
        StopText text = new StopText(List.of("END", "\n\n"));
        assertThat(text.append("one E")).isEqualTo("one ");
        assertThat(text.append("N")).isEmpty();
        assertThat(text.append("d two\n")).isEqualTo("ENd two");
        assertThat(text.append("\nEND")).isEmpty();
        assertThat(text.found()).isTrue();
        assertThat(text.append("more")).isEmpty();
        assertThat(text.finish()).isEmpty();
    }

    @Test
    void whatOnlyBeganLikeAStopComesAtTheEnd() {
        StopText text = new StopText(List.of("aab"));
        assertThat(text.append("xaa")).isEqualTo("x");
        assertThat(text.append("a")).isEqualTo("a");
        assertThat(text.finish()).isEqualTo("aa");
        assertThat(text.found()).isFalse();
    }

    /** However the text is cut into pieces, the result is that of cutting the whole text at its first stop. */
    @Test
    void piecesDoNotMatter() {
        Random random = new Random(3);
        for (int i = 0; i < 2000; i++) {
            List<String> stops =
                    List.of(letters(random, 1 + random.nextInt(4)), letters(random, 1 + random.nextInt(4)));
            String whole = letters(random, random.nextInt(20));
            int stop = stops.stream()
                    .mapToInt(whole::indexOf)
                    .filter(at -> at >= 0)
                    .min()
                    .orElse(whole.length());
            // A shorter stop that ends earlier decides even if a longer one begins before it, once its text has come.
            StopText text = new StopText(stops);
            StringBuilder through = new StringBuilder();
            for (int from = 0; from < whole.length(); ) {
                int to = Math.min(whole.length(), from + 1 + random.nextInt(3));
                through.append(text.append(whole.substring(from, to)));
                from = to;
            }
            through.append(text.finish());
            assertThat(whole).startsWith(through.toString());
            if (stops.get(0).length() == stops.get(1).length()) {
                assertThat(through.toString()).isEqualTo(whole.substring(0, stop));
            }
            for (String each : stops) {
                assertThat(through.toString()).doesNotContain(each);
            }
            assertThat(text.found()).isEqualTo(stop < whole.length());
        }
    }

    private static String letters(Random random, int count) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            text.append((char) ('a' + random.nextInt(2)));
        }
        return text.toString();
    }
}
