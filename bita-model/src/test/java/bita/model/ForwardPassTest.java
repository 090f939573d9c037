package bita.model;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.Backend;
import bita.kernels.CacheFormat;
import bita.kernels.InstructionSet;
import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import com.sun.management.ThreadMXBean;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The logits of a row are a function of the tokens it sees, to the last bit, however it is computed. */
class ForwardPassTest {
    @TempDir
    Path folder;

    /** The reference: one token per pass, one thread, without adapter. */
    private static int[][] oneByOne(Transformer model, Kernels kernels, CacheFormat format, int[] tokens) {
        try (ThreadTeam team = new ThreadTeam(1);
                KvCache cache = new KvCache(model.config(), format);
                ForwardPass pass = new ForwardPass(new Engine(model, kernels, team, Optional.empty()), 1)) {
            int[][] logits = new int[tokens.length][];
            for (int i = 0; i < tokens.length; i++) {
                Rows rows = new Rows();
                rows.addToken(tokens[i], Rows.CACHE_END);
                pass.run(cache, rows);
                logits[i] = bits(pass.logits(new int[] {0}, 1), 1)[0];
                cache.accept(new int[] {0}, 1);
            }
            return logits;
        }
    }

    private static int[][] bits(MemorySegment logits, int rows) {
        int[][] bits = new int[rows][];
        long bytes = logits.byteSize() / rows;
        for (int row = 0; row < rows; row++) {
            bits[row] = logits.asSlice(row * bytes, bytes).toArray(JAVA_INT);
        }
        return bits;
    }

    private static int[] tokens(Random random, int count) {
        return random.ints(count, 0, TinyModel.VOCABULARY).toArray();
    }

    private static int[] firstRows(int count) {
        int[] rows = new int[count];
        Arrays.setAll(rows, i -> i);
        return rows;
    }

