package bita.decode;

import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/** How tokens are produced: plainly, or by drafting some and verifying them in one pass. */
public sealed interface Method {
    /** What {@link #parse} accepts, for help texts and errors. */
    String SYNTAX = "plain, lookup, masks[:TREE], masks+lookup[:TREE]; TREE is one of " + TreeShape.FORMS;

    /** With an adapter: the likeliest candidates of masks and prompt lookup in one tree. */
    Method DEFAULT = new Drafting(Optional.of(new TreeShape.BestFirst(16)), true);

    /** Rows of a step where a method fits a budget and none is given. */
    int DEFAULT_ROWS = 16;

    /** The name that {@link #parse} understands. */
    String name();

    /** One token per pass. */
    record Plain() implements Method {
        @Override
        public String name() {
            return "plain";
        }
    }

    /**
     * A tree of drafted tokens, verified in the pass that also makes the next draft.
     *
     * @param masks  the shape of the masks' part of the tree; empty without masks
     * @param lookup whether prompt lookup adds a chain
     */
    record Drafting(Optional<TreeShape> masks, boolean lookup) implements Method {
        public Drafting {
            if (masks.isEmpty() && !lookup) {
                throw new IllegalArgumentException("drafting needs a source: masks, lookup or both");
            }
        }

        /**
         * The row budget of a step unless another is asked for: the reference's static trees come with mask groups
         * behind all nodes, whatever that costs.
         */
        public OptionalInt defaultRows() {
            return masks.isPresent() && masks.get() instanceof TreeShape.BestFirst
                    ? OptionalInt.of(DEFAULT_ROWS)
                    : OptionalInt.empty();
        }

        @Override
        public String name() {
            if (masks.isEmpty()) {
                return "lookup";
            }
            return (lookup ? "masks+lookup:" : "masks:") + masks.get().name();
        }
    }

    /**
     * The method of a name.
     *
     * @throws IllegalArgumentException if there is none; the message lists the names
     */
    static Method parse(String name) {
        String lower = name.trim().toLowerCase(Locale.ROOT);
        int colon = lower.indexOf(':');
        String source = colon < 0 ? lower : lower.substring(0, colon);
        TreeShape shape = colon < 0 ? TreeShape.parse("best") : TreeShape.parse(lower.substring(colon + 1));
        boolean shaped = colon >= 0;
        if (source.equals("plain") && !shaped) {
            return new Plain();
        }
        if (source.equals("lookup") && !shaped) {
            return new Drafting(Optional.empty(), true);
        }
        return switch (source) {
            case "masks" -> new Drafting(Optional.of(shape), false);
            case "masks+lookup" -> new Drafting(Optional.of(shape), true);
            default -> throw new IllegalArgumentException("unknown method '" + name + "'; known are: " + SYNTAX);
        };
    }
}
