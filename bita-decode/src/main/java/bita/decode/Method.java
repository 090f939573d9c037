package bita.decode;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** How tokens are produced: plainly, or by drafting some and verifying them in one pass. */
public sealed interface Method {
    /** What {@link #parse} accepts, for help texts and errors. */
    String SYNTAX = "plain, or sources of drafts joined by +: masks[N] (the first N masks of a group), automaton,"
            + " recycling[:NODES], bigrams (of the adapter), lookup, lookahead[:COLUMNS,LENGTH,GUESSES]; with masks followed by"
            + " [:TREE], one of " + TreeShape.FORMS;

    /** With an adapter: candidates of masks, suffix automaton, token recycling and bigrams in one tree, as many as pay. */
    Method DEFAULT = new Drafting(List.of(
            new Masks(new TreeShape.BestFirst(16), Masks.ALL), new Automaton(), Recycling.STANDARD, new Bigrams()));

    /** Without an adapter: the same without masks and bigrams. */
    Method DEFAULT_WITHOUT_ADAPTER = new Drafting(List.of(new Automaton(), Recycling.STANDARD));

    /** Most rows of a step that is planned by what pays. */
    int MOST_PLANNED_ROWS = StepCosts.MOST_ROWS;

    /** Sources and the masks' tree, as {@link #parse} reads them: a tree's name begins with a letter. */
    Pattern DRAFTING = Pattern.compile("(?<sources>[a-z0-9+:,]+?)(?::(?<tree>[a-z].*))?");

    /** One of the sources. */
    Pattern SOURCE =
            Pattern.compile("(?<kind>[a-z]+)(?<count>[0-9]{0,4})(?::(?<numbers>[0-9]{1,4}(?:,[0-9]{1,4}){0,2}))?");

    /** The name that {@link #parse} understands. */
    String name();

    /** One token per pass. */
    record Plain() implements Method {
        @Override
        public String name() {
            return "plain";
        }
    }

    /** What drafts. */
    sealed interface Source {
        /** What its drafts are marked with. */
        DraftOrigin origin();

        /** As {@link Method#parse} takes it, without a tree. */
        String name();
    }

    /**
     * Masks as a source of drafts.
     *
     * @param shape    how their candidates form a tree
     * @param perGroup most masks of a group; {@link #ALL} for all that the adapter has
     */
    record Masks(TreeShape shape, int perGroup) implements Source {
        /** As many as the adapter has. */
        static final int ALL = Integer.MAX_VALUE;

        public Masks {
            if (perGroup < 1) {
                throw new IllegalArgumentException("a group needs at least one mask, not " + perGroup);
            }
        }

        @Override
        public DraftOrigin origin() {
            return DraftOrigin.MASK;
        }

        @Override
        public String name() {
            return perGroup == ALL ? "masks" : "masks" + perGroup;
        }
    }

    /** {@link PromptLookup}. */
    record Lookup() implements Source {
        @Override
        public DraftOrigin origin() {
            return DraftOrigin.LOOKUP;
        }

        @Override
        public String name() {
            return "lookup";
        }
    }

    /** {@link SuffixAutomaton}. */
    record Automaton() implements Source {
        @Override
        public DraftOrigin origin() {
            return DraftOrigin.AUTOMATON;
        }

        /** Most nodes that it adds to a tree. */
        public int mostNodes() {
            return SuffixAutomaton.MOST;
        }

        @Override
        public String name() {
            return "automaton";
        }
    }

    /**
     * {@link LookaheadDecoding}.
     *
     * @param columns of the window, W, 1 to 32; fewer where a budget of rows asks for it
     * @param length  tokens of an n-gram, N, 3 to 8; the window has N - 1 levels
     * @param guesses most n-grams drafted at a time, G, 1 to 32
     */
    record Lookahead(int columns, int length, int guesses) implements Source {
        /** 14 rows beside a tree of up to 15 nodes: a third of what the paper has on a GPU, where rows cost less. */
        public static final Lookahead STANDARD = new Lookahead(5, 4, 5);

        public Lookahead {
            requireWithin("columns of a lookahead window", columns, 1, 32);
            requireWithin("tokens of a lookahead n-gram", length, 3, 8);
            requireWithin("guesses of lookahead", guesses, 1, 32);
        }

        @Override
        public DraftOrigin origin() {
            return DraftOrigin.LOOKAHEAD;
        }

        /** Most nodes that it adds to a tree. */
        public int mostNodes() {
            return guesses * (length - 1);
        }

        /** Most rows that it adds to a pass beside the tree. */
        public int windowRows() {
            return columns * (length - 1) - 1;
        }

        @Override
        public String name() {
            return equals(STANDARD) ? "lookahead" : "lookahead:" + columns + "," + length + "," + guesses;
        }
    }

