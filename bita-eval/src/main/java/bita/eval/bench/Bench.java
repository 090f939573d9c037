package bita.eval.bench;

import bita.api.MachineMemory;
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
import bita.model.ModelFiles;
import bita.model.Rows;
import bita.model.Transformer;
import bita.model.file.ModelFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;

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
    private final List<Integer> contexts;
    private final Engine engine;
    private final Optional<MachineLimits> limits;
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

    private Bench(BenchOptions options, List<Integer> contexts, Engine engine, Optional<MachineLimits> limits) {
        this.options = options;
        this.contexts = contexts;
        this.engine = engine;
        this.limits = limits;
        int mostRows = options.rows().getLast();
        products = new MatrixProducts(engine, mostRows);
        pass = new ForwardPass(engine, passRows(options));
        cache = new KvCache(engine.model().config(), options.cacheFormat());
        logitRows = new int[mostRows];
        for (int i = 0; i < mostRows; i++) {
            logitRows[i] = i;
        }
        reserve();
    }

    private static int passRows(BenchOptions options) {
        return Math.max(options.rows().getLast(), PREFILL_CHUNK);
    }

    /** Makes scratch memory grow once, to its full size, rather than by and by while something is measured. */
    private void reserve() {
        cache.assumeLength(contexts.getLast() + passRows(options));
        cache.truncate(contexts.getLast());
        chain(1);
        pass.run(cache, rows);
        pass.logits(new int[logitRows.length], logitRows.length);
    }

    /**
     * Runs a bench.
     *
     * @throws IOException if the model cannot be read
     * @throws IllegalArgumentException if the model was not trained for a context
     * @throws bita.api.InsufficientMemoryException if it needs more memory than there is
     * @throws UnsupportedOperationException if the chosen kernels do not run here
     * @throws InterruptedException if the thread is interrupted; the bench ends within one measurement
     */
    public static BenchResult run(BenchOptions options, Listener listener) throws IOException, InterruptedException {
        Kernels kernels = (options.backend().isPresent()
                        ? KernelsProvider.of(options.backend().get(), options.instructionSet())
                        : KernelsProvider.best(options.instructionSet()))
                .kernels();
        try (ThreadTeam team = new ThreadTeam(options.threads())) {
            Optional<MachineLimits> limits = Optional.empty();
            String problem = "";
            try {
                limits = Optional.of(MachineLimits.of(options.instructionSet(), team));
            } catch (UnsupportedOperationException e) {
                problem = String.valueOf(e.getMessage());
            }
            try (Transformer model = load(options, kernels, team, listener);
                    Bench bench = new Bench(
                            options,
                            options.contexts(model.config().contextLength()),
                            new Engine(model, kernels, team, Optional.empty()),
                            limits)) {
                bench.measure(listener);
                return bench.result(problem);
            }
        } catch (CancellationException _) { // while weights were made
            throw new InterruptedException();
        }
    }

    private static Transformer load(BenchOptions options, Kernels kernels, ThreadTeam team, Listener listener)
            throws IOException {
        return switch (options.source()) {
            case BenchOptions.Source.File file -> {
                ModelFile opened = ModelFiles.open(file.path());
                try {
                    requireMemory(options, Transformer.config(opened), Transformer.bytes(opened));
                    yield Transformer.load(opened, kernels, team);
                } catch (IOException | RuntimeException | OutOfMemoryError e) {
                    opened.close();
                    throw e;
                }
            }
            case BenchOptions.Source.Random random -> {
                ModelConfig config = random.shape().config();
                requireMemory(options, config, Transformer.bytes(config, random.format()));
                yield Transformer.random(config, random.format(), kernels, team, (done, total) -> {
                    if (Thread.interrupted()) {
                        throw new CancellationException();
                    }
                    listener.progress(done, total, "making weights");
                });
            }
        };
    }

    /** Said before anything is allocated. */
    private static void requireMemory(BenchOptions options, ModelConfig config, long weightBytes) {
        int context = options.contexts(config.contextLength()).getLast();
        MemoryNeed.of(weightBytes, config, options, context, passRows(options))
                .require(MachineMemory.now().totalBytes());
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
        limits.ifPresent(machine -> addLimits(round, machine));
        for (int count : options.rows()) {
            round.add(new Measurement(
                    "products of " + count + " rows",
                    () -> samples.add("products " + count, seconds(() -> products.run(count)))));
            for (int context : contexts) {
                round.add(new Measurement(
                        "step of " + count + " rows",
                        () -> samples.add("step " + count + " at " + context, seconds(() -> step(context, count)))));
            }
        }
        round.add(new Measurement("prefill", () -> samples.add("prefill", seconds(this::prefill))));
        return round;
    }

    private void addLimits(List<Measurement> round, MachineLimits machine) {
        // Repeated as the products are: the first sweep finds less of the weights in the cache than the others.
        round.add(new Measurement(
                "reading weights",
                () -> samples.add("read", weightBytes() / seconds(() -> machine.readRate(products.matrices())))));
        Set<Layout> layouts = EnumSet.copyOf(weightsByLayout().keySet());
        for (Layout layout : layouts) {
            round.add(new Measurement(
                    "multiplying in the cache", () -> samples.add("cached " + layout, machine.cachedRate(layout))));
        }
        layouts.add(Layout.F32); // attention multiplies numbers
        for (Layout layout : layouts) {
            round.add(new Measurement(
                    "multiplying in registers", () -> samples.add("peak " + layout, machine.peakRate(layout))));
        }
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

    private long weightBytes() {
        return products.matrices().stream().mapToLong(PackedMatrix::bytes).sum();
    }

    private Map<Layout, Long> weightsByLayout() {
        Map<Layout, Long> weights = new EnumMap<>(Layout.class);
        for (PackedMatrix matrix : products.matrices()) {
            weights.merge(matrix.layout(), (long) matrix.rows() * matrix.columns(), Long::sum);
        }
        return weights;
    }

    private BenchResult result(String limitsProblem) {
        Map<Layout, Long> weights = weightsByLayout();
        long bytes = weightBytes();
        long all = weights.values().stream().mapToLong(Long::longValue).sum();
        double fastest = options.rows().stream()
                .mapToDouble(count -> count / samples.median("products " + count))
                .max()
                .orElseThrow();
        return new BenchResult(
                name(),
                weights.keySet().stream().map(Layout::toString).collect(Collectors.joining(", ")),
                bytes,
                all,
                options.threads(),
                engine.kernels().backend(),
                engine.kernels().instructionSet(),
                bytes / samples.median("products 1") / 1e9,
                2 * all * fastest / 1e9,
                limits.isPresent() ? measuredLimits(weights, all) : new Limits.Unknown(limitsProblem),
                contexts.stream().map(context -> figures(context, bytes)).toList());
    }

    private Limits measuredLimits(Map<Layout, Long> weights, long all) {
        return new Limits.Measured(
                samples.median("read") / 1e9,
                2 * all / secondsPerRow("cached ", weights) / 1e9,
                2 * all / secondsPerRow("peak ", weights) / 1e9);
    }

    /** Seconds for the multiplications of one row at one of the machine's rates, layout by layout. */
    private double secondsPerRow(String rate, Map<Layout, Long> weights) {
        return weights.entrySet().stream()
                .mapToDouble(entry -> entry.getValue() / samples.median(rate + entry.getKey()))
                .sum();
    }

    private ContextFigures figures(int context, long weightBytes) {
        List<ContextFigures.RowFigures> byRows = new ArrayList<>();
        for (int count : options.rows()) {
            byRows.add(new ContextFigures.RowFigures(
                    count,
                    1e3 * samples.median("step " + count + " at " + context),
                    1e3 * samples.median("products " + count),
                    limits.map(_ -> ideal(context, count, weightBytes))));
        }
        return new ContextFigures(
                context,
                KvCache.bytes(engine.model().config(), options.cacheFormat(), context),
                1 / samples.median("step 1 at " + context),
                PREFILL_TOKENS / samples.median("prefill"),
                byRows);
    }

    private ContextFigures.Ideal ideal(int context, int count, long weightBytes) {
        return new Rates(
                        samples.median("read"),
                        secondsPerRow("cached ", weightsByLayout()),
                        samples.median("peak " + Layout.F32))
                .ideal(weightBytes, engine.model().config(), options.cacheFormat(), context, count);
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
