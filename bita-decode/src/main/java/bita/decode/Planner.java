package bita.decode;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/**
 * Chooses the rows of a step: which proposed nodes are worth verifying, and behind which of them masks are worth having.
 * Every row is worth the tokens that it is expected to bring, and the choice is the one that brings most tokens for its
 * time. Where rows are cheap trees grow to their limit; where nothing pays, a step is a plain one. For one sequence, or
 * several that share a pass (docs/decisions/0003-planning-a-step.md).
 *
 * <p>What it learns changes how fast decoding is, never what it says. Not thread-safe.
 */
final class Planner {
    /** What is older than about fifty steps hardly counts. */
    private static final double KEEP = 0.98;
    /** A row that brings fewer tokens than this is not thought about, however cheap rows are. */
    private static final double LEAST = 0.01;
    /** A candidate less likely than this part of what rows cost at their cheapest is not thought about either. */
    private static final double LEAST_PART = 0.5;
    /** Drafts that promise less than this beyond a plain step's speed are left: expectations err, and drafting takes time. */
    private static final double LEAST_GAIN = 0.1;

    private final StepCosts costs;
    private final int mostRows;
    private final double leastGain;
    private final MaskGains gains;

    private double tokens; // decayed
    private double plainTokens; // what plain decoding would have made in the same time, decayed alike

    private double[] milliseconds = {}; // by rows less one
    private long[] candidates = {}; // drafter and node, by descending probability
    private double[] values = {}; // of masks, ascending

    /**
     * What a pass has besides drafts.
     *
     * @param others   rows of sequences that read prompts or decode plainly; they do not count against the limit of rows
     * @param contexts that it reads
     */
    record Pass(int others, StepCosts.Contexts contexts) {}

    /**
     * @param mostRows  of a step
     * @param gains     of the masks of a whole group
     * @param leastGain of drafts, as a part of a plain step's tokens for its time
     */
    private Planner(StepCosts costs, int mostRows, MaskGains gains, double leastGain) {
        this.costs = costs;
        this.leastGain = leastGain;
        this.mostRows = Math.min(mostRows, costs.mostRows());
        this.gains = gains;
    }

    /**
     * The planner of a method's steps: within a budget, or by what rows cost; empty for a method that comes as it is.
     *
     * @param gains of the masks of a whole group
     */
    static Optional<Planner> of(
            Method.Drafting method, MaskGains gains, OptionalInt budget, Supplier<StepCosts> costs) {
        if (budget.isPresent()) {
            return Optional.of(new Planner(StepCosts.flat(budget.getAsInt()), budget.getAsInt(), gains, 0));
        }
        return method.isPlanned()
                ? Optional.of(new Planner(costs.get(), StepCosts.MOST_ROWS, gains, LEAST_GAIN))
                : Optional.empty();
    }

    int mostRows() {
        return mostRows;
    }

    /**
     * What candidates must be worth to be thought about: finding and comparing them takes time as well. Some rows can be
     * cheaper than the average of all that a step adds, so only part of that is asked for.
     *
     * @param drafters   of the sequences that decode
     */
    float leastProbability(List<Drafter> drafters, Pass pass) {
        int others = pass.others;
        milliseconds = costs.milliseconds(pass.contexts);
        int base = baseRows(drafters);
        double alone = milliseconds(base + others);
        double cheapest = Double.POSITIVE_INFINITY;
        for (int rows = 1; base + rows <= mostRows; rows++) {
            cheapest = Math.min(cheapest, (milliseconds(base + rows + others) - alone) / rows);
        }
        return (float) Math.clamp(LEAST_PART * cheapest * plainTokensPerMillisecond(drafters.size()), LEAST, 1);
    }

    private static int baseRows(List<Drafter> drafters) {
        return drafters.stream().mapToInt(Drafter::baseRows).sum();
    }

    /**
     * Tells each drafter which of its proposals the next step verifies, and where its masks stand.
     *
     * @param drafters   of the sequences that decode
     */
    void plan(List<Drafter> drafters, Pass pass) {
        int others = pass.others;
        milliseconds = costs.milliseconds(pass.contexts);
        int base = baseRows(drafters);
        int count = collect(drafters);
        // The rows that nobody chooses are there in any case, and so is their time.
        double given = milliseconds(base + others) - milliseconds(base);
        double masksTake = costs.masks();
        double nodeValue = 0;
        double best = (1 + leastGain) * drafters.size() / milliseconds(base);
        int bestNodes = 0;
        int bestMasks = 0;
        for (int nodes = 0; nodes <= count && base + nodes <= mostRows; nodes++) {
            if (nodes > 0) {
                Drafter drafter = drafters.get(drafter(candidates[nodes - 1]));
                drafter.keep(node(candidates[nodes - 1]));
                nodeValue += drafter.pool().probability(node(candidates[nodes - 1]));
            }
            int masks = maskValues(drafters);
            double value = nodeValue;
            for (int taken = 0; taken <= masks && base + nodes + taken <= mostRows; taken++) {
                value += taken == 0 ? 0 : values[masks - taken];
                double time = milliseconds(base + nodes + taken + others) - given + (taken == 0 ? 0 : masksTake);
                double perMillisecond = (drafters.size() + value) / time;
                if (nodes + taken > 0 && perMillisecond > best) {
                    best = perMillisecond;
                    bestNodes = nodes;
                    bestMasks = taken;
                }
            }
        }
        take(drafters, bestNodes, bestMasks);
    }

