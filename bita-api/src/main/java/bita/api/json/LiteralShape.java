package bita.api.json;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Values that are written out.
 *
 * @param texts in JSON
 */
record LiteralShape(List<String> texts, ByteTrie trie) implements Shape {
    static LiteralShape of(List<String> texts) {
        ByteTrie trie = new ByteTrie();
        for (int i = 0; i < texts.size(); i++) {
            trie.add(texts.get(i).getBytes(StandardCharsets.UTF_8), i);
        }
        return new LiteralShape(List.copyOf(texts), trie);
    }

    @Override
    public void begin(int b, Stack below, Steps out) {
        read(trie.child(b), below, out);
    }

    private static void read(ByteTrie next, Stack below, Steps out) {
        if (next.goesOn()) {
            out.add(below.push(new Open(next)));
        } else if (next.isText()) {
            out.add(below);
        }
    }

    /** Within a value. */
    record Open(ByteTrie trie) implements Frame {
        @Override
        public void step(int b, Stack at, Steps out) {
            read(trie.child(b), at.below(), out);
            if (canEnd()) {
                at.below().step(b, out);
            }
        }

        @Override
        public boolean canEnd() {
            return trie.isText(); // a number that begins another one
        }
    }
}
