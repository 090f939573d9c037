package bita.decode;

import bita.kernels.CacheFormat;
import bita.model.Engine;
import bita.model.ForwardPass;
import bita.model.KvCache;
import bita.model.Rows;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * What a step costs by its number of rows, with a model on a machine: measured once with passes that decode nothing, then
 * corrected by the steps that are made, since other programs and longer contexts change it. Costs are asked for to be
 * compared with each other: does one more row pay? Shared by the sessions of a model; thread-safe.
 */
public final class StepCosts {
    /** Most rows of a step that costs are measured for. */
    public static final int MOST_ROWS = 64;

    /** What is measured; what lies between is interpolated. */
    private static final int[] POINTS = {1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64};
    /** No draft pays for a step that costs this many times as much as one of a single row: wider ones are not measured. */
    private static final double DEAREST = 5;

    private static final int CONTEXT = 256;
    private static final int LEAST_ROUNDS = 3;
    /** On a quiet machine these do; on another it is measured until the time is up. */
    private static final int ENOUGH_ROUNDS = 10;

    private static final long ENOUGH_NANOS = 1_000_000_000;
    private static final long MOST_NANOS = 4_000_000_000L;

    /** On a quiet machine most rounds take less than this many times the shortest steps. */
    private static final double STEADY = 1.2;

    /** How much of a step's surprise the costs of all rows take over: the machine as a whole has become slower or faster. */
    private static final double LEARN_ALL = 0.05;
    /** How much of it those of as many rows take over. */
    private static final double LEARN = 0.01;
    /** A step this many times as long as expected was interrupted. */
    private static final double INTERRUPTED = 3;
    /** Costs whose ratios have changed by more than this are to be measured again. */
    private static final double DRIFT = 1.6;

    private final double[] measured; // milliseconds by rows, from 1
    private final double[] corrections; // factors, of each
    private final boolean fixed;
    private final boolean steady;
    private double scale = 1; // a factor, of all
    private final Map<Integer, StepCosts> shared = new HashMap<>(); // by sequences

    private StepCosts(double[] measured, boolean fixed, boolean steady) {
        this.measured = measured;
        this.fixed = fixed;
        this.steady = steady;
        corrections = new double[measured.length];
        Arrays.fill(corrections, 1);
    }

    /** As {@link #of}, but costs that no step corrects. */
    public static StepCosts fixed(Map<Integer, Double> milliseconds) {
        return new StepCosts(of(milliseconds).measured, true, true);
    }

    /**
     * Costs from some of their points.
     *
     * @param milliseconds by rows, of one row at least
     * @throws IllegalArgumentException if a number of rows or a time cannot be one
     */
    public static StepCosts of(Map<Integer, Double> milliseconds) {
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
        return new StepCosts(ascending(all), false, true);
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
        return new StepCosts(one, true, true);
    }

    /** Measures, in a second with a small model, in ten with a large one; only once where the costs are kept. */
    public static StepCosts measure(Engine engine) {
        int trained = engine.model().config().contextLength();
        int most = Math.min(MOST_ROWS, trained / 2);
        int context = Math.min(CONTEXT, trained - most);
        try (KvCache cache = new KvCache(engine.model().config(), CacheFormat.F16, context + most);
                ForwardPass pass = new ForwardPass(engine, most)) {
            cache.assumeLength(context);
            pass.reserveLogits(most);
            List<Integer> points = new ArrayList<>();
            double _ = seconds(pass, cache, 1); // warms up, like all of this first round
            double one = seconds(pass, cache, 1);
            for (int rows : POINTS) {
                double dear = DEAREST * one;
                // Twice, since the first may have been interrupted.
                if (rows > most
                        || (rows > 1 && seconds(pass, cache, rows) > dear && seconds(pass, cache, rows) > dear)) {
                    break;
                }
                points.add(rows);
            }
            List<double[]> rounds = new ArrayList<>();
            long start = System.nanoTime();
            long elapsed;
            boolean steady;
            do {
                rounds.add(points.stream()
                        .mapToDouble(rows -> seconds(pass, cache, rows))
                        .toArray());
                elapsed = System.nanoTime() - start;
                steady = sum(rounds, 0.5) < STEADY * sum(rounds, 0);
            } while (rounds.size() < LEAST_ROUNDS
                    || (elapsed < MOST_NANOS
                            && !(steady && rounds.size() >= ENOUGH_ROUNDS && elapsed >= ENOUGH_NANOS)));
            NavigableMap<Integer, Double> shortest = new TreeMap<>();
            for (int i = 0; i < points.size(); i++) {
                shortest.put(points.get(i), 1e3 * quantile(rounds, i, 0));
            }
            return new StepCosts(of(shortest).measured, false, steady);
        }
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

    private static double seconds(ForwardPass pass, KvCache cache, int count) {
        Rows rows = new Rows();
        int[] all = new int[count];
        for (int i = 0; i < count; i++) {
            all[i] = rows.addToken(0, i - 1);
        }
        long start = System.nanoTime();
        pass.run(cache, rows);
        pass.logits(all, count);
        return (System.nanoTime() - start) / 1e9;
    }

    /** Whether the machine was quiet enough for the costs to be worth keeping. */
    public boolean steady() {
        return steady;
    }

    /**
     * The costs of steps that several sequences share. They begin as those of one sequence are; steps correct them by
     * themselves, since those read as many contexts.
     *
     * @param sequences that decode
     */
    synchronized StepCosts forSequences(int sequences) {
        return fixed || sequences == 1
                ? this
                : shared.computeIfAbsent(sequences, _ -> new StepCosts(milliseconds(), false, steady));
    }

    /** Most rows of a step whose cost is known; more are too dear. */
    int mostRows() {
        return measured.length;
    }

    /** Milliseconds that a step is expected to take by its rows, from 1, up to {@link #mostRows}: copied. */
    synchronized double[] milliseconds() {
        double[] expected = new double[measured.length];
        for (int i = 0; i < expected.length; i++) {
            expected[i] = scale * corrections[i] * measured[i];
        }
        return ascending(expected);
    }

    /** Takes in what a step has taken. */
    synchronized void observe(int rows, double milliseconds) {
        if (fixed || rows > measured.length) {
            return;
        }
        double expected = scale * corrections[rows - 1] * measured[rows - 1];
        if (milliseconds > INTERRUPTED * expected) {
            return;
        }
        scale *= Math.pow(milliseconds / expected, LEARN_ALL);
        corrections[rows - 1] *= Math.pow(milliseconds / expected, LEARN);
    }

    /** Whether the costs have become others than those that were measured, so that these are not worth keeping. */
    public synchronized boolean drifted() {
        double least = Arrays.stream(corrections).min().orElse(1);
        double most = Arrays.stream(corrections).max().orElse(1);
        return most > DRIFT * least;
    }

    /** Milliseconds by rows, as {@link #of} reads them. */
    public Map<Integer, Double> points() {
        double[] all = milliseconds();
        NavigableMap<Integer, Double> points = new TreeMap<>();
        for (int i = 0; i < all.length; i++) {
            points.put(i + 1, all[i]);
        }
        return points;
    }
}
