package bita.decode;

import bita.model.Engine;
import bita.model.Rows;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * Shapes each step of a drafting method: the tree of candidates from all sources, what rows they ask for beside it, and
 * the mask groups behind those nodes that may turn out last, within a budget of rows.
 *
 * <p>Without a budget a tree of masks is as its shape says, with groups behind all nodes, as in the reference
 * implementation. With one, the candidates of all sources compete by the probability of their path, and groups go
 * behind the likeliest last nodes: most groups are never used, and on a processor rows cost time. A {@link Planner}
 * leaves out what does not pay.
 */
final class Drafter {
    /** Most rows of a step, whatever the tree. */
    static final int MAX_ROWS = 512;
    /** Share of a budget, behind the root, that mask groups may take. */
    private static final double GROUP_SHARE = 0.45;
    /** A group behind a node that turns out last less often than this does not earn its rows. */
    private static final float LEAST_LAST = 0.04f;

    private final Optional<TreeShape> shape; // of what masks draft
    private final int masks;
    private final List<DraftSource> sources; // all others
    private final int ownRows; // of the sources, beside the tree
    private final OptionalInt budget;
    private final Optional<Planner> planner;
    private final DraftTree pool;
    private final DraftTree tree;
    private final int[] groups = new int[MAX_ROWS]; // first mask row behind each node, or -1
    private final int[] pooled = new int[MAX_ROWS]; // node of the tree for each node of the pool
    private final RowLogits logits;
    private int firstMaskRow;
    private int groupSize; // masks of a group in this step
    private int draftedMasks; // of the group that this step's candidates are from

    /**
     * @param masks  mask tokens of a group, 0 if the method drafts without masks
     * @param budget most rows of a step; empty for what the method asks for: a static tree as it is, else what pays
     */
    Drafter(Engine engine, Method.Drafting method, int masks, OptionalInt budget) {
        shape = method.masks().map(Method.Masks::shape);
        this.masks = masks;
        groupSize = masks;
        boolean planned = budget.isEmpty() && method.isPlanned();
        planner = planned ? Optional.of(new Planner(masks)) : Optional.empty();
        this.budget = planned ? OptionalInt.of(Planner.MOST_ROWS) : budget;
        int vocabulary = engine.model().config().vocabulary();
        sources = method.sources().stream()
                .flatMap(source -> open(source, vocabulary))
                .toList();
        ownRows = sources.stream().mapToInt(DraftSource::ownRows).sum();
        logits = new RowLogits(engine);
        int nodes = (MAX_ROWS - ownRows) / (1 + masks);
        pool = new DraftTree(nodes, 0);
        tree = new DraftTree(nodes, 0);
    }

    private Stream<DraftSource> open(Method.Source source, int vocabulary) {
        return switch (source) {
            case Method.Masks _ -> Stream.empty();
            case Method.Lookup _ -> Stream.of(new PromptLookup(PromptLookup.Settings.standard()));
            case Method.Automaton _ -> Stream.of(new SuffixAutomaton());
            case Method.Lookahead lookahead ->
                Stream.of(
                        new LookaheadDecoding(vocabulary, columns(lookahead), lookahead.length(), lookahead.guesses()));
            case Method.Recycling recycling -> Stream.of(new TokenRecycling(vocabulary, recycling.nodes()));
        };
    }

