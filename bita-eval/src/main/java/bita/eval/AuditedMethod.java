package bita.eval;

import bita.decode.Method;
import bita.decode.PromptLookup;
import bita.decode.TreeShape;
import java.util.List;
import java.util.OptionalInt;

/**
 * A decoding method under test.
 *
 * @param rows most rows of a step; empty for the method's own budget, or as many as its tree asks for
 */
public record AuditedMethod(Method method, OptionalInt rows) {
    private static final int BUDGET = 16;
    private static final int WIDE_BUDGET = 64;

    /**
     * Plain decoding itself; prompt lookup; masks with every form of tree: the static ones with mask groups behind all
     * nodes, one of them also cut down to a budget, and the best-first ones within a small and a wide budget; masks
     * together with prompt lookup; the other sources alone, and all together; the default.
     */
    public static List<AuditedMethod> standard() {
        return List.of(
                ofOwnRows("plain"),
                ofOwnRows("lookup"),
                ofOwnRows("masks3:chain"),
                ofOwnRows("masks3:half:3"),
                within(BUDGET, "masks:half:3"),
                ofOwnRows("masks3:upper-triangle:5"),
                ofOwnRows("masks3:full:2"),
                within(BUDGET, "masks:best:8"),
                within(WIDE_BUDGET, "masks:best:16"),
                within(BUDGET, "masks2+lookup:best:8"),
                within(8, "masks2+lookup:best:4"),
                ofOwnRows("automaton"),
                ofOwnRows("lookahead"),
                ofOwnRows("recycling"),
                within(BUDGET, "bigrams"),
                within(BUDGET, "masks2+lookup+automaton+lookahead:2,4,3+recycling:8+bigrams:best:8"),
                new AuditedMethod(Method.DEFAULT, OptionalInt.empty()));
    }

    private static AuditedMethod ofOwnRows(String name) {
        return new AuditedMethod(Method.parse(name), OptionalInt.empty());
    }

    private static AuditedMethod within(int rows, String name) {
        return new AuditedMethod(Method.parse(name), OptionalInt.of(rows));
    }

    /** For people, for instance {@code masks:best:8, 16 rows}. */
    public String name() {
        return method.name() + (rows.isPresent() ? ", " + rows.getAsInt() + " rows" : "");
    }

    /** Whether it drafts with what an adapter has. */
    public boolean needsAdapter() {
        return method instanceof Method.Drafting drafting && drafting.needsAdapter();
    }

    /**
     * Most rows that a step takes.
     *
     * @param masks mask tokens of the adapter
     */
    long mostRows(int masks) {
        return switch (method) {
            case Method.Plain _ -> 1;
            case Method.Drafting drafting -> {
                int used = drafting.masks()
                        .map(source -> Math.min(source.perGroup(), masks))
                        .orElse(0);
                long nodes = 1L
                        + drafting.sources().stream()
                                .mapToLong(source -> mostNodes(source, used))
                                .sum();
                long beside = drafting.sources().stream()
                        .mapToLong(source -> source instanceof Method.Lookahead lookahead ? lookahead.windowRows() : 0)
                        .sum();
                long all = nodes * (1 + used) + beside;
                OptionalInt budget =
                        rows.isEmpty() && drafting.isPlanned() ? OptionalInt.of(Method.MOST_PLANNED_ROWS) : rows;
                yield budget.isPresent() ? Math.min(all, budget.getAsInt()) : all;
            }
        };
    }

    private static long mostNodes(Method.Source source, int masks) {
        return switch (source) {
            case Method.Masks maskSource -> nodes(maskSource.shape(), masks);
            case Method.Lookup _ -> PromptLookup.Settings.standard().length();
            case Method.Automaton automaton -> automaton.mostNodes();
            case Method.Lookahead lookahead -> lookahead.mostNodes();
            case Method.Recycling recycling -> recycling.nodes();
            case Method.Bigrams bigrams -> bigrams.mostNodes();
        };
    }

    private static long nodes(TreeShape shape, int masks) {
        return switch (shape) {
            case TreeShape.Chain chain -> Math.min(chain.length(), masks);
            case TreeShape.Half half -> (long) half.candidates() * masks;
            case TreeShape.UpperTriangle triangle -> {
                long levels = Math.min(triangle.candidates(), masks);
                yield levels * (2L * triangle.candidates() - levels + 1) / 2;
            }
            case TreeShape.Full full -> {
                double level = 1;
                double all = 0;
                for (int mask = 0; mask < masks; mask++) {
                    level *= full.candidates();
                    all += level;
                }
                yield (long) Math.min(all, Integer.MAX_VALUE);
            }
            case TreeShape.BestFirst best -> best.nodes();
        };
    }
}