    /**
     * {@link TokenRecycling}.
     *
     * @param nodes most candidates that it has in a tree, 1 to 256
     */
    record Recycling(int nodes) implements Source {
        /** A fifth of the paper's 80 nodes, which were chosen for a GPU. */
        public static final Recycling STANDARD = new Recycling(16);

        public Recycling {
            requireWithin("nodes of recycling", nodes, 1, 256);
        }

        @Override
        public DraftOrigin origin() {
            return DraftOrigin.RECYCLING;
        }

        @Override
        public String name() {
            return equals(STANDARD) ? "recycling" : "recycling:" + nodes;
        }
    }

    /** {@link bita.decode.ModelBigrams}: of the adapter, which may have none; then nothing is drafted. */
    record Bigrams() implements Source {
        @Override
        public DraftOrigin origin() {
            return DraftOrigin.BIGRAM;
        }

        /** Most nodes that it adds to a tree. */
        public int mostNodes() {
            return bita.decode.ModelBigrams.MOST;
        }

        @Override
        public String name() {
            return "bigrams";
        }
    }

    private static void requireWithin(String what, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException("the " + what + " must be " + least + " to " + most + ", not " + value);
        }
    }

    /**
     * A tree of drafted tokens, verified in the pass that also makes the next draft.
     *
     * @param sources one or more, each kind once; in the order of their origins, whatever order they are given in
     */
    record Drafting(List<Source> sources) implements Method {
        public Drafting {
            sources = sources.stream()
                    .sorted(Comparator.comparing(Source::origin))
                    .toList();
            if (sources.isEmpty()) {
                throw new IllegalArgumentException("drafting needs a source of drafts");
            }
            for (int i = 1; i < sources.size(); i++) {
                if (sources.get(i).origin() == sources.get(i - 1).origin()) {
                    throw new IllegalArgumentException("a method has each kind of source once, not both "
                            + sources.get(i - 1).name() + " and "
                            + sources.get(i).name());
                }
            }
        }

        /** The masks among the sources. */
        public Optional<Masks> masks() {
            return sources.getFirst() instanceof Masks masks ? Optional.of(masks) : Optional.empty();
        }

        /** Whether it drafts with what an adapter has: masks or bigrams. */
        public boolean needsAdapter() {
            return masks().isPresent() || sources.contains(new Bigrams());
        }

        /**
         * Whether a step has the rows that pay, by what rows cost, unless it is given a budget. The reference's static
         * trees come as they are, with mask groups behind all nodes, whatever that costs; a source that is alone too, as
         * in its paper.
         */
        public boolean isPlanned() {
            return masks().map(masks -> masks.shape() instanceof TreeShape.BestFirst)
                    .orElse(sources.size() > 1);
        }

        @Override
        public String name() {
            String joined = sources.stream().map(Source::name).collect(Collectors.joining("+"));
            return joined + masks().map(masks -> ":" + masks.shape().name()).orElse("");
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
        Matcher drafting = DRAFTING.matcher(lower);
        if (!drafting.matches()) {
            throw unknown(name);
        }
        String tree = drafting.group("tree");
        Drafting method = new Drafting(Arrays.stream(drafting.group("sources").split("\\+", -1))
                .map(source -> parseSource(source, tree, name))
                .toList());
        if (tree != null && method.masks().isEmpty()) {
            throw unknown(name);
        }
        return method;
    }

    private static Source parseSource(String text, @Nullable String tree, String method) {
        Matcher source = SOURCE.matcher(text);
        if (!source.matches()) {
            throw unknown(method);
        }
        String kind = source.group("kind");
        String count = source.group("count");
        int[] numbers = source.group("numbers") == null
                ? new int[0]
                : Arrays.stream(source.group("numbers").split(","))
                        .mapToInt(Integer::parseInt)
                        .toArray();
        if (kind.equals("masks") && numbers.length == 0) {
            TreeShape shape = TreeShape.parse(tree == null ? "best" : tree);
            return new Masks(shape, count.isEmpty() ? Masks.ALL : Integer.parseInt(count));
        }
        if (!count.isEmpty()) {
            throw unknown(method);
        }
        return switch (kind + numbers.length) { // each kind with how many numbers it takes
            case "lookup0" -> new Lookup();
            case "automaton0" -> new Automaton();
            case "lookahead0" -> Lookahead.STANDARD;
            case "lookahead3" -> new Lookahead(numbers[0], numbers[1], numbers[2]);
            case "recycling0" -> Recycling.STANDARD;
            case "recycling1" -> new Recycling(numbers[0]);
            case "bigrams0" -> new Bigrams();
            default -> throw unknown(method);
        };
    }

    private static IllegalArgumentException unknown(String name) {
        return new IllegalArgumentException("unknown method '" + name + "'; known are: " + SYNTAX);
    }
}
