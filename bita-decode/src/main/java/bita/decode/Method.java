package bita.decode;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How tokens are produced: plainly, or by drafting some and verifying them in one pass. */
public sealed interface Method {
    /** What {@link #parse} accepts, for help texts and errors. */
    String SYNTAX = "plain, lookup, masks[N][:TREE], masks[N]+lookup[:TREE] with the first N masks of a group; TREE is"
            + " one of " + TreeShape.FORMS;

    /** With an adapter: the likeliest candidates of masks and prompt lookup in one tree, as many as pay. */
    Method DEFAULT = new Drafting(Optional.of(new Masks(new TreeShape.BestFirst(16), Masks.ALL)), true);

    /** Most rows of a step that is planned by what pays. */
    int MOST_PLANNED_ROWS = Planner.MOST_ROWS;

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
         * Whether a step has the rows that pay, by what is measured on the way, unless it is given a budget. The
         * reference's static trees come as they are, with mask groups behind all nodes, whatever that costs; prompt
         * lookup alone too.
         */
        public boolean isPlanned() {
            return masks.isPresent() && masks.get().shape() instanceof TreeShape.BestFirst;
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
