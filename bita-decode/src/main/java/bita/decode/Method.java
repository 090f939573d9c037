package bita.decode;

import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How tokens are produced: plainly, or by drafting some and verifying them in one pass. */
public sealed interface Method {
    /** What {@link #parse} accepts, for help texts and errors. */
    String SYNTAX = "plain, lookup, masks[N][:TREE], masks[N]+lookup[:TREE] with the first N masks of a group; TREE is"
            + " one of " + TreeShape.FORMS;

    /**
     * With an adapter: the likeliest candidates of two masks and prompt lookup in one tree. Of the shapes measured with
     * the default model it decodes fastest in f32 and second to none by much in 4 bits (docs/figures.md).
     */
    Method DEFAULT = new Drafting(Optional.of(new Masks(new TreeShape.BestFirst(4), 2)), true);

    /** Rows of a step where a method fits a budget and none is given: what a processor has nearly for free. */
    int DEFAULT_ROWS = 8;

    /** Methods with masks, as {@link #parse} reads them. */
    Pattern MASKS = Pattern.compile("masks(?<count>[0-9]{0,4})(?<lookup>\\+lookup)?(?::(?<tree>.+))?");

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
     * Masks as a source of drafts.
     *
     * @param shape    how their candidates form a tree
     * @param perGroup most masks of a group; {@link #ALL} for all that the adapter has
     */
    record Masks(TreeShape shape, int perGroup) {
        /** As many as the adapter has. */
        static final int ALL = Integer.MAX_VALUE;

        public Masks {
            if (perGroup < 1) {
                throw new IllegalArgumentException("a group needs at least one mask, not " + perGroup);
            }
        }
    }

    /**
     * A tree of drafted tokens, verified in the pass that also makes the next draft.
     *
     * @param masks  the masks' part of the tree; empty without masks
     * @param lookup whether prompt lookup adds a chain
     */
    record Drafting(Optional<Masks> masks, boolean lookup) implements Method {
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
            return masks.isPresent() && masks.get().shape() instanceof TreeShape.BestFirst
                    ? OptionalInt.of(DEFAULT_ROWS)
                    : OptionalInt.empty();
        }

        @Override
        public String name() {
            if (masks.isEmpty()) {
                return "lookup";
            }
            Masks source = masks.get();
            String count = source.perGroup() == Masks.ALL ? "" : Integer.toString(source.perGroup());
            return "masks" + count + (lookup ? "+lookup:" : ":")
                    + source.shape().name();
        }
    }

    /**
     * The method of a name.
     *
     * @throws IllegalArgumentException if there is none; the message lists the names
     */
    static Method parse(String name) {
        String lower = name.trim().toLowerCase(Locale.ROOT);
        if (lower.equals("plain")) {
            return new Plain();
        }
        if (lower.equals("lookup")) {
            return new Drafting(Optional.empty(), true);
        }
        Matcher masks = MASKS.matcher(lower);
        if (!masks.matches()) {
            throw new IllegalArgumentException("unknown method '" + name + "'; known are: " + SYNTAX);
        }
        int perGroup = masks.group("count").isEmpty() ? Masks.ALL : Integer.parseInt(masks.group("count"));
        TreeShape shape = TreeShape.parse(masks.group("tree") == null ? "best" : masks.group("tree"));
        return new Drafting(Optional.of(new Masks(shape, perGroup)), masks.group("lookup") != null);
    }
}