    /** Beyond what is known, each row costs what one costs in the upper half of that. */
    private double milliseconds(int rows) {
        int known = Math.min(rows, milliseconds.length);
        return milliseconds[known - 1] + (rows - known) * perRowBeyond();
    }

    private double perRowBeyond() {
        int last = milliseconds.length - 1;
        int middle = last / 2;
        return last == middle ? 0 : (milliseconds[last] - milliseconds[middle]) / (last - middle);
    }

    /** As many times what plain decoding of so many sequences has as there were of late, at least once. */
    private double tokensPerMillisecond(int sequences) {
        return plainTokensPerMillisecond(sequences) * (plainTokens == 0 ? 1 : Math.max(1, tokens / plainTokens));
    }

    private double plainTokensPerMillisecond(int sequences) {
        return sequences / milliseconds(sequences);
    }

    private int collect(List<Drafter> drafters) {
        int count = 0;
        for (int i = 0; i < drafters.size(); i++) {
            Drafter drafter = drafters.get(i);
            DraftTree pool = drafter.pool();
            drafter.keepRoot();
            for (int node = 1; node < pool.size(); node++) {
                if (pool.depth(node) <= drafter.mostDepth()) {
                    if (count == candidates.length) {
                        candidates = Arrays.copyOf(candidates, Math.max(64, 2 * count));
                    }
                    candidates[count++] = candidate(i, node, pool.probability(node));
                }
            }
        }
        Arrays.sort(candidates, 0, count);
        return count;
    }

    /** Sorts by descending probability, then by drafter and node: parents come before their children. */
    private static long candidate(int drafter, int node, float probability) {
        int descending = Integer.MAX_VALUE - Float.floatToIntBits(probability); // which ascend with positive numbers
        return (long) descending << 32 | (long) drafter << 16 | node;
    }

    private static int drafter(long candidate) {
        return (int) candidate >>> 16;
    }

    private static int node(long candidate) {
        return (int) candidate & 0xffff;
    }

    /** Collects what masks behind the kept nodes are worth, ascending; returns how many there are. */
    private int maskValues(List<Drafter> drafters) {
        int count = 0;
        for (Drafter drafter : drafters) {
            for (int node = 0; node < drafter.pool().size(); node++) {
                for (int mask = 0; mask < gains.masks(); mask++) {
                    double value = maskValue(drafter, node, mask);
                    if (value < LEAST) {
                        break; // deeper masks are worth less
                    }
                    if (count == values.length) {
                        values = Arrays.copyOf(values, Math.max(64, 2 * count));
                    }
                    values[count++] = value;
                }
            }
        }
        Arrays.sort(values, 0, count);
        return count;
    }

    /** 0 for a node that is not kept. */
    private double maskValue(Drafter drafter, int node, int mask) {
        return drafter.lastProbability(node) * gains.of(mask);
    }

    /** Keeps the likeliest nodes alone, and puts the best masks behind them. */
    private void take(List<Drafter> drafters, int nodes, int masks) {
        drafters.forEach(Drafter::keepRoot);
        for (int i = 0; i < nodes; i++) {
            drafters.get(drafter(candidates[i])).keep(node(candidates[i]));
        }
        int count = maskValues(drafters);
        double least = masks == 0 ? Double.POSITIVE_INFINITY : values[count - masks];
        int left = masks;
        for (Drafter drafter : drafters) {
            for (int node = 0; node < drafter.pool().size(); node++) {
                int behind = 0;
                while (behind < gains.masks() && left > 0 && maskValue(drafter, node, behind) >= least) {
                    behind++;
                    left--;
                }
                drafter.putMasks(node, behind);
            }
        }
    }

    /**
     * How many masks pay behind the last token of a prompt that the pass reads to its end.
     *
     * @param drafters of the sequences that decode
     */
    int firstMasks(List<Drafter> drafters, Pass pass) {
        milliseconds = costs.milliseconds(pass.contexts);
        double price = price(Math.max(1, drafters.size()), baseRows(drafters) + pass.others);
        int masks = 0;
        while (masks < gains.masks() && gains.of(masks) > price) {
            masks++;
        }
        return masks;
    }

    /** Tokens that a row more or less must bring in a pass of so many. */
    private double price(int sequences, int rows) {
        int from = Math.max(1, rows - 1);
        double perRow = (milliseconds(from + 2) - milliseconds(from)) / 2;
        return tokensPerMillisecond(sequences) * perRow;
    }

    /**
     * Takes in how the step that was planned last went.
     *
     * @param drafters which have learned from it
     * @param decided    tokens in all
     * @param rows       of the pass
     * @param withMasks  whether masks were among them
     */
    void learn(List<Drafter> drafters, int decided, int rows, boolean withMasks, Pass pass, long nanos) {
        milliseconds = costs.milliseconds(pass.contexts);
        if (pass.others == 0) {
            costs.observe(rows, withMasks, pass.contexts, nanos / 1e6);
            tokens = KEEP * tokens + decided;
            plainTokens = KEEP * plainTokens + milliseconds(rows) * plainTokensPerMillisecond(drafters.size());
        }
        double price = price(drafters.size(), rows);
        for (Drafter drafter : drafters) {
            gains.learn(drafter, price);
        }
    }
}
