package bita.decode;

import bita.kernels.CacheFormat;
import bita.model.Engine;
import bita.model.ForwardPass;
import bita.model.KvCache;
import bita.model.MaskTokens;
import bita.model.Rows;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/**
 * What a step costs by its number of rows and the contexts that it reads, with a model on a machine: measured once with passes
 * that decode nothing, then corrected by the steps that are made, since other programs change it. Costs are asked for to be
 * compared with each other: does one more row pay? Shared by the sessions of a model; thread-safe.
 *
 * <p>A step of R rows without masks, of several sequences with c tokens in their caches together and m on average, is expected to take s *
 * (rows(R) + (c - {@value #CONTEXT}) * attention.perToken + (m - {@value #CONTEXT}) * R * attention.perTokenAndRow): rows(R) is
 * measured with one sequence of {@value #CONTEXT} tokens, and s says how fast the machine is just now. What masks take besides
 * their rows, however many: their attention to the prompt tokens, what they add to linear layers, and reading what they
 * predict.
 */
public final class StepCosts {
    /** Most rows of a step that costs are measured for. */
    public static final int MOST_ROWS = 64;

    /** What is measured; what lies between is interpolated. */
    private static final int[] POINTS = {1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64};
    /** No draft pays for a step that costs this many times as much as one of a single row: wider ones are not measured. */
    private static final double DEAREST = 5;

    private static final int CONTEXT = 256;
    /** With a context as long as this, and these numbers of rows, it is measured what contexts cost. */
    private static final int LONG_CONTEXT = 1024;

    private static final Set<Integer> LONG_CONTEXT_ROWS = Set.of(1, 4, 8, 16);
    /** However short contexts are, a step takes at least this part of what it does with one of {@link #CONTEXT} tokens. */
    private static final double LEAST_PART = 0.5;

    /** With these numbers of rows, the last of which are masks, it is measured what masks cost. */
    private static final Set<Integer> MASK_ROWS = Set.of(2, 4, 8);

    private static final int LEAST_ROUNDS = 3;
    /** On a quiet machine these do; on another it is measured until the time is up. */
    private static final int ENOUGH_ROUNDS = 10;

    private static final long ENOUGH_NANOS = 1_000_000_000;
    private static final long MOST_NANOS = 4_000_000_000L;

    /** On a quiet machine most rounds take less than this many times the shortest steps. */
    private static final double STEADY = 1.2;

    /** How much of a step's surprise the costs of all rows take over: the machine as a whole has become slower or faster. */
    private static final double LEARN_ALL = 0.1;
    /** How much of it those of as many rows take over. */
    private static final double LEARN = 0.02;
    /** A step teaches no larger surprise than this, so that those that other programs held up do not outweigh the rest. */
    private static final double MOST_SURPRISE = 0.1;
    /** A step this many times as long as expected was interrupted. */
    private static final double INTERRUPTED = 3;
    /** Costs whose ratios have changed by more than this are to be measured again. */
    private static final double DRIFT = 1.6;
    /** Steps that take less than this part of what was measured: other programs ran then, and what they do to ratios is not known. */
    private static final double BUSY = 0.75;

    private final double[] measured; // milliseconds by rows, from 1
    private final Attention attention;
    private final double masks; // milliseconds, besides their rows
    private final double[] corrections; // factors, of each
    private final boolean fixed;
    private double scale = 1; // a factor, of all

    /**
     * What tokens in caches cost.
     *
     * @param perToken       milliseconds for each of a sequence, however many rows it has: reading the keys and values
     * @param perTokenAndRow milliseconds for each and each of the sequence's rows: multiplying
     */
    public record Attention(double perToken, double perTokenAndRow) {
        /** Contexts cost nothing. */
        public static final Attention NONE = new Attention(0, 0);

        public Attention {
            if (!(perToken >= 0 && perToken < Double.MAX_VALUE)
                    || !(perTokenAndRow >= 0 && perTokenAndRow < Double.MAX_VALUE)) { // NaN too
                throw new IllegalArgumentException("a token of a context cannot take " + perToken + " ms, or "
                        + perTokenAndRow + " ms for each row");
            }
        }
    }