    private static int[][] inChunks(Engine engine, CacheFormat format, int[] tokens, int chunk) {
        try (KvCache cache = new KvCache(engine.model().config(), format);
                ForwardPass pass = new ForwardPass(engine, chunk)) {
            int[][] logits = new int[tokens.length][];
            for (int from = 0; from < tokens.length; from += chunk) {
                int count = Math.min(chunk, tokens.length - from);
                Rows rows = new Rows();
                for (int i = 0; i < count; i++) {
                    rows.addToken(tokens[from + i], i - 1);
                }
                pass.run(cache, rows);
                System.arraycopy(bits(pass.logits(firstRows(count), count), count), 0, logits, from, count);
                cache.accept(firstRows(count), count);
            }
            return logits;
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_NONE, names = ".*_K|IQ4.*")
    void chunksThreadsAndInstructionSetsDoNotMatter(NumberFormat format) {
        try (Transformer model = TinyModel.load(folder, format, 1)) {
            int[] tokens = tokens(new Random(2), 150);
            int[][] reference = oneByOne(model, KernelsProvider.best().kernels(), CacheFormat.F16, tokens);
            for (InstructionSet isa : KernelsProvider.instructionSets()) {
                Kernels kernels = KernelsProvider.best(Optional.of(isa)).kernels();
                for (int threads = 1; threads <= 3; threads++) {
                    try (ThreadTeam team = new ThreadTeam(threads)) {
                        Engine engine = new Engine(model, kernels, team, Optional.empty());
                        for (int chunk : new int[] {7, 64, 150}) {
                            assertThat(inChunks(engine, CacheFormat.F16, tokens, chunk))
                                    .as("%s, %d threads, chunks of %d", isa, threads, chunk)
                                    .isDeepEqualTo(reference);
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyBackendGivesTheSameBits(Backend backend) {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_1, 3);
                ThreadTeam team = new ThreadTeam(2)) {
            int[] tokens = tokens(new Random(4), 40);
            int[][] reference = oneByOne(model, KernelsProvider.best().kernels(), CacheFormat.F32, tokens);
            Kernels kernels = KernelsProvider.of(backend, Optional.empty()).kernels();
            assertThat(kernels.backend()).isEqualTo(backend);
            Engine engine = new Engine(model, kernels, team, Optional.empty());
            assertThat(inChunks(engine, CacheFormat.F32, tokens, 16)).isDeepEqualTo(reference);
        }
    }

    /** Behind many positions the threads split a row's attention by positions. */
    @ParameterizedTest
    @EnumSource
    void splittingByPositionsDoesNotMatter(Backend backend) {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q8_0, 10)) {
            int[] tokens = tokens(new Random(11), 700);
            Kernels best = KernelsProvider.best().kernels();
            int[][] reference;
            try (ThreadTeam team = new ThreadTeam(1)) { // one thread never splits
                reference = inChunks(new Engine(model, best, team, Optional.empty()), CacheFormat.F16, tokens, 350);
            }
            Kernels kernels = KernelsProvider.of(backend, Optional.empty()).kernels();
            Optional<MaskTokens> masks = Optional.of(TinyModel.maskTokens(model.config(), 5, 2, 12));
            for (int threads : new int[] {2, 3, 5}) {
                try (ThreadTeam team = new ThreadTeam(threads);
                        KvCache cache = new KvCache(model.config(), CacheFormat.F16);
                        ForwardPass pass = new ForwardPass(new Engine(model, kernels, team, masks), 700)) {
                    int before = 690;
                    Rows rows = new Rows();
                    for (int i = 0; i < before; i++) {
                        rows.addToken(tokens[i], i - 1);
                    }
                    pass.run(cache, rows);
                    cache.accept(firstRows(before), before);
                    for (int i = before; i < tokens.length; i++) {
                        rows.clear();
                        rows.addToken(tokens[i], Rows.CACHE_END);
                        if (i % 2 == 0) {
                            rows.addMask(0, 0);
                        }
                        pass.run(cache, rows);
                        assertThat(bits(pass.logits(new int[] {0}, 1), 1)[0])
                                .as("%s, %d threads, position %d", backend, threads, i)
                                .isEqualTo(reference[i]);
                        cache.accept(new int[] {0}, 1);
                    }
                }
            }
        }
    }

    /** A step leaves about a kilobyte on the Java heap: what a garbage collection takes does not show. */
    @Test
    void aStepAllocatesNextToNothing() {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_1, 16);
                ThreadTeam team = new ThreadTeam(1);
                KvCache cache = new KvCache(model.config(), CacheFormat.F16);
                ForwardPass pass = new ForwardPass(
                        new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty()), 4)) {
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            Rows rows = new Rows();
            int[] first = {0};
            long allocated = 0;
            int steps = 2000;
            for (int i = 0; i < 2 * steps; i++) {
                if (i == steps) { // compiled by now
                    allocated = threads.getCurrentThreadAllocatedBytes();
                }
                cache.truncate(0);
                cache.assumeLength(100);
                rows.clear();
                rows.addToken(1, Rows.CACHE_END);
                pass.run(cache, rows);
                pass.logits(first, 1);
            }
            long perStep = (threads.getCurrentThreadAllocatedBytes() - allocated) / steps;
            assertThat(perStep).isLessThan(2_000); // bytes; 1,136 where this was written
        }
    }

