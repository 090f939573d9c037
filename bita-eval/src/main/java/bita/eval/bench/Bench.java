package bita.eval.bench;

import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.Layout;
import bita.kernels.MachineLimits;
import bita.kernels.PackedMatrix;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.ForwardPass;
import bita.model.KvCache;
import bita.model.MatrixProducts;
import bita.model.ModelConfig;
import bita.model.Rows;
import bita.model.Transformer;
import bita.model.file.GgufFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntToDoubleFunction;

/**
 * Measures what a step costs by its number of rows, and what the machine could do. Everything is measured once per round,
 * in turn, so that a machine's good and bad minutes meet all of it alike; what is reported are medians over the rounds.
 */
public final class Bench implements AutoCloseable {
    /** Tokens of the measured prefill. */
    public static final int PREFILL_TOKENS = 512;

    private static final int PREFILL_CHUNK = 256;
    private static final long SHORTEST_SAMPLE_NANOS = 20_000_000;

    private final BenchOptions options;
    private final Engine engine;
    private final MachineLimits limits;
    private final MatrixProducts products;
    private final ForwardPass pass;
    private final KvCache cache;
    private final Rows rows = new Rows();
    private final int[] logitRows;
    private final Samples samples = new Samples();

    /** Is told how far the bench has come. */
    @FunctionalInterface
    public interface Listener {
        /** {@code done} of {@code total} parts are done; {@code part} is what begins. */
        void progress(long done, long total, String part);
    }

    private Bench(BenchOptions options, Engine engine, MachineLimits limits) {
        this.options = options;
        this.engine = engine;
        this.limits = limits;
        int mostRows = options.rows().getLast();
        products = new MatrixProducts(engine, mostRows);
        pass = new ForwardPass(engine, Math.max(mostRows, PREFILL_CHUNK));
        cache = new KvCache(engine.model().config(), options.cacheFormat());
        logitRows = new int[mostRows];
        for (int i = 0; i < mostRows; i++) {
            logitRows[i] = i;
        }
    }

    /**
     * Runs a bench.
     *
     * @throws IOException if the model cannot be read
     * @throws UnsupportedOperationException if the chosen kernels, or the measuring of limits, do not run here
     * @throws InterruptedException if the thread is interrupted; the bench ends within one measurement
     */
    public static BenchResult run(BenchOptions options, Listener listener) throws IOException, InterruptedException {
        Kernels kernels = (options.backend().isPresent()
                        ? KernelsProvider.of(options.backend().get(), options.instructionSet())
                        : KernelsProvider.best(options.instructionSet()))
                .kernels();
        try (ThreadTeam team = new ThreadTeam(options.threads())) {
            MachineLimits limits = MachineLimits.of(options.instructionSet(), team);
            try (Transformer model = load(options.source(), kernels, team, listener);
                    Bench bench = new Bench(options, new Engine(model, kernels, team, Optional.empty()), limits)) {
                bench.measure(listener);
                return bench.result();
            }
        }
    }

    private static Transformer load(BenchOptions.Source source, Kernels kernels, ThreadTeam team, Listener listener)
            throws IOException {
        return switch (source) {
            case BenchOptions.Source.File file -> {
                GgufFile opened = GgufFile.open(file.path());
                try {
                    yield Transformer.load(opened, kernels, team);
                } catch (IOException | RuntimeException | OutOfMemoryError e) {
                    opened.close();
                    throw e;
                }
            }
            case BenchOptions.Source.Random random ->
                Transformer.random(
                        random.shape().config(),
                        random.format(),
                        kernels,
                        team,
                        (done, total) -> listener.progress(done, total, "making weights"));
        };
    }

    /** One measurement of a round. */
    private record Measurement(String part, Runnable work) {}

    private void measure(Listener listener) throws InterruptedException {
        List<Measurement> round = round();
        long total = (long) round.size() * (options.rounds() + 1);
        long done = 0;
        for (int i = 0; i <= options.rounds(); i++) {
            for (Measurement measurement : round) {
                listener.progress(done++, total, measurement.part());
                measurement.work().run();
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
            }
            if (i == 0) { // the first round warms up
                samples.clear();
            }
        }
        listener.progress(total, total, "");
    }

    private List<Measurement> round() {
        List<Measurement> round = new ArrayList<>();
        round.add(new Measurement("reading memory", () -> samples.add("read", limits.readRate(products.matrices()))));
        Set<Layout> layouts = EnumSet.copyOf(weightsByLayout().keySet());
        for (Layout layout : layouts) {
            round.add(new Measurement(
                    "multiplying in the cache", () -> samples.add("cached " + layout, limits.cachedRate(layout))));
        }
        layouts.add(Layout.F32); // attention multiplies numbers
        for (Layout layout : layouts) {
            round.add(new Measurement(
                    "multiplying in registers", () -> samples.add("peak " + layout, limits.peakRate(layout))));
        }
        for (int count : options.rows()) {
            round.add(new Measurement(
                    "products of " + count + " rows",
                    () -> samples.add("products " + count, seconds(() -> products.run(count)))));
            for (int context : options.contexts()) {
                round.add(new Measurement(
                        "step of " + count + " rows",
                        () -> samples.add("step " + count + " at " + context, seconds(() -> step(context, count)))));
            }
        }
        round.add(new Measurement("prefill", () -> samples.add("prefill", seconds(this::prefill))));
        return round;
    }

