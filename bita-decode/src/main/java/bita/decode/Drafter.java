package bita.decode;

import bita.model.Engine;
import bita.model.Rows;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Drafts for one sequence. For each step it collects what all sources propose in a pool; a {@link Planner}, or
 * {@link #keepAll} for the reference's static trees, decides what of it is verified and where mask groups stand; then it
 * lays out the step's rows, and learns from what became of them how often its sources are right.
 */
final class Drafter {
    /** Most rows of a step, whatever the tree. */
    static final int MAX_ROWS = 512;

    private final Optional<TreeShape> shape; // of what masks draft
    private final int masks;
    private final List<DraftSource> sources; // all others
    private final int ownRows; // of the sources, beside the tree
    private final MaskRates rates;
    private final RowLogits logits;

    private final DraftTree pool;
    private int mostDepth;
    private final boolean[] kept; // of the pool's nodes, and so the next two
    private final float[] last; // probability of turning out last among those kept, 0 if not kept
    private final int[] masksBehind;

    private final DraftTree tree;
    private final int[] nodes; // of the tree for each node of the pool
    private final int[] groupSizes; // masks behind each node of the tree
    private final int[] groups; // the first mask row behind each, if there are masks
    private int firstMaskRow;
    private int draftedMasks; // of the group that this step's candidates are from
    private final int[] verified; // candidates of each mask in this step
    private final boolean[] accepted; // whether one of them was right

    /**
     * @param masks    mask tokens of a whole group, 0 if the method drafts without masks
     * @param bigrams  of the adapter
     * @param mostRows of a step
     */
    Drafter(Engine engine, Method.Drafting method, int masks, Bigrams bigrams, int mostRows) {
        shape = method.masks().map(Method.Masks::shape);
        this.masks = masks;
        int vocabulary = engine.model().config().vocabulary();
        sources = method.sources().stream()
                .flatMap(source -> open(source, vocabulary, bigrams, mostRows))
                .toList();
        ownRows = sources.stream().mapToInt(DraftSource::ownRows).sum();
        rates = new MaskRates(masks);
        logits = new RowLogits(engine);
        int capacity = (MAX_ROWS - ownRows) / (1 + masks);
        pool = new DraftTree(capacity, 0);
        kept = new boolean[capacity];
        last = new float[capacity];
        masksBehind = new int[capacity];
        tree = new DraftTree(capacity, 0);
        nodes = new int[capacity];
        groupSizes = new int[capacity];
        groups = new int[capacity];
        verified = new int[masks];
        accepted = new boolean[masks];
    }

    private static Stream<DraftSource> open(Method.Source source, int vocabulary, Bigrams bigrams, int mostRows) {
        return switch (source) {
            case Method.Masks _ -> Stream.empty();
            case Method.Lookup _ -> Stream.of(new PromptLookup(PromptLookup.Settings.standard()));
            case Method.Automaton _ -> Stream.of(new SuffixAutomaton());
            case Method.Lookahead lookahead ->
                Stream.of(new LookaheadDecoding(
                        vocabulary, columns(lookahead, mostRows), lookahead.length(), lookahead.guesses()));
            case Method.Recycling recycling -> Stream.of(new TokenRecycling(vocabulary, recycling.nodes()));
            case Method.Bigrams _ -> Stream.of(new ModelBigrams(bigrams));
        };
    }

    /** Columns of a window that with the root takes at most half of a step's rows. */
    private static int columns(Method.Lookahead lookahead, int mostRows) {
        return Math.min(lookahead.columns(), mostRows / 2 / (lookahead.length() - 1));
    }

    /** Tells the sources the next token of the sequence. */
    void append(int token) {
        for (DraftSource source : sources) {
            source.append(token);
        }
    }

    /** Tells the sources that only the first tokens of the sequence are left. */
    void truncate(int length) {
        for (DraftSource source : sources) {
            source.truncate(length);
        }
    }

    /** Rows that a step has in any case: the root, and what sources want beside the tree. */
    int baseRows() {
        return 1 + ownRows;
    }

    /**
     * Collects what may follow.
     *
     * @param root       the last token that the sources were told
     * @param candidates of the mask group behind the last verified token
     * @param most       tokens that the step may decide: deeper candidates are of no use to a planner
     * @param least      probability of what is worth proposing
     */
    void propose(int root, MaskCandidates candidates, int most, float least) {
        pool.clear(root, least);
        mostDepth = most - 1;
        draftedMasks = candidates.masks();
        // What masks and another source draft counts as the other's: that would be there without masks.
        grow(false);
        shape.ifPresent(form -> form.grow(pool, rates.corrected(candidates)));
        grow(true);
        keepRoot();
    }

    /**
     * Proposes nothing: a plain step.
     *
     * @param root the last token that the sources were told
     */
    void proposeNothing(int root) {
        pool.clear(root, 0);
        draftedMasks = 0;
        keepRoot();
    }

    private void grow(boolean continuing) {
        for (DraftSource source : sources) {
            if (source.continuesOthers() == continuing) {
                source.grow(pool);
            }
        }
    }

    /** What was proposed; no node is likelier than its parent. */
    DraftTree pool() {
        return pool;
    }

    /** Depth of the deepest node of the pool that can be accepted. */
    int mostDepth() {
        return mostDepth;
    }

    /** Keeps the root alone, without masks. */
    void keepRoot() {
        Arrays.fill(last, 0, pool.size(), 0);
        Arrays.fill(kept, 0, pool.size(), false);
        Arrays.fill(masksBehind, 0, pool.size(), 0);
        kept[0] = true;
        last[0] = 1;
    }

    /** Keeps a node of the pool whose parent is kept. */
    void keep(int node) {
        kept[node] = true;
        last[node] = pool.probability(node);
        last[pool.parent(node)] = Math.max(0, last[pool.parent(node)] - pool.probability(node));
    }

    /** Probability that a node turns out last among those kept; 0 if it is not kept. */
    float lastProbability(int node) {
        return last[node];
    }

    /** Puts masks behind a node that is kept. */
    void putMasks(int node, int count) {
        masksBehind[node] = count;
    }

    /** Keeps all nodes, with a whole mask group behind each. */
    void keepAll() {
        Arrays.fill(kept, 0, pool.size(), true);
        Arrays.fill(masksBehind, 0, pool.size(), masks);
    }

    /**
     * Lays out the step: row i is node i of the tree, rows that sources have beside it follow, then mask rows.
     *
     * @param rows filled
     */
    void layOut(Rows rows) {
        tree.clear(pool.token(0), 0);
        nodes[0] = 0;
        groupSizes[0] = masksBehind[0];
        for (int node = 1; node < pool.size(); node++) {
            if (kept[node]) {
                nodes[node] = tree.add(
                        nodes[pool.parent(node)],
                        pool.token(node),
                        pool.probability(node),
                        pool.origin(node),
                        pool.kind(node));
                groupSizes[nodes[node]] = masksBehind[node];
            }
        }
        rows.clear();
        for (int node = 0; node < tree.size(); node++) {
            rows.addToken(tree.token(node), tree.parent(node));
        }
        for (DraftSource source : sources) {
            source.addRows(rows);
        }
        firstMaskRow = rows.size();
        for (int node = 0; node < tree.size(); node++) {
            groups[node] = addGroup(node, groupSizes[node], rows);
        }
    }

    /** Adds a mask group behind the last row of a prompt: a whole one, or so many masks. */
    void addFirstGroup(int anchor, int most, Rows rows) {
        addGroup(anchor, Math.min(most, masks), rows);
    }

    /** Adds masks behind a row; returns the first of their rows. */
    private static int addGroup(int anchor, int size, Rows rows) {
        int first = rows.size();
        int parent = anchor;
        for (int mask = 0; mask < size; mask++) {
            parent = rows.addMask(mask, parent);
        }
        return first;
    }

    /** The tree of the step in preparation. */
    DraftTree tree() {
        return tree;
    }

    /** Masks of a whole group. */
    int masks() {
        return masks;
    }

    /** Masks behind a node of the tree. */
    int masks(int node) {
        return groupSizes[node];
    }

    /** The first mask row behind a node of the tree that has masks. */
    int group(int node) {
        return groups[node];
    }

    /** The first row of this step's mask groups, which come last. */
    int firstMaskRow() {
        return firstMaskRow;
    }

    /**
     * Adds the rows of the step that need logits: the tree's, then what sources want to read.
     *
     * @param indices of rows in the pass
     * @param count   of those already there
     * @param first   of this step's rows in the pass
     * @return of those there now
     */
    int addReadRows(int[] indices, int count, int first) {
        int added = count;
        for (int node = 0; node < tree.size(); node++) {
            indices[added++] = first + node;
        }
        int end = tree.size();
        for (DraftSource source : sources) {
            end += source.ownRows();
            for (int row = end - source.readRows(); row < end; row++) {
                indices[added++] = first + row;
            }
        }
        return added;
    }

    /**
     * Lets the sources learn.
     *
     * @param read f32 (rows or more, vocabulary), of those rows of the step that {@link #addReadRows} names
     */
    void observe(MemorySegment read) {
        logits.use(read);
        int firstRead = tree.size();
        for (DraftSource source : sources) {
            source.observe(tree, logits, firstRead);
            firstRead += source.readRows();
        }
    }

    /**
     * The same for a prompt.
     *
     * @param last its last token
     * @param read f32 (vocabulary), of that
     */
    void observeFirst(int last, MemorySegment read) {
        tree.clear(last, 0);
        observe(read);
    }

    /**
     * Learns how often the sources are right.
     *
     * @param decided tokens behind the root
     */
    void learn(List<Step.Token> decided) {
        Arrays.fill(verified, 0);
        Arrays.fill(accepted, false);
        for (int node = 1; node < tree.size(); node++) {
            if (tree.origin(node) == DraftOrigin.MASK) {
                verified[tree.kind(node)]++;
            }
        }
        int node = 0;
        for (int i = 0; i < decided.size() && node != DraftTree.NONE; i++) {
            node = learn(node, decided.get(i).id());
        }
    }

    /** Learns from the children of a node that turned out right; returns the right one, or NONE. */
    private int learn(int parent, int token) {
        int right = DraftTree.NONE;
        for (int child = tree.firstChild(parent); child != DraftTree.NONE; child = tree.nextSibling(child)) {
            boolean isRight = tree.token(child) == token;
            if (tree.origin(child) == DraftOrigin.MASK) {
                rates.learn(tree.kind(child), tree.probability(child) / tree.probability(parent), isRight);
                accepted[tree.kind(child)] |= isRight;
            } else {
                for (DraftSource source : sources) {
                    if (source.origin() == tree.origin(child)) {
                        source.learn(tree.kind(child), isRight);
                    }
                }
            }
            if (isRight) {
                right = child;
            }
        }
        return right;
    }

    /** Masks of the group that this step's candidates are from. */
    int draftedMasks() {
        return draftedMasks;
    }

    /** How many candidates of a mask the last step verified. */
    int verified(int mask) {
        return verified[mask];
    }

    /** Whether one of them was right. */
    boolean accepted(int mask) {
        return accepted[mask];
    }
}
