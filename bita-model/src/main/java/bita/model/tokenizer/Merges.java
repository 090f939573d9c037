package bita.model.tokenizer;

import java.util.List;

/** Pairs of tokens that become one, the best first. */
sealed interface Merges {
    int size();

    /** The left token of a pair. */
    String left(int index);

    /** The right token of a pair. */
    String right(int index);

    /**
     * As files list them.
     *
     * @param lines texts of two tokens, with a blank between
     */
    record Listed(List<String> lines) implements Merges {
        @Override
        public int size() {
            return lines.size();
        }

        @Override
        public String left(int index) {
            return lines.get(index).substring(0, blank(index));
        }

        @Override
        public String right(int index) {
            String line = lines.get(index);
            return line.substring(Math.min(line.length(), blank(index) + 1));
        }

        private int blank(int index) {
            String line = lines.get(index);
            int blank = line.indexOf(' ', 1);
            return blank < 0 ? line.length() : blank;
        }
    }

    /**
     * By the tokens' numbers.
     *
     * @param tokens (vocabulary)
     * @param pairs  (merges, 2) left and right tokens
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Numbered(List<String> tokens, int[] pairs) implements Merges {
        @Override
        public int size() {
            return pairs.length / 2;
        }

        @Override
        public String left(int index) {
            return tokens.get(pairs[2 * index]);
        }

        @Override
        public String right(int index) {
            return tokens.get(pairs[2 * index + 1]);
        }
    }
}