    /** Columns of a window that with the root takes at most half of a budget. */
    private int columns(Method.Lookahead lookahead) {
        int most = mostRows() / 2 / (lookahead.length() - 1);
        return budget.isPresent() ? Math.min(lookahead.columns(), most) : lookahead.columns();
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

    /** Most rows of a step. */
    int mostRows() {
        return budget.orElse(MAX_ROWS);
    }

    /** The tree of the step in preparation. */
    DraftTree tree() {
        return tree;
    }

    /** Masks of a group of this step. */
    int masks() {
        return groupSize;
    }

    /** The first row of this step's mask groups, which come last. */
    int firstMaskRow() {
        return firstMaskRow;
    }

    /** The first mask row behind a node, or -1 if no group stands there. */
    int group(int node) {
        return groups[node];
    }

    /**
     * Prepares a step: row i of {@code rows} is node i of the tree, rows that sources have beside it follow, then mask
     * rows.
     *
     * @param root       the last token that the sources were told
     * @param candidates of the mask group behind the last verified token
     */
    void draft(int root, MaskCandidates candidates, Rows rows) {
        DraftTree grown = budget.isPresent() ? pool : tree;
        grown.clear(root);
        draftedMasks = candidates.masks();
        // What masks and another source draft counts as the other's: that would be there without masks.
        grow(grown, false);
        shape.ifPresent(form -> form.grow(grown, candidates));
        grow(grown, true);
        groupSize = masks;
        int groupRows = tree.size() * masks;
        if (budget.isPresent()) {
            int behindRoot = budget.getAsInt() - 1 - ownRows;
            groupSize = Math.min(masks, behindRoot - 1);
            int reserved = groupSize == 0 ? 0 : Math.max((int) (behindRoot * GROUP_SHARE) / groupSize, 1) * groupSize;
            keepLikeliest(root, behindRoot - reserved);
            groupRows = behindRoot + 1 - tree.size();
        }
        rows.clear();
        for (int node = 0; node < tree.size(); node++) {
            rows.addToken(tree.token(node), tree.parent(node));
        }
        for (DraftSource source : sources) {
            source.addRows(rows);
        }
        firstMaskRow = rows.size();
        Arrays.fill(groups, 0, tree.size(), -1);
        if (groupSize > 0) {
            addGroups(groupRows / groupSize, rows);
        }
    }

    private void grow(DraftTree grown, boolean continuing) {
        for (DraftSource source : sources) {
            if (source.continuesOthers() == continuing) {
                source.grow(grown);
            }
        }
    }

    /**
     * Rows of the step that need logits: the tree's, then what sources want to read.
     *
     * @param indices where to put them
     * @return how many
     */
    int readRows(int[] indices) {
        int count = 0;
        while (count < tree.size()) {
            indices[count] = count++;
        }
        int end = tree.size();
        for (DraftSource source : sources) {
            end += source.ownRows();
            for (int row = end - source.readRows(); row < end; row++) {
                indices[count++] = row;
            }
        }
        return count;
    }

    /**
     * Lets the sources learn.
     *
     * @param read f32 (rows, vocabulary), of those rows of the step that {@link #readRows} names
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
        tree.clear(last);
        observe(read);
    }

    /** Takes in how the step that was prepared last went. */
    void learn(List<Step.Token> decided, int rows, long nanos) {
        planner.ifPresent(plan -> plan.learn(tree, decided, draftedMasks, rows, nanos));
    }

    /** Fills the tree with the likeliest nodes of the pool that pay; no node is likelier than its parent. */
    private void keepLikeliest(int root, int count) {
        double price = planner.map(Planner::rowPrice).orElse(0.0);
        tree.clear(root);
        Arrays.fill(pooled, 0, pool.size(), -1);
        pooled[0] = 0;
        for (int kept = 0; kept < count && kept < pool.size() - 1; kept++) {
            int best = -1;
            for (int node = 1; node < pool.size(); node++) {
                if (pooled[node] < 0
                        && pooled[pool.parent(node)] >= 0
                        && likelihood(node) >= price
                        && (best < 0 || likelihood(node) > likelihood(best))) {
                    best = node;
                }
            }
            if (best < 0) {
                return;
            }
            pooled[best] =
                    tree.add(pooled[pool.parent(best)], pool.token(best), pool.probability(best), pool.origin(best));
        }
    }

    private double likelihood(int pooledNode) {
        float claimed = pool.probability(pooledNode);
        return planner.map(plan -> plan.corrected(pool.origin(pooledNode), claimed))
                .orElse((double) claimed);
    }

    private void addGroups(int most, Rows rows) {
        int[] last = LastNode.likeliestLast(tree, most);
        int affordable = groupSize;
        groupSize = planner.map(plan -> Math.min(affordable, plan.masksWorth(lastProbability(last[0]))))
                .orElse(affordable);
        if (groupSize == 0) {
            return;
        }
        for (int i = 0; i < last.length; i++) {
            float probability = lastProbability(last[i]);
            boolean worth = planner.map(plan -> plan.groupPays(probability, groupSize))
                    .orElse(budget.isEmpty() || i == 0 || probability >= LEAST_LAST);
            if (!worth) {
                return;
            }
            groups[last[i]] = addGroup(last[i], rows);
        }
    }

    /** Adds a whole mask group behind the last row of a prompt. */
    void addFirstGroup(int anchor, Rows rows) {
        groupSize = masks;
        addGroup(anchor, rows);
    }

    /** Adds a mask group behind a row; returns the first of its rows. */
    private int addGroup(int anchor, Rows rows) {
        int first = rows.size();
        int parent = anchor;
        for (int mask = 0; mask < groupSize; mask++) {
            parent = rows.addMask(mask, parent);
        }
        return first;
    }

    private float lastProbability(int node) {
        float probability = tree.probability(node);
        for (int child = tree.firstChild(node); child != DraftTree.NONE; child = tree.nextSibling(child)) {
            probability -= tree.probability(child);
        }
        return probability;
    }
}
