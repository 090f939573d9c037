package bita.api.json;

import java.util.Arrays;

/** Texts, byte by byte, with numbers. Built by one thread, then only read. */
final class ByteTrie {
    /** Without texts. */
    static final ByteTrie NONE = new ByteTrie();

    private static final int NO_TEXT = -1;

    private byte[] labels = {};
    private ByteTrie[] children = {}; // by label
    private int count; // of children
    private int[] numbers = {}; // of the texts that begin like this, ascending
    private int texts; // how many these are
    private int number = NO_TEXT;

    /** Adds a text under a number that is larger than all before, unless it is there. */
    void add(byte[] text, int newNumber) {
        if (contains(text)) {
            return;
        }
        ByteTrie at = this;
        at.note(newNumber);
        for (byte b : text) {
            ByteTrie child = at.child(b & 0xff);
            if (child.equals(NONE)) {
                child = new ByteTrie();
                at.append(b, child);
            }
            at = child;
            at.note(newNumber);
        }
        at.number = newNumber;
    }

    private void note(int newNumber) {
        if (texts == numbers.length) {
            numbers = Arrays.copyOf(numbers, Math.max(1, 2 * texts));
        }
        numbers[texts++] = newNumber;
    }

    private void append(byte label, ByteTrie child) {
        if (count == labels.length) {
            labels = Arrays.copyOf(labels, Math.max(1, 2 * count));
            children = Arrays.copyOf(children, labels.length);
        }
        labels[count] = label;
        children[count++] = child;
    }

    boolean contains(byte[] text) {
        ByteTrie at = this;
        for (byte b : text) {
            at = at.child(b & 0xff);
        }
        return at.isText();
    }

    /** What follows a byte; {@link #NONE} if nothing does. */
    ByteTrie child(int b) {
        for (int i = 0; i < count; i++) {
            if (labels[i] == (byte) b) {
                return children[i];
            }
        }
        return NONE;
    }

    /** Whether a text ends here. */
    boolean isText() {
        return number != NO_TEXT;
    }

    /** Whether texts go on from here. */
    boolean goesOn() {
        return count > 0;
    }

    /** The number of the text that ends here. */
    int number() {
        return number;
    }

    /** The smallest number, of texts that begin like this, from the given one on; the largest integer if there is none. */
    int numberFrom(int least) {
        int at = Arrays.binarySearch(numbers, 0, texts, least);
        int place = at >= 0 ? at : -at - 1;
        return place < texts ? numbers[place] : Integer.MAX_VALUE;
    }
}