    /**
     * The caches that a step reads.
     *
     * @param sequences at least 1
     * @param tokens    of all together
     */
    record Contexts(int sequences, long tokens) {}

    private StepCosts(double[] measured, Attention attention, double masks, boolean fixed) {
        this.measured = measured;
        this.attention = Objects.requireNonNull(attention);
        this.masks = masks;
        this.fixed = fixed;
        corrections = new double[measured.length];
        Arrays.fill(corrections, 1);
    }

    /** Costs that no step corrects, of which neither contexts nor masks are a part; otherwise as {@link #of}. */
    public static StepCosts fixed(Map<Integer, Double> milliseconds) {
        return new StepCosts(of(milliseconds, Attention.NONE, 0).measured, Attention.NONE, 0, true);
    }

    /**
     * Costs from some of their points.
     *
     * @param milliseconds by rows, of one row at least, with one sequence of {@value #CONTEXT} tokens
     * @param masks        milliseconds of a step's masks, besides their rows
     * @throws IllegalArgumentException if a number of rows or a time cannot be one
     */
    public static StepCosts of(Map<Integer, Double> milliseconds, Attention attention, double masks) {
        if (!(masks >= 0 && masks < Double.MAX_VALUE)) { // NaN too
            throw new IllegalArgumentException("masks cannot take " + masks + " ms");
        }
        NavigableMap<Integer, Double> points = new TreeMap<>(milliseconds);
        points.forEach((rows, time) -> {
            if (rows < 1 || rows > MOST_ROWS || !(time > 0 && time < Double.MAX_VALUE)) { // NaN too
                throw new IllegalArgumentException("a step of " + rows + " rows cannot take " + time + " ms");
            }
        });
        if (!points.containsKey(1)) {
            throw new IllegalArgumentException("what a step of one row takes must be known");
        }
        double[] all = new double[points.lastKey()];
        for (Map.Entry<Integer, Double> low : points.entrySet()) {
            Map.Entry<Integer, Double> high = points.higherEntry(low.getKey());
            int to = high == null ? low.getKey() : high.getKey() - 1;
            for (int rows = low.getKey(); rows <= to; rows++) {
                double time = high == null
                        ? low.getValue()
                        : low.getValue()
                                + (high.getValue() - low.getValue())
                                        * (rows - low.getKey())
                                        / (high.getKey() - low.getKey());
                all[rows - 1] = time;
            }
        }
        return new StepCosts(ascending(all), attention, masks, false);
    }

    /** Fewer rows are not more work, and other programs only make steps longer. */
    private static double[] ascending(double[] milliseconds) {
        for (int i = milliseconds.length - 2; i >= 0; i--) {
            milliseconds[i] = Math.min(milliseconds[i], milliseconds[i + 1]);
        }
        return milliseconds;
    }

    /** The same cost for any number of rows up to a budget. */
    static StepCosts flat(int budget) {
        double[] one = new double[budget];
        Arrays.fill(one, 1);
        return new StepCosts(one, Attention.NONE, 0, true);
    }