    /** Mean seconds of a run, repeated while that takes little time. */
    private static double seconds(Runnable work) {
        long start = System.nanoTime();
        long elapsed;
        int runs = 0;
        do {
            work.run();
            runs++;
            elapsed = System.nanoTime() - start;
        } while (elapsed < SHORTEST_SAMPLE_NANOS);
        return elapsed / 1e9 / runs;
    }

    private void step(int context, int count) {
        cache.truncate(0);
        cache.assumeLength(context);
        chain(count);
        pass.run(cache, rows);
        pass.logits(logitRows, count);
    }

    private void prefill() {
        cache.truncate(0);
        for (int done = 0; done < PREFILL_TOKENS; done += PREFILL_CHUNK) {
            chain(PREFILL_CHUNK);
            pass.run(cache, rows);
            cache.assumeLength(done + PREFILL_CHUNK);
        }
        pass.logits(new int[] {PREFILL_CHUNK - 1}, 1);
    }

    private void chain(int count) {
        rows.clear();
        for (int i = 0; i < count; i++) {
            rows.addToken(0, i - 1);
        }
    }

    private Map<Layout, Long> weightsByLayout() {
        Map<Layout, Long> weights = new EnumMap<>(Layout.class);
        for (PackedMatrix matrix : products.matrices()) {
            weights.merge(matrix.layout(), (long) matrix.rows() * matrix.columns(), Long::sum);
        }
        return weights;
    }

    private BenchResult result() {
        Map<Layout, Long> weights = weightsByLayout();
        long bytes = products.matrices().stream().mapToLong(PackedMatrix::bytes).sum();
        long all = weights.values().stream().mapToLong(Long::longValue).sum();
        double readRate = samples.median("read");
        double cachedSecondsPerRow = 0;
        double peakSecondsPerRow = 0;
        for (Map.Entry<Layout, Long> entry : weights.entrySet()) {
            cachedSecondsPerRow += entry.getValue() / samples.median("cached " + entry.getKey());
            peakSecondsPerRow += entry.getValue() / samples.median("peak " + entry.getKey());
        }
        double secondsPerRow = cachedSecondsPerRow;
        IntToDoubleFunction products = count -> samples.median("products " + count);
        IntToDoubleFunction ideal = count -> Math.max(bytes / readRate, count * secondsPerRow);
        double best = options.rows().stream()
                .mapToDouble(count -> 2.0 * all * count / products.applyAsDouble(count))
                .max()
                .orElseThrow();
        double floatPeak = samples.median("peak " + Layout.F32);
        List<ContextFigures> contexts = new ArrayList<>();
        for (int context : options.contexts()) {
            List<ContextFigures.RowFigures> byRows = new ArrayList<>();
            for (int count : options.rows()) {
                double idealProducts = ideal.applyAsDouble(count);
                byRows.add(new ContextFigures.RowFigures(
                        count,
                        1e3 * samples.median("step " + count + " at " + context),
                        1e3 * (idealProducts + idealAttention(context, count, readRate, floatPeak)),
                        1e3 * products.applyAsDouble(count),
                        1e3 * idealProducts));
            }
            contexts.add(new ContextFigures(
                    context,
                    1 / samples.median("step 1 at " + context),
                    PREFILL_TOKENS / samples.median("prefill"),
                    byRows));
        }
        return new BenchResult(
                name(),
                weights.keySet().stream()
                        .map(Layout::toString)
                        .reduce((a, b) -> a + ", " + b)
                        .orElseThrow(),
                bytes,
                all,
                options.threads(),
                engine.kernels().backend(),
                engine.kernels().instructionSet(),
                bytes / products.applyAsDouble(options.rows().getFirst()) / 1e9,
                readRate / 1e9,
                best / 1e9,
                2 * all / cachedSecondsPerRow / 1e9,
                2 * all / peakSecondsPerRow / 1e9,
                contexts);
    }

    private double idealAttention(int context, int count, double readRate, double floatPeak) {
        ModelConfig config = engine.model().config();
        double read = KvCache.bytes(config, options.cacheFormat(), context + count) / readRate;
        double products = 2.0 * config.layers() * config.heads() * config.headDim() * count * (context + count / 2.0);
        return Math.max(read, products / floatPeak);
    }

    private String name() {
        return switch (options.source()) {
            case BenchOptions.Source.File file -> file.path().getFileName().toString();
            case BenchOptions.Source.Random random ->
                random.shape().name() + ", random " + random.format().name().toUpperCase(Locale.ROOT);
        };
    }

    @Override
    public void close() {
        products.close();
        pass.close();
        cache.close();
    }
}
