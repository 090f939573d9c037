package bita.decode;

import java.util.Comparator;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * Makes a tree of what the masks predict. Level d holds candidates of mask d, so a tree is no deeper than there are
 * masks with candidates before it. Nodes are added below the root with origin {@link DraftOrigin#MASK} and the product of
 * the masks' probabilities along the path; where the tree has the token already, the nodes merge. A full tree ends it.
 *
 * <p>Half, upper triangle and full are the static trees of BiTA (arXiv 2401.12522, section 3.3, and its code's
 * {@code make_tree_attention}), a chain is half with one candidate.
 */
public sealed interface TreeShape {
    /** Adds the candidates to {@code tree}, behind its root. */
    void grow(DraftTree tree, MaskCandidates candidates);

    /** As {@link #parse} takes it. */
    String name();

    /** Forms that {@link #parse} takes, for help texts and errors. */
    String FORMS = "chain[:LENGTH], half[:CANDIDATES], upper-triangle[:CANDIDATES], full[:CANDIDATES] or best[:NODES]";

    /**
     * A shape by its name, with or without a number: {@code chain} (as long as there are masks), {@code half}
     * (3), {@code upper-triangle} (5), {@code full} (2), {@code best} (8).
     *
     * @throws IllegalArgumentException if there is no such shape, or its number is not a positive integer
     */
    static TreeShape parse(String text) {
        int colon = text.indexOf(':');
        String name = colon < 0 ? text : text.substring(0, colon);
        @Nullable Integer number = colon < 0 ? null : parsePositive(text, text.substring(colon + 1));
        return switch (name) {
            case "chain" -> number == null ? Chain.ofAllMasks() : new Chain(number);
            case "half" -> new Half(number == null ? 3 : number);
            case "upper-triangle" -> new UpperTriangle(number == null ? 5 : number);
            case "full" -> new Full(number == null ? 2 : number);
            case "best" -> new BestFirst(number == null ? 8 : number);
            default -> throw unknown(text);
        };
    }

    private static int parsePositive(String text, String number) {
        try {
            int value = Integer.parseInt(number);
            if (value > 0) {
                return value;
            }
        } catch (NumberFormatException _) {
            // Refused below, like a number out of range.
        }
        throw unknown(text);
    }

    private static IllegalArgumentException unknown(String text) {
        return new IllegalArgumentException("There is no tree shape \"" + text + "\": it must be " + FORMS
                + ", where the number is a positive integer.");
    }

    private static void requirePositive(String what, int value) {
        if (value < 1) {
            throw new IllegalArgumentException("The " + what + " must be at least 1, not " + value + ".");
        }
    }

    /** Each mask's best candidate, one behind the other, up to {@code length} of them. */
    record Chain(int length) implements TreeShape {
        public Chain {
            requirePositive("length of a chain", length);
        }

        /** A chain as long as there are masks. */
        public static Chain ofAllMasks() {
            return new Chain(Integer.MAX_VALUE);
        }

        @Override
        public void grow(DraftTree tree, MaskCandidates candidates) {
            int parent = 0;
            float probability = 1;
            for (int mask = 0; mask < Math.min(length, candidates.depth()) && parent != DraftTree.NONE; mask++) {
                probability *= candidates.probability(mask, 0);
                parent = tree.add(parent, candidates.token(mask, 0), probability, DraftOrigin.MASK, mask);
            }
        }

        @Override
        public String name() {
            return length == Integer.MAX_VALUE ? "chain" : "chain:" + length;
        }
    }

    /** As many candidates on every level; only each level's best has children. */
    record Half(int candidates) implements TreeShape {
        public Half {
            requirePositive("number of candidates", candidates);
        }

        @Override
        public void grow(DraftTree tree, MaskCandidates masks) {
            growBehindBest(tree, masks, candidates, 0);
        }

        @Override
        public String name() {
            return "half:" + candidates;
        }
    }

    /** One candidate fewer on each level than on the one before; only each level's best has children. */
    record UpperTriangle(int candidates) implements TreeShape {
        public UpperTriangle {
            requirePositive("number of candidates", candidates);
        }

        @Override
        public void grow(DraftTree tree, MaskCandidates masks) {
            growBehindBest(tree, masks, candidates, 1);
        }

        @Override
        public String name() {
            return "upper-triangle:" + candidates;
        }
    }

    private static void growBehindBest(DraftTree tree, MaskCandidates masks, int candidates, int lessPerLevel) {
        int parent = 0;
        float probability = 1;
        for (int mask = 0; mask < masks.depth(); mask++) {
            int width = Math.min(candidates - mask * lessPerLevel, masks.count(mask));
            int best = DraftTree.NONE;
            for (int rank = 0; rank < width; rank++) {
                float path = probability * masks.probability(mask, rank);
                int node = tree.add(parent, masks.token(mask, rank), path, DraftOrigin.MASK, mask);
                if (node == DraftTree.NONE) {
                    return;
                }
                if (rank == 0) {
                    best = node;
                }
            }
            if (best == DraftTree.NONE) {
                return;
            }
            parent = best;
            probability *= masks.probability(mask, 0);
        }
    }

    /** Every node of a level has as many children; level by level. */
    record Full(int candidates) implements TreeShape {
        public Full {
            requirePositive("number of candidates", candidates);
        }

        @Override
        public void grow(DraftTree tree, MaskCandidates masks) {
            int[] parents = {0};
            float[] probabilities = {1};
            for (int mask = 0; mask < masks.depth(); mask++) {
                int width = Math.min(candidates, masks.count(mask));
                // Every node of a level is another node of the tree, so its capacity bounds the level.
                int most = (int) Math.min((long) parents.length * width, tree.capacity());
                int[] level = new int[most];
                float[] levelProbabilities = new float[most];
                int count = 0;
                for (int i = 0; i < parents.length; i++) {
                    for (int rank = 0; rank < width; rank++) {
                        float path = probabilities[i] * masks.probability(mask, rank);
                        int node = tree.add(parents[i], masks.token(mask, rank), path, DraftOrigin.MASK, mask);
                        if (node == DraftTree.NONE) {
                            return;
                        }
                        level[count] = node;
                        levelProbabilities[count++] = path;
                    }
                }
                parents = level;
                probabilities = levelProbabilities;
            }
        }

        @Override
        public String name() {
            return "full:" + candidates;
        }
    }

    /**
     * The {@code nodes} paths with the largest product of the masks' probabilities; on a tie the shorter first, then the
     * lower ranks from the root on. The product takes the masks as independent of each other. Nodes that merge with
     * others of the tree count as well.
     */
    record BestFirst(int nodes) implements TreeShape {
        public BestFirst {
            requirePositive("number of nodes", nodes);
        }

        @Override
        public void grow(DraftTree tree, MaskCandidates candidates) {
            int depth = candidates.depth();
            if (depth == 0) {
                return;
            }
            PriorityQueue<Path> queue = new PriorityQueue<>(Path.ORDER);
            queue.add(Path.of(null, 0, 0, candidates));
            for (int i = 0; i < nodes && !queue.isEmpty(); i++) {
                Path path = queue.remove();
                int node = tree.add(
                        path.parentNode(),
                        candidates.token(path.mask, path.rank),
                        (float) path.probability,
                        DraftOrigin.MASK,
                        path.mask);
                if (node == DraftTree.NONE) {
                    return;
                }
                path.node = node;
                // A next sibling or a first child is no more likely than the path, so the queue never misses one.
                if (path.rank + 1 < candidates.count(path.mask)) {
                    queue.add(Path.of(path.parent, path.mask, path.rank + 1, candidates));
                }
                if (path.mask + 1 < depth) {
                    queue.add(Path.of(path, path.mask + 1, 0, candidates));
                }
            }
        }

        @Override
        public String name() {
            return "best:" + nodes;
        }

        /** One candidate of a mask behind a path of candidates of the masks before. */
        private static final class Path {
            static final Comparator<Path> ORDER = Comparator.comparingDouble((Path path) -> -path.probability)
                    .thenComparingInt(path -> path.mask)
                    .thenComparing(Path::compareRanks);

            final @Nullable Path parent;
            final int mask;
            final int rank;
            final double probability;
            int node = DraftTree.NONE; // once it is in the tree

            private Path(@Nullable Path parent, int mask, int rank, double probability) {
                this.parent = parent;
                this.mask = mask;
                this.rank = rank;
                this.probability = probability;
            }

            static Path of(@Nullable Path parent, int mask, int rank, MaskCandidates candidates) {
                double before = parent == null ? 1 : parent.probability;
                return new Path(parent, mask, rank, before * candidates.probability(mask, rank));
            }

            int parentNode() {
                return parent == null ? 0 : parent.node;
            }

            /** Ranks from the root on, of two paths of equal length. */
            private int compareRanks(Path other) {
                if (parent != null && other.parent != null && parent != other.parent) {
                    return parent.compareRanks(other.parent);
                }
                return Integer.compare(rank, other.rank);
            }
        }
    }
}
