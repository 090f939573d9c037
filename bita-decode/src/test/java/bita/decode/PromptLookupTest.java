package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PromptLookupTest {
    @Test
    void continuesTheLongestSuffix() {
        PromptLookup lookup = new PromptLookup(PromptLookup.Settings.standard());
        lookup.append(new int[] {1, 2, 3, 4, 50, 9, 3, 4, 60, 1, 2, 3, 4});
        assertThat(draft(lookup)).containsExactly(50, 9, 3, 4, 60, 1, 2, 3);
        assertThat(lookup.matchLength()).isEqualTo(4);
        assertThat(lookup.size()).isEqualTo(13);
    }

    @Test
    void continuesTheLatestOccurrence() {
        PromptLookup lookup = new PromptLookup(new PromptLookup.Settings(3, 2, 2));
        lookup.append(new int[] {3, 4, 50, 51, 52, 3, 4, 60, 61, 62, 9, 3, 4});
        assertThat(draft(lookup)).containsExactly(60, 61);
        assertThat(lookup.matchLength()).isEqualTo(2);
    }

    @Test
    void draftsNothingWithoutAMatch() {
        PromptLookup lookup = new PromptLookup(PromptLookup.Settings.standard());
        assertThat(draft(lookup)).isEmpty();
        lookup.append(new int[] {1, 2, 3, 1});
        assertThat(draft(lookup)).isEmpty();
        assertThat(lookup.matchLength()).isZero();
    }

    @Test
    void endsWithTheKnownTokensAndTheRoomGiven() {
        PromptLookup lookup = new PromptLookup(PromptLookup.Settings.standard());
        lookup.append(new int[] {7, 7, 7});
        assertThat(draft(lookup)).containsExactly(7);
        lookup.append(new int[] {8, 9, 7, 7});
        int[] room = new int[2];
        assertThat(lookup.draft(room)).isEqualTo(2);
        assertThat(room).containsExactly(8, 9);
    }

    /** The semantics of the simulation that the measured gains come from, over sequences that repeat themselves a lot. */
    @Test
    void equalsASearchOfTheWholeSequence() {
        Random random = new Random(1);
        int matches = 0;
        for (int round = 0; round < 150; round++) {
            int shortest = 1 + random.nextInt(3);
            int longest = shortest + random.nextInt(4);
            PromptLookup.Settings settings = new PromptLookup.Settings(longest, shortest, 1 + random.nextInt(9));
            int alphabet = 1 + random.nextInt(8);
            PromptLookup lookup = new PromptLookup(settings);
            int[] tokens = new int[300];
            int size = 0;
            for (int step = 0; step < 500 && size < tokens.length; step++) {
                if (random.nextInt(60) == 0) {
                    size = random.nextInt(size + 1);
                    lookup.truncate(size);
                } else {
                    // Far apart and negative too: a token is any int.
                    tokens[size] = random.nextInt(alphabet) * 0x10001 - 3;
                    lookup.append(tokens[size++]);
                }
                int[] expected = search(settings, Arrays.copyOf(tokens, size));
                matches += expected.length > 0 ? 1 : 0;
                assertThat(draft(lookup))
                        .as("%s, round %d, %d tokens", settings, round, size)
                        .isEqualTo(expected);
            }
        }
        assertThat(matches).isGreaterThan(10_000);
    }

    @Test
    void findsAmongManyDifferentNgrams() {
        PromptLookup lookup = new PromptLookup(PromptLookup.Settings.standard());
        lookup.append(IntStream.range(0, 20_000).toArray());
        for (int at : new int[] {0, 1, 77, 4095, 12_345, 19_990}) {
            lookup.append(new int[] {at, at + 1, at + 2, at + 3});
            int[] sequence = IntStream.concat(IntStream.range(0, 20_000), IntStream.range(at, at + 4))
                    .toArray();
            assertThat(draft(lookup)).containsExactly(Arrays.copyOfRange(sequence, at + 4, at + 12));
            lookup.truncate(20_000);
        }
    }

    @Test
    void refusesWhatCannotBe() {
        assertThatIllegalArgumentException().isThrownBy(() -> new PromptLookup.Settings(2, 3, 8));
        assertThatIllegalArgumentException().isThrownBy(() -> new PromptLookup.Settings(4, 0, 8));
        assertThatIllegalArgumentException().isThrownBy(() -> new PromptLookup.Settings(4, 2, 0));
        PromptLookup lookup = new PromptLookup(PromptLookup.Settings.standard());
        assertThatIllegalArgumentException().isThrownBy(() -> lookup.truncate(1));
    }

    private static int[] draft(PromptLookup lookup) {
        int[] draft = new int[32];
        return Arrays.copyOf(draft, lookup.draft(draft));
    }

    private static int[] search(PromptLookup.Settings settings, int[] tokens) {
        for (int n = Math.min(settings.longest(), tokens.length); n >= settings.shortest(); n--) {
            for (int end = tokens.length - 1; end >= n; end--) {
                if (Arrays.equals(tokens, end - n, end, tokens, tokens.length - n, tokens.length)) {
                    return Arrays.copyOfRange(tokens, end, Math.min(tokens.length, end + settings.length()));
                }
            }
        }
        return new int[0];
    }
}
