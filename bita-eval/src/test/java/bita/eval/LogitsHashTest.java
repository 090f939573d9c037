package bita.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LogitsHashTest {
    @Test
    void everyBitCounts() {
        // 21 logits: two rounds of the four lanes, words behind them, and half a word at the end.
        int[] bits = new Random(1).ints(21).toArray();
        MemorySegment logits = MemorySegment.ofArray(bits);
        Set<Long> hashes = new HashSet<>();
        hashes.add(LogitsHash.of(logits));
        for (int bit = 0; bit < 21 * 32; bit++) {
            bits[bit / 32] ^= 1 << (bit % 32);
            hashes.add(LogitsHash.of(logits));
            bits[bit / 32] ^= 1 << (bit % 32);
        }
        assertThat(hashes).hasSize(21 * 32 + 1);
    }

    @Test
    void everyPairOfSignsCounts() {
        int[] bits = new int[32];
        MemorySegment logits = MemorySegment.ofArray(bits);
        Set<Long> hashes = new HashSet<>();
        for (int i = 0; i < 32; i++) {
            for (int j = 0; j < i; j++) {
                bits[i] = bits[j] = Integer.MIN_VALUE;
                hashes.add(LogitsHash.of(logits));
                bits[i] = bits[j] = 0;
            }
        }
        assertThat(hashes).hasSize(32 * 31 / 2);
    }

    @Test
    void orderAndLengthCount() {
        assertThat(hash(1, 2, 3, 4)).isNotEqualTo(hash(2, 1, 3, 4)).isNotEqualTo(hash(3, 4, 1, 2));
        assertThat(hash(0, 0)).isNotEqualTo(hash(0, 0, 0));
    }

    @Test
    void looksAtBitsNotAtNumbers() {
        assertThat(hash(0f)).isNotEqualTo(hash(-0f));
        assertThat(hash(1f, 2f, 3f)).isEqualTo(hash(1f, 2f, 3f));
    }

    @Test
    void dependsOnNoAlignment() {
        MemorySegment logits = MemorySegment.ofArray(new float[] {9, 1, 2, 3, 4, 5, 6, 7, 8, 9});

        assertThat(LogitsHash.of(logits.asSlice(ValueLayout.JAVA_FLOAT.byteSize())))
                .isEqualTo(hash(1, 2, 3, 4, 5, 6, 7, 8, 9));
    }

    private static long hash(float... logits) {
        return LogitsHash.of(MemorySegment.ofArray(logits));
    }
}