    /**
     * Measures, in a second with a small model, in ten with a large one; only once where the costs are kept. Masks cost nothing
     * where the engine has no adapter.
     */
    public static StepCosts measure(Engine engine) {
        int trained = engine.model().config().contextLength();
        int most = Math.clamp(trained / 4, 1, MOST_ROWS);
        int context = Math.min(CONTEXT, trained / 4);
        int longContext = Math.min(LONG_CONTEXT, trained - most);
        try (KvCache cache = new KvCache(engine.model().config(), CacheFormat.F16, longContext + most);
                ForwardPass pass = new ForwardPass(engine, most)) {
            pass.reserveLogits(most);
            Timer timer = new Timer(engine, pass, cache);
            List<Point> points = new ArrayList<>();
            double _ = timer.milliseconds(new Point(1, context, false)); // warms up, like all of this first round
            double one = timer.milliseconds(new Point(1, context, false));
            for (int rows : POINTS) {
                Point point = new Point(rows, context, false);
                double dear = DEAREST * one;
                // Twice, since the first may have been interrupted.
                if (rows > most || (rows > 1 && timer.milliseconds(point) > dear && timer.milliseconds(point) > dear)) {
                    break;
                }
                points.add(point);
            }
            List<Point> all = new ArrayList<>(points);
            points.stream()
                    .filter(point -> LONG_CONTEXT_ROWS.contains(point.rows))
                    .map(point -> new Point(point.rows, longContext, false))
                    .forEach(all::add);
            points.stream()
                    .filter(point -> engine.maskTokens().isPresent() && MASK_ROWS.contains(point.rows))
                    .map(point -> new Point(point.rows, context, true))
                    .forEach(all::add);
            List<double[]> rounds = new ArrayList<>();
            long start = System.nanoTime();
            long elapsed;
            boolean steady;
            do {
                rounds.add(all.stream().mapToDouble(timer::milliseconds).toArray());
                elapsed = System.nanoTime() - start;
                steady = sum(rounds, 0.5) < STEADY * sum(rounds, 0);
            } while (rounds.size() < LEAST_ROUNDS
                    || (elapsed < MOST_NANOS
                            && !(steady && rounds.size() >= ENOUGH_ROUNDS && elapsed >= ENOUGH_NANOS)));
            ToDoubleFunction<Point> shortest = point -> quantile(rounds, all.indexOf(point), 0);
            NavigableMap<Integer, Double> byRows = new TreeMap<>();
            points.forEach(point -> byRows.put(point.rows, shortest.applyAsDouble(point)));
            NavigableMap<Integer, Double> longer = new TreeMap<>();
            List<Double> masks = new ArrayList<>();
            for (Point point : all.subList(points.size(), all.size())) {
                double more =
                        shortest.applyAsDouble(point) - shortest.applyAsDouble(new Point(point.rows, context, false));
                if (point.masks) {
                    masks.add(more);
                } else {
                    longer.put(point.rows, more);
                }
            }
            Attention attention = attention(longer, Math.max(1, longContext - context));
            return of(byRows, attention, Math.max(0, mean(masks)));
        }
    }

    /**
     * A step to measure.
     *
     * @param masks whether as many of the rows as an adapter has masks, but not the first, are masks
     */
    private record Point(int rows, int context, boolean masks) {}

    /**
     * The line through what a longer context has cost, by least squares: on a busy machine two points say little.
     *
     * @param milliseconds by rows
     * @param tokens       by which the context was longer
     */
    static Attention attention(Map<Integer, Double> milliseconds, int tokens) {
        double meanRows = mean(milliseconds.keySet());
        double meanTime = mean(milliseconds.values());
        double squares = 0;
        double products = 0;
        for (Map.Entry<Integer, Double> one : milliseconds.entrySet()) {
            squares += (one.getKey() - meanRows) * (one.getKey() - meanRows);
            products += (one.getKey() - meanRows) * (one.getValue() - meanTime);
        }
        double perRow = squares == 0 ? 0 : Math.max(0, products / squares);
        return new Attention(Math.max(0, meanTime - perRow * meanRows) / tokens, perRow / tokens);
    }

    private static double mean(Collection<? extends Number> numbers) {
        return numbers.stream().mapToDouble(Number::doubleValue).average().orElse(0);
    }

    /** Of all points together. */
    private static double sum(List<double[]> rounds, double quantile) {
        double sum = 0;
        for (int point = 0; point < rounds.getFirst().length; point++) {
            sum += quantile(rounds, point, quantile);
        }
        return sum;
    }

    private static double quantile(List<double[]> rounds, int point, double quantile) {
        double[] sorted =
                rounds.stream().mapToDouble(round -> round[point]).sorted().toArray();
        return sorted[(int) (quantile * sorted.length)];
    }