    /** Sequences of one pass have the bits they have alone. */
    @Test
    void sequencesOfOnePassDoNotMatterToEachOther() {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_1, 13);
                ThreadTeam team = new ThreadTeam(3)) {
            Engine engine = new Engine(
                    model,
                    KernelsProvider.best().kernels(),
                    team,
                    Optional.of(TinyModel.maskTokens(model.config(), 4, 2, 14)));
            Random random = new Random(15);
            int[] lengths = {1, 40, 140, 7};
            int[][] tokens = Arrays.stream(lengths)
                    .mapToObj(length -> tokens(random, length + 5))
                    .toArray(int[][]::new);
            List<ForwardPass.Part> parts = new ArrayList<>();
            try (ForwardPass pass = new ForwardPass(engine, 200)) {
                for (int i = 0; i < lengths.length; i++) {
                    Rows rows = new Rows();
                    for (int k = 0; k < lengths[i]; k++) {
                        rows.addToken(tokens[i][k], k - 1);
                    }
                    KvCache cache = new KvCache(model.config(), CacheFormat.F16);
                    parts.add(new ForwardPass.Part(cache, rows));
                }
                pass.run(parts);
                for (int i = 0; i < lengths.length; i++) {
                    parts.get(i).cache().accept(firstRows(lengths[i]), lengths[i]);
                }
                for (int step = 0; step < 5; step++) {
                    int count = 0;
                    int[] first = new int[lengths.length];
                    for (int i = 0; i < lengths.length; i++) {
                        Rows rows = parts.get(i).rows();
                        rows.clear();
                        first[i] = count;
                        rows.addToken(tokens[i][lengths[i] + step], Rows.CACHE_END);
                        for (int extra = random.nextInt(3); extra > 0; extra--) { // a branch, then masks
                            rows.addMask(0, rows.addToken(random.nextInt(TinyModel.VOCABULARY), 0));
                        }
                        count += rows.size();
                    }
                    pass.run(parts);
                    int[][] logits = bits(pass.logits(first, first.length), first.length);
                    for (int i = 0; i < lengths.length; i++) {
                        int length = lengths[i] + step + 1;
                        int[] alone = Arrays.copyOf(tokens[i], length);
                        assertThat(logits[i])
                                .as("sequence %d, step %d", i, step)
                                .isEqualTo(oneByOne(model, engine.kernels(), CacheFormat.F16, alone)[length - 1]);
                        parts.get(i).cache().accept(new int[] {0}, 1);
                    }
                }
            } finally {
                parts.forEach(part -> part.cache().close());
            }
        }
    }

    /** Random trees with mask groups: every token row's logits are those of its path decoded alone. */
    @Test
    void treesAndMasksDoNotTouchOrdinaryRows() {
        try (Transformer model = TinyModel.load(folder, NumberFormat.Q4_0, 5);
                ThreadTeam team = new ThreadTeam(2)) {
            Kernels kernels = KernelsProvider.best().kernels();
            Engine engine =
                    new Engine(model, kernels, team, Optional.of(TinyModel.maskTokens(model.config(), 5, 3, 6)));
            Random random = new Random(7);
            for (int round = 0; round < 20; round++) {
                // Around 128 the paths cross a block of the attention.
                int[] prompt = tokens(random, 120 + random.nextInt(12));
                try (KvCache cache = new KvCache(model.config(), CacheFormat.F16);
                        ForwardPass pass = new ForwardPass(engine, 256)) {
                    Rows rows = new Rows();
                    for (int i = 0; i < prompt.length; i++) {
                        rows.addToken(prompt[i], i - 1);
                    }
                    pass.run(cache, rows);
                    cache.accept(firstRows(prompt.length), prompt.length);

                    int count = 2 + random.nextInt(30);
                    List<List<Integer>> paths = randomTree(random, rows, count);
                    pass.run(cache, rows);
                    int deepest = 0;
                    for (int row = 0; row < count; row++) {
                        if (rows.isMask(row)) {
                            continue;
                        }
                        int[] alone = Arrays.copyOf(
                                prompt, prompt.length + paths.get(row).size());
                        for (int i = prompt.length; i < alone.length; i++) {
                            alone[i] = rows.token(paths.get(row).get(i - prompt.length));
                        }
                        int[][] expected = oneByOne(model, kernels, CacheFormat.F16, alone);
                        assertThat(bits(pass.logits(new int[] {row}, 1), 1)[0]).isEqualTo(expected[alone.length - 1]);
                        deepest = rows.depth(row) > rows.depth(deepest) ? row : deepest;
                    }
                    // What is accepted is as if it had been decoded plainly.
                    int[] accepted = paths.get(deepest).stream()
                            .mapToInt(Integer::intValue)
                            .toArray();
                    int[] whole = Arrays.copyOf(prompt, prompt.length + accepted.length + 1);
                    for (int i = 0; i < accepted.length; i++) {
                        whole[prompt.length + i] = rows.token(accepted[i]);
                    }
                    cache.accept(accepted, accepted.length);
                    rows.clear();
                    rows.addToken(whole[whole.length - 1], Rows.CACHE_END);
                    pass.run(cache, rows);
                    assertThat(bits(pass.logits(new int[] {0}, 1), 1)[0])
                            .isEqualTo(oneByOne(model, kernels, CacheFormat.F16, whole)[whole.length - 1]);
                }
            }
        }
    }

    /** Fills {@code rows} with a tree of tokens in which masks are leaves or chains; returns each row's path. */
    private static List<List<Integer>> randomTree(Random random, Rows rows, int count) {
        rows.clear();
        List<List<Integer>> paths = new ArrayList<>();
        for (int row = 0; row < count; row++) {
            int parent = row == 0 ? Rows.CACHE_END : random.nextInt(-1, row);
            boolean behindMask = parent >= 0 && rows.isMask(parent);
            int mask = behindMask ? rows.mask(parent) + 1 : 0;
            if (behindMask && mask > 2) {
                parent = Rows.CACHE_END;
                behindMask = false;
                mask = 0;
            }
            if (behindMask || (row > 0 && random.nextInt(4) == 0)) {
                rows.addMask(mask, parent);
            } else {
                rows.addToken(random.nextInt(TinyModel.VOCABULARY), parent);
            }
            List<Integer> path = new ArrayList<>(parent == Rows.CACHE_END ? List.of() : paths.get(parent));
            path.add(row);
            paths.add(path);
        }
        return paths;
    }

    @Test
    void masksSeeThePromptTokens() {
        try (Transformer model = TinyModel.load(folder, NumberFormat.F32, 8);
                ThreadTeam team = new ThreadTeam(1)) {
            Kernels kernels = KernelsProvider.best().kernels();
            List<int[]> logits = new ArrayList<>();
            for (long seed : new long[] {1, 1, 2}) {
                Engine engine =
                        new Engine(model, kernels, team, Optional.of(TinyModel.maskTokens(model.config(), 4, 2, seed)));
                try (KvCache cache = new KvCache(model.config(), CacheFormat.F32);
                        ForwardPass pass = new ForwardPass(engine, 8)) {
                    Rows rows = new Rows();
                    rows.addMask(1, rows.addMask(0, rows.addToken(3, Rows.CACHE_END)));
                    pass.run(cache, rows);
                    logits.add(bits(pass.logits(new int[] {2}, 1), 1)[0]);
                }
            }
            assertThat(logits.get(0)).isEqualTo(logits.get(1)).isNotEqualTo(logits.get(2));
        }
    }

    @Test
    void refusesWhatTheModelDoesNotHave() {
        try (Transformer model = TinyModel.load(folder, NumberFormat.F32, 9);
                ThreadTeam team = new ThreadTeam(1);
                KvCache cache = new KvCache(model.config(), CacheFormat.F16);
                ForwardPass pass = new ForwardPass(
                        new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty()), 2)) {
            Rows rows = new Rows();
            assertThatThrownBy(() -> pass.run(cache, rows)).hasMessageContaining("0 rows");
            rows.addToken(TinyModel.VOCABULARY, Rows.CACHE_END);
            assertThatThrownBy(() -> pass.run(cache, rows)).hasMessageContaining("token 101");
            rows.clear();
            rows.addMask(0, Rows.CACHE_END);
            assertThatThrownBy(() -> pass.run(cache, rows)).hasMessageContaining("adapter");
        }
    }
}
