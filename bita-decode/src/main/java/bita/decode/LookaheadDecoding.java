package bita.decode;

import bita.model.Rows;
import java.util.Arrays;

/**
 * Drafts n-grams that the model has made on the side (lookahead decoding, Fu et al. 2024, arXiv 2402.02057). Each pass
 * also runs a window of guesses ahead of the sequence, W columns times N - 1 levels. Column i of level 0 guesses the token
 * i places behind the root, which is column 0; a guess of level l continues the same column's guess of level l - 1. The
 * model's choices behind the last level are the next one (Jacobi iteration): the lowest level is dropped, and with its
 * token each column leaves an n-gram of N tokens in a pool. The n-grams that begin with the root are drafted.
 *
 * <p>As in the authors' code (github.com/hao-ai-lab/LookaheadDecoding), the window moves on by one column a pass, however
 * many tokens were decided, and a token keeps the G n-grams seen last. Levels start with tokens of the prompt, and n-grams
 * count once the levels that end them are the model's; the authors fill one level after the other instead. The sequence's
 * own n-grams, which the authors' code can put into the pool too, are left to {@link PromptLookup} and
 * {@link SuffixAutomaton}. The pool outlives the sequence. Not thread-safe.
 */
final class LookaheadDecoding implements DraftSource {
    /**
     * How often an n-gram's first token is right, the one seen last first, the fifth going on; then how often a further
     * token is, given those before it. Starting values.
     */
    private static final float[] RIGHT = {0.35f, 0.15f, 0.1f, 0.07f, 0.05f, 0.6f};

    private static final int FURTHER = RIGHT.length - 1;

    private final HitRates rates = new HitRates(RIGHT);
    private final int columns;
    private final int levels;
    private final int guesses;
    private final int[][] window; // (levels, columns), what comes next in column 0 of level 0 is the root
    private final int[] newest; // (columns)
    private final int[] ngram; // (levels): an n-gram without its first token
    private final TokenTable pool; // by first token: how many n-grams, then those, the one seen last first
    private int fill; // where the window takes the next token of a prompt
    private int passes; // since the sequence began
    private boolean running; // whether the window is in the pass that is under way

    /**
     * @param columns W; with none nothing is ever drafted
     * @param length  N: tokens of an n-gram, at least 3
     * @param guesses G: n-grams kept for, and drafted behind, a token
     */
    LookaheadDecoding(int vocabulary, int columns, int length, int guesses) {
        this.columns = columns;
        this.guesses = guesses;
        levels = length - 1;
        window = new int[levels][columns];
        newest = new int[columns];
        ngram = new int[levels];
        pool = new TokenTable(vocabulary, 1 + guesses * levels);
    }

    @Override
    public DraftOrigin origin() {
        return DraftOrigin.LOOKAHEAD;
    }

    @Override
    public void append(int token) {
        if (passes == 0 && columns > 0) {
            window[fill / columns][fill % columns] = token;
            fill = (fill + 1) % (levels * columns);
        }
    }

    /** Begins a new window; the pool stays. */
    @Override
    public void truncate(int newSize) {
        passes = 0;
        running = false;
    }

    /** N-grams that begin with a token, without it, (n-grams, N - 1), the one seen last first. */
    int[] pooled(int token) {
        int offset = pool.find(token);
        return offset < 0
                ? new int[0]
                : Arrays.copyOfRange(pool.numbers(), offset + 1, offset + 1 + pool.numbers()[offset] * levels);
    }

    @Override
    public void grow(DraftTree tree) {
        int offset = pool.find(tree.token(0));
        int count = offset < 0 ? 0 : pool.numbers()[offset];
        for (int guess = 0; guess < count; guess++) {
            int parent = 0;
            float probability = 1;
            for (int i = 0; i < levels && parent != DraftTree.NONE; i++) {
                int kind = i == 0 ? Math.min(guess, FURTHER - 1) : FURTHER;
                int token = pool.numbers()[offset + 1 + guess * levels + i];
                probability *= rates.of(kind);
                parent = tree.add(parent, token, probability, origin(), kind);
            }
        }
    }

    @Override
    public void learn(int kind, boolean right) {
        rates.learn(kind, right);
    }

    @Override
    public int ownRows() {
        return columns == 0 ? 0 : levels * columns - 1;
    }

    @Override
    public int readRows() {
        return columns;
    }

    @Override
    public void addRows(Rows rows) {
        running = columns > 0;
        int parent = 0;
        for (int column = 1; column < columns; column++) {
            parent = rows.addToken(window[0][column], parent);
        }
        int firstOfLevel0 = parent - columns + 1; // had column 0 a row before the others
        for (int level = 1; level < levels; level++) {
            for (int column = 0; column < columns; column++) {
                int below = level > 1 ? rows.size() - columns : column == 0 ? 0 : firstOfLevel0 + column;
                rows.addToken(window[level][column], below);
            }
        }
    }

    @Override
    public void observe(DraftTree tree, RowLogits logits, int firstRead) {
        if (!running) {
            return;
        }
        running = false;
        logits.best(firstRead, columns, newest);
        advance(tree.token(0));
    }

    private void advance(int root) {
        boolean complete = passes++ >= levels - 1; // whether all but the lowest level are the model's
        for (int column = 0; column < columns; column++) {
            if (newest[column] < 0) { // NaN: the column goes on with what it had
                newest[column] = window[levels - 1][column];
            } else if (complete) {
                for (int level = 1; level < levels; level++) {
                    ngram[level - 1] = window[level][column];
                }
                ngram[levels - 1] = newest[column];
                pool(column == 0 ? root : window[0][column]);
            }
        }
        int[] dropped = window[0];
        System.arraycopy(window, 1, window, 0, levels - 1);
        System.arraycopy(newest, 0, dropped, 0, columns);
        window[levels - 1] = dropped;
    }

    /** Puts the n-gram first among those of its first token, in the place of an equal one or of the last of too many. */
    private void pool(int first) {
        int offset = pool.findOrAdd(first);
        int[] numbers = pool.numbers();
        int from = offset + 1;
        int place = 0;
        while (place < numbers[offset] && !isPooled(numbers, from + place * levels)) {
            place++;
        }
        if (place == numbers[offset]) {
            numbers[offset] = Math.min(place + 1, guesses);
            place = numbers[offset] - 1;
        }
        System.arraycopy(numbers, from, numbers, from + levels, place * levels);
        System.arraycopy(ngram, 0, numbers, from, levels);
    }

    private boolean isPooled(int[] numbers, int at) {
        return Arrays.equals(numbers, at, at + levels, ngram, 0, levels);
    }
}
