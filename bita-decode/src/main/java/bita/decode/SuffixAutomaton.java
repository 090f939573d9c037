package bita.decode;

import java.util.Arrays;

/**
 * Drafts what followed the longest suffix of the sequence that has occurred before, found with a suffix automaton of
 * prompt and answer that grows token by token (SAM-Decoding, Hu et al. 2024, arXiv 2411.10666; the automaton: Blumer et
 * al. 1985). Suffixes of any length count, where {@link PromptLookup} knows a few lengths; a token takes constant time,
 * amortised.
 *
 * <p>A state stands for the substrings that end at the same positions, and its suffix link for the longest shorter
 * suffix that ends at more of them. So the link of the state of the whole sequence is the longest suffix that has
 * occurred before. States keep the latest end they know of. To tell all suffixes of each new end would take as many steps
 * as there are links to the root, which in a run of one token are as many as the run is long; {@value #TOLD} links are
 * told. So the occurrence is the latest but in such text, where it may be an earlier one.
 *
 * <p>Transitions are lists of edges in arrays, with a hash table from state and token to edge. One sequence; not
 * thread-safe.
 */
final class SuffixAutomaton implements DraftSource {
    /** Most tokens drafted at a time. */
    static final int MOST = 16;
    /** Suffixes that are told of a new end. */
    private static final int TOLD = 16;
    /** Drafts go on as long as their whole path is this likely. */
    private static final float LEAST = 0.15f;
    /**
     * How often the token behind a match of 1, 2, ... tokens is right; the last goes on. Each right token makes the match
     * a token longer. Starting values: shares counted over 39 questions of
     * eight kinds, smoothed.
     */
    private static final float[] RIGHT = {
        0.25f, 0.56f, 0.66f, 0.68f, 0.71f, 0.75f, 0.85f, 0.85f, 0.87f, 0.88f, 0.89f, 0.9f, 0.91f, 0.93f, 0.93f, 0.94f,
        0.95f
    };

    private static final int NONE = -1;
    private static final int ROOT = 0;

    private final HitRates rates = new HitRates(RIGHT);
    private final TokenSequence tokens = new TokenSequence();

    private int[] lengths = new int[128]; // (states), and so the next three: of a state's longest substring
    private int[] links = new int[128];
    private int[] latestEnds = new int[128]; // exclusive
    private int[] firstEdges = new int[128];
    private int states;

    private int[] sources = new int[192]; // (edges), and so the next three
    private int[] labels = new int[192];
    private int[] targets = new int[192];
    private int[] nextEdges = new int[192]; // of the same state
    private int edges;
    private int[] slots = new int[512]; // edge + 1 by state and token, 0 is free; a power of two, at most half full

    private int whole; // the state of the whole sequence
    private int previousEnd; // of the longest suffix that has occurred before

    SuffixAutomaton() {
        clear();
    }

    private void clear() {
        tokens.truncate(0);
        states = 0;
        edges = 0;
        Arrays.fill(slots, 0);
        whole = addState(0, NONE, 0);
    }

    @Override
    public DraftOrigin origin() {
        return DraftOrigin.AUTOMATON;
    }

    @Override
    public void append(int token) {
        tokens.add(token);
        int size = tokens.size();
        int longer = addState(size, ROOT, size);
        int state = whole;
        int edge = NONE;
        while (state != NONE && (edge = edge(state, token)) == NONE) {
            addEdge(state, token, longer);
            state = links[state];
        }
        int suffix = state == NONE ? ROOT : suffixState(state, token, targets[edge]);
        links[longer] = suffix;
        whole = longer;
        previousEnd = latestEnds[suffix];
        for (int told = 0; told < TOLD && suffix != ROOT; told++, suffix = links[suffix]) {
            latestEnds[suffix] = size;
        }
    }

