package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;

import bita.model.Rows;
import bita.model.TinyModel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LookaheadDecodingTest {
    @TempDir
    static Path folder;

    private static LogitRows logits;

    @BeforeAll
    static void load() {
        logits = new LogitRows(folder);
    }

    @AfterAll
    static void close() {
        logits.close();
    }

    /** A made-up model: the token behind a path is a function of the last two tokens; now and then it is NaN. */
    private static int next(List<Integer> path) {
        int last = path.getLast();
        int before = path.get(Math.max(0, path.size() - 2));
        return (last * 31 + before * 17 + 5) % 12;
    }

    private static boolean isHostile(List<Integer> path) {
        return path.hashCode() % 11 == 0;
    }

    private static List<Integer> path(Rows rows, int row) {
        Deque<Integer> path = new ArrayDeque<>();
        for (int at = row; at != Rows.CACHE_END; at = rows.parent(at)) {
            path.addFirst(rows.token(at));
        }
        return new ArrayList<>(path);
    }

    /** The algorithm on lists, with the sequence and each guess's context spelt out. */
    private static final class Reference {
        private final int columns;
        private final int levels;
        private final int guesses;
        private final List<List<Integer>> window = new ArrayList<>(); // levels of columns
        private final Map<Integer, List<List<Integer>>> pool = new HashMap<>(); // the latest first
        private int passes;

        Reference(int columns, int length, int guesses, List<Integer> prompt) {
            this.columns = columns;
            this.levels = length - 1;
            this.guesses = guesses;
            for (int level = 0; level < levels; level++) {
                window.add(new ArrayList<>(prompt.subList(level * columns, (level + 1) * columns)));
            }
        }

        List<Integer> context(int root, int column, int level) {
            List<Integer> context = new ArrayList<>(List.of(root));
            context.addAll(window.getFirst().subList(1, column + 1));
            for (int l = 1; l <= level; l++) {
                context.add(window.get(l).get(column));
            }
            return context;
        }

        void pass(int root) {
            List<Integer> newest = new ArrayList<>();
            for (int column = 0; column < columns; column++) {
                List<Integer> context = context(root, column, levels - 1);
                if (isHostile(context)) {
                    newest.add(window.getLast().get(column));
                    continue;
                }
                newest.add(next(context));
                List<Integer> ngram = new ArrayList<>(context.subList(column + 1, context.size()));
                ngram.add(newest.getLast());
                if (passes >= levels - 1) {
                    List<List<Integer>> known = pool.computeIfAbsent(context.get(column), _ -> new ArrayList<>());
                    known.remove(ngram);
                    known.addFirst(ngram);
                    if (known.size() > guesses) {
                        known.removeLast();
                    }
                }
            }
            window.removeFirst();
            window.add(newest);
            passes++;
        }
    }

    @ParameterizedTest
    @CsvSource({"5, 4, 5", "1, 3, 1", "2, 3, 2", "7, 6, 3", "3, 8, 2"})
    void poolsWhatTheModelMakesOfTheWindow(int columns, int length, int guesses) {
        Random random = new Random(columns);
        List<Integer> prompt =
                random.ints((long) columns * (length - 1), 0, 12).boxed().toList();
        LookaheadDecoding lookahead = new LookaheadDecoding(TinyModel.VOCABULARY, columns, length, guesses);
        prompt.forEach(lookahead::append);
        Reference reference = new Reference(columns, length, guesses, prompt);
        int pooled = 0;
        for (int pass = 0; pass < 200; pass++) {
            int root = random.nextInt(12);
            lookahead.append(root); // the window takes from prompts only: none follows the first pass
            if (pass == 0) {
                reference.window.getFirst().set(0, root);
            }
            DraftTree tree = new DraftTree(64, root);
            lookahead.grow(tree);
            assertDrafts(tree, reference.pool.getOrDefault(root, List.of()));
            Rows rows = new Rows();
            rows.addToken(root, Rows.CACHE_END);
            int other = rows.addToken(99, 0); // a node of the tree
            lookahead.addRows(rows);
            assertThat(rows.size()).isEqualTo(other + 1 + lookahead.ownRows());

            float[][] read = new float[2 + lookahead.readRows()][];
            read[0] = LogitRows.of(90);
            read[1] = LogitRows.of(91);
            for (int i = 0; i < lookahead.readRows(); i++) {
                List<Integer> path = path(rows, rows.size() - lookahead.readRows() + i);
                assertThat(path).isEqualTo(reference.context(root, i, length - 2));
                read[2 + i] = LogitRows.of(next(path));
                if (isHostile(path)) {
                    read[2 + i][40] = Float.NaN;
                }
            }
            lookahead.observe(tree, logits.of(read), 2);
            reference.pass(root);
            for (int token = 0; token < TinyModel.VOCABULARY; token++) {
                List<List<Integer>> expected = reference.pool.getOrDefault(token, List.of());
                assertThat(lookahead.pooled(token))
                        .isEqualTo(expected.stream()
                                .flatMap(List::stream)
                                .mapToInt(Integer::intValue)
                                .toArray());
                pooled += expected.size();
            }
        }
        assertThat(pooled).isPositive();
    }

    private static void assertDrafts(DraftTree tree, List<List<Integer>> ngrams) {
        int nodes = 0;
        for (List<Integer> ngram : ngrams) {
            int node = 0;
            for (int token : ngram) {
                node = tree.child(node, token);
                assertThat(node).isNotEqualTo(DraftTree.NONE);
                assertThat(tree.origin(node)).isEqualTo(DraftOrigin.LOOKAHEAD);
            }
        }
        for (int length = 1; !ngrams.isEmpty() && length <= ngrams.getFirst().size(); length++) {
            int depth = length;
            nodes += (int) ngrams.stream()
                    .map(ngram -> ngram.subList(0, depth))
                    .distinct()
                    .count();
        }
        assertThat(tree.size()).as("no row twice").isEqualTo(1 + nodes);
    }

    @Test
    void aPromptsLogitsAreNotTheWindows() {
        LookaheadDecoding lookahead = new LookaheadDecoding(TinyModel.VOCABULARY, 2, 3, 2);
        Rows rows = new Rows();
        rows.addToken(1, Rows.CACHE_END);
        lookahead.addRows(rows);
        lookahead.truncate(0); // the pass came to nothing
        lookahead.observe(new DraftTree(1, 1), logits.of(LogitRows.of(3)), 1);

        for (int token = 0; token < TinyModel.VOCABULARY; token++) {
            assertThat(lookahead.pooled(token)).isEmpty();
        }
    }

    @Test
    void withoutColumnsNothingIsAskedFor() {
        LookaheadDecoding lookahead = new LookaheadDecoding(TinyModel.VOCABULARY, 0, 4, 5);
        Rows rows = new Rows();
        rows.addToken(1, Rows.CACHE_END);
        lookahead.append(1);
        lookahead.addRows(rows);
        lookahead.observe(new DraftTree(1, 1), logits.of(LogitRows.of(3)), 1);

        assertThat(rows.size()).isEqualTo(1);
        assertThat(lookahead.ownRows()).isZero();
        assertThat(lookahead.readRows()).isZero();
        assertThat(Arrays.stream(new int[] {1, 3}).mapToObj(lookahead::pooled)).allMatch(ngrams -> ngrams.length == 0);
    }
}
