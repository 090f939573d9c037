package bita.eval;

import bita.decode.DecodingSession;
import bita.decode.Method;
import bita.decode.PromptLookup;
import bita.decode.TreeShape;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * A decoding method under test.
 *
 * @param rows most rows of a step; empty for as many as the method's tree asks for
 */
public record AuditedMethod(Method method, OptionalInt rows) {
    private static final List<String> TREES =
            List.of("chain", "half:3", "upper-triangle:5", "full:2", "best:4", "best:8", "best:16");

    /**
     * Plain decoding itself, prompt lookup, masks with every form of tree at its own rows, and masks with and without
     * prompt lookup within a budget.
     */
    public static List<AuditedMethod> standard() {
        List<AuditedMethod> methods = new ArrayList<>();
        methods.add(ofOwnRows("plain"));
        methods.add(ofOwnRows("lookup"));
        TREES.forEach(tree -> methods.add(ofOwnRows("masks:" + tree)));
        methods.add(withBudget("masks:best:8"));
        methods.add(withBudget("masks+lookup:best:8"));
        return List.copyOf(methods);
    }

    private static AuditedMethod ofOwnRows(String name) {
        return new AuditedMethod(Method.parse(name), OptionalInt.empty());
    }

    private static AuditedMethod withBudget(String name) {
        return new AuditedMethod(Method.parse(name), OptionalInt.of(DecodingSession.DEFAULT_ROWS));
    }

    /** For people, for instance {@code masks:best:8, 16 rows}. */
    public String name() {
        return method.name() + (rows.isPresent() ? ", " + rows.getAsInt() + " rows" : "");
    }

    /** Whether it drafts with the masks of an adapter. */
    public boolean needsAdapter() {
        return method instanceof Method.Drafting drafting && drafting.masks().isPresent();
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
                long nodes = 1 + (drafting.lookup() ? PromptLookup.Settings.standard().length() : 0);
                nodes += drafting.masks().map(shape -> nodes(shape, masks)).orElse(0L);
                long all = nodes * (drafting.masks().isPresent() ? 1 + masks : 1);
                yield rows.isPresent() ? Math.min(all, rows.getAsInt()) : all;
            }
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