    /** The state of the longest suffix that occurred before: the target, or the shorter ones of its substrings split off. */
    private int suffixState(int from, int token, int target) {
        int length = lengths[from] + 1;
        if (lengths[target] == length) {
            return target;
        }
        int split = addState(length, links[target], latestEnds[target]);
        for (int edge = firstEdges[target]; edge != NONE; edge = nextEdges[edge]) {
            addEdge(split, labels[edge], targets[edge]);
        }
        links[target] = split;
        for (int state = from; state != NONE; state = links[state]) {
            int edge = edge(state, token);
            if (targets[edge] != target) {
                break;
            }
            targets[edge] = split;
        }
        return split;
    }

    private int addState(int length, int link, int latestEnd) {
        if (states == lengths.length) {
            int more = Math.multiplyExact(2, states);
            lengths = Arrays.copyOf(lengths, more);
            links = Arrays.copyOf(links, more);
            latestEnds = Arrays.copyOf(latestEnds, more);
            firstEdges = Arrays.copyOf(firstEdges, more);
        }
        lengths[states] = length;
        links[states] = link;
        latestEnds[states] = latestEnd;
        firstEdges[states] = NONE;
        return states++;
    }

    private void addEdge(int state, int token, int target) {
        if (edges == sources.length) {
            int more = Math.multiplyExact(2, edges);
            sources = Arrays.copyOf(sources, more);
            labels = Arrays.copyOf(labels, more);
            targets = Arrays.copyOf(targets, more);
            nextEdges = Arrays.copyOf(nextEdges, more);
        }
        if (2 * (edges + 1) > slots.length) {
            slots = new int[Math.multiplyExact(2, slots.length)];
            for (int edge = 0; edge < edges; edge++) {
                slots[slot(sources[edge], labels[edge])] = edge + 1;
            }
        }
        sources[edges] = state;
        labels[edges] = token;
        targets[edges] = target;
        nextEdges[edges] = firstEdges[state];
        firstEdges[state] = edges;
        slots[slot(state, token)] = ++edges;
    }

    private int edge(int state, int token) {
        return slots[slot(state, token)] - 1;
    }

    /** Where the edge is, or the free slot where it belongs. */
    private int slot(int state, int token) {
        long hash = ((long) state << 32 ^ token) * 0x9e3779b97f4a7c15L;
        int mask = slots.length - 1;
        int slot = (int) (hash ^ hash >>> 32) & mask;
        while (slots[slot] != 0 && (sources[slots[slot] - 1] != state || labels[slots[slot] - 1] != token)) {
            slot = (slot + 1) & mask;
        }
        return slot;
    }

    /** Takes as long as appending what is left anew. */
    @Override
    public void truncate(int newSize) {
        int before = tokens.size();
        tokens.truncate(newSize);
        if (newSize == before) {
            return;
        }
        int[] left = Arrays.copyOf(tokens.array(), newSize);
        clear();
        for (int token : left) {
            append(token);
        }
    }

    /** Tokens of the longest suffix that has occurred before, 0 if there is none. */
    int matchLength() {
        return tokens.size() == 0 ? 0 : lengths[links[whole]];
    }

    /** Where an earlier occurrence of that suffix ends, exclusive; meaningful if there is one. */
    int matchEnd() {
        return previousEnd;
    }

    @Override
    public void grow(DraftTree tree) {
        int length = matchLength();
        if (length == 0) {
            return;
        }
        int count = Math.min(MOST, tokens.size() - previousEnd);
        int parent = 0;
        float probability = 1;
        for (int i = 0; i < count && parent != DraftTree.NONE; i++) {
            int kind = Math.min(length + i, RIGHT.length) - 1;
            probability *= rates.of(kind);
            if (probability < LEAST) {
                return;
            }
            parent = tree.add(parent, tokens.array()[previousEnd + i], probability, origin(), kind);
        }
    }

    @Override
    public void learn(int kind, boolean right) {
        rates.learn(kind, right);
    }
}
