package bita.api.json;

import bita.model.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * The tokens of a model by their bytes: a tree in which tokens that begin alike share a path. Immutable; made once per model.
 * Tokens that steer the model, that end an answer, or that have no bytes, are not in it.
 */
public final class TokenIndex {
    private static final byte[] NO_BYTES = {};
    private static final int MOST_PLAIN = 128; // characters
    private static final int KEY_BYTES = 5;
    private static final int ID_BITS = 23; // 8 million tokens

    private final byte[][] bytes; // (vocabulary), empty for tokens that are not in the index
    private final int[] ends;

    // The tree's nodes in preorder, which is the order of the tokens' bytes.
    private final byte[] labels; // (nodes)
    private final int[] depths; // (nodes), from 1
    private final int[] behind; // (nodes), the first node that is not below
    private final boolean[] plainOnly; // (nodes), whether all tokens here and below are plain
    private final int[] firstToken; // (nodes + 1), into tokens
    private final int[] tokens; // by their bytes
    private final int deepest;

    /** By a number of characters: plain tokens (see {@link Frame#plainRoom}) of up to so many. */
    private final List<BitSet> plain;

    private TokenIndex(Tokenizer tokenizer) {
        int vocabulary = tokenizer.size();
        ends = tokenizer.endOfGeneration().stream().mapToInt(Integer::intValue).toArray();
        bytes = new byte[vocabulary][];
        for (int id = 0; id < vocabulary; id++) {
            bytes[id] = tokenizer.isSpecial(id) ? NO_BYTES : tokenizer.bytes(id);
        }
        for (int end : ends) {
            bytes[end] = NO_BYTES;
        }
        tokens = sorted(bytes);

        int most = 0;
        int total = 0;
        int[] shared = new int[tokens.length]; // bytes with the token before
        for (int i = 0; i < tokens.length; i++) {
            byte[] token = bytes[tokens[i]];
            int mismatch = i == 0 ? 0 : Arrays.mismatch(bytes[tokens[i - 1]], token);
            shared[i] = mismatch < 0 ? token.length : mismatch;
            total += token.length - shared[i];
            most = Math.max(most, token.length);
        }
        deepest = most;
        labels = new byte[total];
        depths = new int[total];
        behind = new int[total];
        plainOnly = new boolean[total];
        firstToken = new int[total + 1];
        Arrays.fill(plainOnly, true);
        plain = build(shared);
    }

    /** The index of a model's tokens. */
    public static TokenIndex of(Tokenizer tokenizer) {
        return new TokenIndex(tokenizer);
    }

    /** The tokens that have bytes, by these. */
    private static int[] sorted(byte[][] bytes) {
        long[] keys = new long[bytes.length]; // the first bytes, and the token
        int count = 0;
        for (int id = 0; id < bytes.length; id++) {
            byte[] token = bytes[id];
            long key = 0;
            for (int i = 0; i < KEY_BYTES; i++) {
                key = key << 8 | (i < token.length ? token[i] & 0xff : 0);
            }
            if (token.length > 0) {
                keys[count++] = key << ID_BITS | id;
            }
        }
        Arrays.sort(keys, 0, count);
        int[] order = new int[count];
        int from = 0;
        while (from < count) {
            List<Integer> alike = new ArrayList<>();
            long first = keys[from] >> ID_BITS;
            for (int i = from; i < count && keys[i] >> ID_BITS == first; i++) {
                alike.add((int) (keys[i] & ((1 << ID_BITS) - 1)));
            }
            alike.sort((a, b) -> Arrays.compareUnsigned(bytes[a], bytes[b]));
            for (int id : alike) {
                order[from++] = id;
            }
        }
        return order;
    }

    private List<BitSet> build(int[] shared) {
        int[] open = new int[deepest + 1]; // by depth, the node on the way to the token
        int node = 0;
        int depth = 0;
        List<BitSet> byCount = new ArrayList<>();
        for (int count = 0; count <= Math.min(deepest, MOST_PLAIN); count++) {
            byCount.add(new BitSet());
        }
        for (int i = 0; i < tokens.length; i++) {
            byte[] token = bytes[tokens[i]];
            for (; depth > shared[i]; depth--) {
                behind[open[depth]] = node;
            }
            while (depth < token.length) {
                labels[node] = token[depth];
                depths[node] = ++depth;
                firstToken[node] = i;
                open[depth] = node++;
            }
            int count = Characters.count(token);
            if (count >= 0 && count <= MOST_PLAIN) {
                byCount.get(count).set(tokens[i]);
            } else {
                for (int d = 1; d <= depth; d++) {
                    plainOnly[open[d]] = false;
                }
            }
        }
        for (; depth > 0; depth--) {
            behind[open[depth]] = node;
        }
        firstToken[node] = tokens.length;

        List<BitSet> upTo = new ArrayList<>();
        BitSet before = new BitSet();
        for (BitSet some : byCount) {
            if (!some.isEmpty()) { // otherwise the one before serves for this number too
                some.or(before);
                before = some;
            }
            upTo.add(before);
        }
        return List.copyOf(upTo);
    }

    /** Whether there are tokens that end an answer. */
    boolean hasEnd() {
        return ends.length > 0;
    }

    /** The bytes of a token; none if it is not in the index. */
    byte[] bytes(int token) {
        return bytes[token];
    }

    /**
     * The tokens that may come: those in the index that lead from the state to one that is not dead, and those that end an
     * answer if the text is complete, or if there are no others.
     */
    BitSet allowed(State state) {
        BitSet allowed = new BitSet(bytes.length);
        Steps scratch = new Steps();
        List<Stack> inStrings = new ArrayList<>();
        List<Stack> elsewhere = new ArrayList<>();
        int room = -1;
        for (Stack stack : state.stacks()) {
            (stack.top().plainRoom() >= 0 ? inStrings : elsewhere).add(stack);
            room = Math.max(room, stack.top().plainRoom());
        }
        if (room >= 0) {
            allowed.or(plain.get(Math.min(room, plain.size() - 1)));
        }
        walk(State.of(inStrings), true, allowed, scratch);
        walk(State.of(elsewhere), false, allowed, scratch);
        if (state.isComplete() || allowed.isEmpty()) {
            for (int end : ends) {
                allowed.set(end);
            }
        }
        return allowed;
    }

    /** Adds the tokens that can follow; only those that are not plain, if so wanted. */
    private void walk(State from, boolean plainIsKnown, BitSet allowed, Steps scratch) {
        if (from.isDead()) {
            return;
        }
        State[] states = new State[deepest + 1]; // by depth
        states[0] = from;
        int node = 0;
        while (node < labels.length) {
            int depth = depths[node];
            if (plainIsKnown && plainOnly[node]) {
                node = behind[node];
                continue;
            }
            State next = states[depth - 1].step(labels[node] & 0xff, scratch);
            if (next.isDead()) {
                node = behind[node];
                continue;
            }
            states[depth] = next;
            for (int i = firstToken[node]; i < firstToken[node + 1]; i++) {
                allowed.set(tokens[i]);
            }
            node++;
        }
    }
}