    /** Makes steps that decode nothing. */
    private static final class Timer {
        private final ForwardPass pass;
        private final KvCache cache;
        private final CandidateReader reader;
        private final int masks;
        private final long rowBytes;

        Timer(Engine engine, ForwardPass pass, KvCache cache) {
            this.pass = pass;
            this.cache = cache;
            reader = new CandidateReader(engine, Calibration.none());
            masks = engine.maskTokens().map(MaskTokens::masks).orElse(0);
            rowBytes = (long) engine.model().config().vocabulary() * Float.BYTES;
        }

        double milliseconds(Point point) {
            cache.truncate(0);
            cache.assumeLength(point.context);
            Rows rows = new Rows();
            int[] all = new int[point.rows];
            int tokens = point.rows - (point.masks ? Math.min(masks, point.rows - 1) : 0);
            for (int i = 0; i < all.length; i++) {
                all[i] = i < tokens ? rows.addToken(0, i - 1) : rows.addMask(i - tokens, i - 1);
            }
            long start = System.nanoTime();
            pass.run(cache, rows);
            MemorySegment logits = pass.logits(all, all.length);
            if (tokens < point.rows) {
                reader.read(logits.asSlice(tokens * rowBytes), point.rows - tokens);
            }
            return (System.nanoTime() - start) / 1e6;
        }
    }

    /** Most rows of a step whose cost is known; more are too dear. */
    int mostRows() {
        return measured.length;
    }

    /** Milliseconds that a step is expected to take by its rows, from 1, up to {@link #mostRows}: copied. */
    synchronized double[] milliseconds(Contexts contexts) {
        double[] expected = new double[measured.length];
        for (int i = 0; i < expected.length; i++) {
            expected[i] = expected(i + 1, contexts);
        }
        return ascending(expected);
    }

    private double expected(int rows, Contexts contexts) {
        double rest = attention.perToken * (contexts.tokens - CONTEXT)
                + attention.perTokenAndRow * rows * ((double) contexts.tokens / contexts.sequences - CONTEXT);
        double own = corrections[rows - 1] * measured[rows - 1];
        return scale * Math.max(LEAST_PART * own, own + rest);
    }

    /**
     * Takes in what a step has taken.
     *
     * @param withMasks whether masks were among the rows
     */
    synchronized void observe(int rows, boolean withMasks, Contexts contexts, double milliseconds) {
        if (fixed || rows > measured.length) {
            return;
        }
        double expected = expected(rows, contexts) + (withMasks ? masks() : 0);
        if (milliseconds > INTERRUPTED * expected) {
            return;
        }
        double surprise = Math.clamp(milliseconds / expected, 1 - MOST_SURPRISE, 1 + MOST_SURPRISE);
        scale *= Math.pow(surprise, LEARN_ALL);
        corrections[rows - 1] *= Math.pow(surprise, LEARN);
    }

    /**
     * Whether the costs have become others than those that were measured, so that these are not worth keeping: ratios have
     * changed, or all steps are faster, so that the machine was busy when they were measured.
     */
    public synchronized boolean drifted() {
        double least = Arrays.stream(corrections).min().orElse(1);
        double most = Arrays.stream(corrections).max().orElse(1);
        return most > DRIFT * least || scale < BUSY;
    }

    /** Milliseconds by rows, as {@link #of} reads them. */
    public synchronized Map<Integer, Double> points() {
        double[] all = milliseconds(new Contexts(1, CONTEXT));
        NavigableMap<Integer, Double> points = new TreeMap<>();
        for (int i = 0; i < all.length; i++) {
            points.put(i + 1, all[i]);
        }
        return points;
    }

    /** Milliseconds that a step's masks are expected to take besides their rows, as {@link #of} reads it. */
    public synchronized double masks() {
        return scale * masks;
    }

    /** What contexts cost, as {@link #of} reads it. */
    public Attention attention() {
        return attention;
    }
}
