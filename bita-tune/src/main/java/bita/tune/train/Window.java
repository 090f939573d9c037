package bita.tune.train;

import bita.tune.data.Example;
import java.util.Arrays;

/**
 * Anchors of an answer with their mask groups. Mask i, from 0, of anchor a stands at position a + 1 + i and is to predict
 * the token at a + 2 + i.
 *
 * @param length of the answer with its prompt, as far as it is used
 * @param first  the first anchor's position
 * @param count  consecutive anchors
 */
record Window(Example example, int length, int first, int count) {

    /** Tokens of an answer with its prompt that are used. */
    static int length(Example example, TrainingSettings settings) {
        return Math.min(example.promptLength() + example.answerLength(), settings.mostTokens());
    }

    /** Anchors of an answer: from its prompt's last token to the last that has a label; 0 or less if there are none. */
    static int anchors(Example example, TrainingSettings settings) {
        return length(example, settings) - 2 - (example.promptLength() - 1);
    }

    /** Part of an answer's anchors, of which the first has the number {@code from}. */
    static Window of(Example example, TrainingSettings settings, int from, int count) {
        return new Window(example, length(example, settings), example.promptLength() - 1 + from, count);
    }

    int token(int position) {
        return example.tokenId(position);
    }

    int[] anchorPositions() {
        int[] anchors = new int[count];
        Arrays.setAll(anchors, i -> first + i);
        return anchors;
    }

    /** Whether a mask of a group has something to predict. */
    boolean hasLabel(int group, int mask) {
        return first + group + 2 + mask < length;
    }

    int label(int group, int mask) {
        return token(first + group + 2 + mask);
    }
}
