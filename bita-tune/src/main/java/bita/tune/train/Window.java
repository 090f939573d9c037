package bita.tune.train;

import bita.tune.data.Example;
import java.io.Serializable;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Anchors of an answer with their mask groups. Mask i, from 0, of anchor a stands at position a + 1 + i and is to predict
 * the token at a + 2 + i.
 */
public final class Window implements Serializable {
    private static final long serialVersionUID = 1;

    private final int[] tokens; // of the answer with its prompt, as far as it is used
    private final int[] anchors;

    /**
     * A window.
     *
     * @param tokens  of the answer with its prompt, as far as it is used; not copied
     * @param anchors positions, ascending; not copied
     */
    Window(int[] tokens, int[] anchors) {
        this.tokens = tokens;
        this.anchors = anchors;
    }

    /** Tokens of an answer with its prompt that are used. */
    static int length(Example example, TrainingSettings settings) {
        return Math.min(example.promptLength() + example.answerLength(), settings.mostTokens());
    }

    /** Anchors of an answer: from its prompt's last token to the last that has a label; 0 or less if there are none. */
    static int anchors(Example example, TrainingSettings settings) {
        return length(example, settings) - 2 - (example.promptLength() - 1);
    }

    /**
     * Some anchors of an answer.
     *
     * @param numbers of its anchors, from 0, ascending
     */
    static Window of(Example example, TrainingSettings settings, IntStream numbers) {
        int[] positions =
                numbers.map(number -> example.promptLength() - 1 + number).toArray();
        return new Window(Arrays.copyOf(example.tokenIds(), length(example, settings)), positions);
    }

    int length() {
        return tokens.length;
    }

    /** Their positions, ascending; not to be changed. */
    int[] anchors() {
        return anchors;
    }

    int count() {
        return anchors.length;
    }

    int first() {
        return anchors[0];
    }

    int last() {
        return anchors[anchors.length - 1];
    }

    int token(int position) {
        return tokens[position];
    }

    /** Whether a mask of a group has something to predict. */
    boolean hasLabel(int group, int mask) {
        return anchors[group] + 2 + mask < tokens.length;
    }

    int label(int group, int mask) {
        return token(anchors[group] + 2 + mask);
    }
}
