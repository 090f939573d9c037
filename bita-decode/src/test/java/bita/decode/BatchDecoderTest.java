package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.CacheFormat;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.MaskTokens;
import bita.model.TalkingModel;
import bita.model.TinyModel;
import bita.model.Transformer;
import bita.model.file.GgufFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whoever shares its passes, a sequence gets the tokens that plain decoding gives it alone. */
class BatchDecoderTest {
    private static final CacheFormat FORMAT = CacheFormat.F16;

    @TempDir
    static Path folder;

    private static Transformer model;
    private static List<BatchRequest> requests;
    private static final Map<BatchRequest, List<Integer>> ALONE = new HashMap<>();

    @BeforeAll
    static void decodeAlone() {
        model = TinyModel.load(folder, NumberFormat.Q4_1, 21);
        Random random = new Random(22);
        requests = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            requests.add(request(random));
        }
        try (ThreadTeam team = new ThreadTeam(1)) {
            for (BatchRequest request : requests) {
                ALONE.put(request, alone(engine(team), request));
            }
        }
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Engine engine(ThreadTeam team) {
        return new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty());
    }

    private static Engine engineWithMasks(ThreadTeam team) {
        MaskTokens masks = TinyModel.maskTokens(model.config(), 6, 3, 12);
        return new Engine(model, KernelsProvider.best().kernels(), team, Optional.of(masks));
    }

    private static BatchSettings plain(int sequences, int rows) {
        return new BatchSettings(sequences, rows, new Method.Plain(), OptionalInt.empty(), FORMAT, 0);
    }

    private static BatchDecoder plainDecoder(Engine engine, int sequences, int rows) {
        return decoder(engine, plain(sequences, rows));
    }

    private static BatchDecoder decoder(Engine engine, BatchSettings settings) {
        return new BatchDecoder(engine, SomeBigrams.adapter(model.config()), SomeCosts::of, settings);
    }

    private static BatchRequest request(Random random) {
        int length = 1 + (random.nextInt(4) == 0 ? random.nextInt(150) : random.nextInt(30));
        SamplingSettings sampling = switch (random.nextInt(3)) {
            case 0 -> SamplingSettings.greedy();
            case 1 -> new SamplingSettings(0.5 + random.nextDouble(), 0, 1, 0, random.nextLong());
            default -> new SamplingSettings(0.8, 12, 0.9, 0.02, random.nextInt(3));
        };
        Set<Integer> ends = random.nextBoolean() ? Set.of() : Set.of(3, 14, 15);
        int context = length + 1 + random.nextInt(60);
        return new BatchRequest(
                random.ints(length, 0, TinyModel.VOCABULARY).boxed().toList(),
                sampling,
                random.nextInt(5),
                1 + random.nextInt(40),
                context,
                ends,
                true);
    }

    private static List<Integer> alone(Engine engine, BatchRequest request) {
        DecodingSettings settings =
                new DecodingSettings(new Method.Plain(), OptionalInt.empty(), OptionalInt.empty(), FORMAT, 64);
        int[] prompt = request.prompt().stream().mapToInt(Integer::intValue).toArray();
        try (DecodingSession session =
                new DecodingSession(engine, Optional.empty(), SomeCosts::of, settings, VerifiedLogits.IGNORE)) {
            List<Integer> tokens = new ArrayList<>();
            Step step = session.begin(
                            prompt,
                            request.sampling(),
                            request.choice(),
                            LogitsProcessor.NONE,
                            true,
                            (done, all) -> {},
                            () -> false)
                    .orElseThrow();
            tokens.add(step.tokens().getFirst().id());
            int most = Math.min(request.maxTokens(), request.context() - prompt.length);
            while (tokens.size() < most && !request.ends().contains(tokens.getLast())) {
                step = session.step(1, request.ends()::contains);
                tokens.add(step.tokens().getFirst().id());
            }
            return tokens;
        }
    }

    private static List<Integer> expected(BatchRequest request) {
        return Objects.requireNonNull(ALONE.get(request));
    }

    /** What a listener has heard. */
    private static class Heard implements SequenceListener {
        final List<Integer> tokens = new ArrayList<>();
        final List<Integer> read = new ArrayList<>();
        Optional<Ending> ending = Optional.empty();
        Optional<NotANumberException> problem = Optional.empty();

        @Override
        public void prompt(int tokensRead, int all) {
            assertThat(tokens).isEmpty();
            read.add(tokensRead);
        }

        @Override
        public boolean step(Step step) {
            assertGoesOn();
            step.tokens().forEach(token -> tokens.add(token.id()));
            return true;
        }

        @Override
        public void ended(Ending how) {
            assertGoesOn();
            ending = Optional.of(how);
        }

        @Override
        public void failed(NotANumberException found) {
            assertGoesOn();
            problem = Optional.of(found);
        }

        private void assertGoesOn() {
            assertThat(ending).isEmpty();
            assertThat(problem).isEmpty();
        }
    }

    private static void assertAsAlone(BatchRequest request, Heard heard) {
        List<Integer> expected = expected(request);
        assertThat(heard.tokens).isEqualTo(expected);
        assertThat(heard.read).isNotEmpty().last().isEqualTo(request.prompt().size());
        assertThat(heard.ending)
                .contains(
                        request.ends().contains(expected.getLast())
                                ? SequenceListener.Ending.END_TOKEN
                                : SequenceListener.Ending.LENGTH);
    }

    private static OptionalInt budget(int rows) {
        return rows == 0 ? OptionalInt.empty() : OptionalInt.of(rows);
    }

    /** Forbids tokens by what came before, so that hardly a draft is right, and counts what it is asked. */
    private static final class Moody implements LogitsProcessor {
        private int state = 1;

        @Override
        public void process(MemorySegment logits) {
            for (int token = 0; token < TinyModel.VOCABULARY; token++) {
                if ((state + token) % 3 != 0) {
                    logits.setAtIndex(ValueLayout.JAVA_FLOAT, token, Float.NEGATIVE_INFINITY);
                }
            }
        }

        @Override
        public void accept(int token) {
            state = 31 * state + token & 0xffff;
        }
    }

    /** Penalties, grammars and the like: what they do follows from the sequence, whoever drafts. */
    @ParameterizedTest
    @ValueSource(strings = {"plain", "automaton+recycling", "masks+automaton+recycling:best:16"})
    void processedLogitsDecideAlikeAloneAndAmongOthers(String method) {
        try (ThreadTeam team = new ThreadTeam(2)) {
            BatchSettings settings = new BatchSettings(4, 64, Method.parse(method), OptionalInt.empty(), FORMAT, 0);
            List<Heard> plain = new ArrayList<>();
            try (BatchDecoder alone = plainDecoder(engineWithMasks(team), 1, 64)) {
                ALONE.keySet().forEach(request -> plain.add(submit(alone, request, new Moody())));
                runAll(alone);
            }
            List<Heard> together = new ArrayList<>();
            try (BatchDecoder decoder = decoder(engineWithMasks(team), settings)) {
                ALONE.keySet().forEach(request -> together.add(submit(decoder, request, new Moody())));
                runAll(decoder);
            }
            assertThat(together.stream().map(heard -> heard.tokens))
                    .isEqualTo(plain.stream().map(heard -> heard.tokens).toList());
            assertThat(plain.getFirst().tokens)
                    .isNotEqualTo(expected(ALONE.keySet().iterator().next()));
        }
    }

    private static Heard submit(BatchDecoder decoder, BatchRequest request, LogitsProcessor processor) {
        Heard heard = new Heard();
        decoder.submit(request, processor, heard);
        return heard;
    }

    private static void runAll(BatchDecoder decoder) {
        while (decoder.step()) {
            // until all have ended
        }
    }

    /** A request that is not to be drafted for is not, and both get what they get alone. */
    @Test
    void aRequestCanDoWithoutDrafts() {
        try (ThreadTeam team = new ThreadTeam(2);
                BatchDecoder decoder = decoder(
                        engineWithMasks(team),
                        new BatchSettings(3, 64, Method.DEFAULT, OptionalInt.of(40), FORMAT, 0))) {
            List<Integer> plainRows = new ArrayList<>();
            List<Integer> draftedRows = new ArrayList<>();
            int i = 0;
            for (BatchRequest request : ALONE.keySet()) {
                boolean drafting = i++ % 2 == 0;
                BatchRequest one = new BatchRequest(
                        request.prompt(),
                        request.sampling(),
                        request.choice(),
                        request.maxTokens(),
                        request.context(),
                        request.ends(),
                        drafting);
                decoder.submit(one, new Heard() {
                    @Override
                    public boolean step(Step step) {
                        if (!tokens.isEmpty()) { // behind the prompt's pass
                            (drafting ? draftedRows : plainRows).add(step.rows());
                        }
                        return super.step(step);
                    }

                    @Override
                    public void ended(Ending how) {
                        super.ended(how);
                        assertThat(tokens).isEqualTo(expected(request));
                    }
                });
            }
            runAll(decoder);
            assertThat(plainRows).isNotEmpty().containsOnly(1);
            assertThat(draftedRows).anyMatch(rows -> rows > 1);
        }
    }

    /** A conversation goes on from its kept keys and values, with the bits of one that is read anew. */
    @ParameterizedTest
    @CsvSource({"plain, 0", "plain, 2", "plain, 5", "masks+automaton+recycling:best:16, 3"})
    void keptSequencesAreContinued(String method, int kept) {
        Random random = new Random(kept);
        try (ThreadTeam team = new ThreadTeam(2)) {
            Engine engine = engineWithMasks(team);
            BatchSettings settings = new BatchSettings(2, 64, Method.parse(method), OptionalInt.empty(), FORMAT, kept);
            try (BatchDecoder decoder = decoder(engine, settings)) {
                List<List<Integer>> talks = new ArrayList<>();
                for (int i = 0; i < 4; i++) {
                    talks.add(
                            random.ints(20 + i, 0, TinyModel.VOCABULARY).boxed().toList());
                }
                int reused = 0;
                for (int turn = 0; turn < 24; turn++) {
                    int talk = random.nextInt(talks.size());
                    BatchRequest request =
                            new BatchRequest(talks.get(talk), SamplingSettings.greedy(), 0, 6, 400, Set.of(), true);
                    int[] joined = {0};
                    Heard heard = new Heard() {
                        @Override
                        public void joined(int tokens) {
                            joined[0] = tokens;
                        }
                    };
                    decoder.submit(request, heard);
                    runAll(decoder);
                    assertThat(heard.tokens).isEqualTo(alone(engine(team), request));
                    assertThat(joined[0]).isLessThan(request.prompt().size());
                    reused += joined[0];
                    List<Integer> longer = new ArrayList<>(request.prompt());
                    longer.addAll(heard.tokens);
                    longer.addAll(List.of(1 + turn % 9, 2));
                    talks.set(talk, longer);
                }
                if (kept == 0) {
                    assertThat(reused).isZero();
                } else {
                    assertThat(reused).isGreaterThan(400);
                }
            }
        }
    }

    /** What prompts begin with alike is read once, whoever reads it, and each gets what it gets alone. */
    @ParameterizedTest
    @CsvSource({
        "plain, 4, 64, 70, 0",
        "plain, 3, 5, 33, 0",
        "plain, 2, 300, 530, 3",
        "masks+automaton+recycling:best:16, 4, 64, 70, 0",
        "masks+automaton+recycling:best:16, 3, 20, 31, 4"
    })
    void promptsThatBeginAlikeShareWhatIsRead(String method, int sequences, int rows, int shared, int kept) {
        Random random = new Random(shared);
        List<Integer> beginning =
                random.ints(shared, 0, TinyModel.VOCABULARY).boxed().toList();
        BatchSettings settings =
                new BatchSettings(sequences, rows, Method.parse(method), OptionalInt.empty(), FORMAT, kept);
        try (ThreadTeam team = new ThreadTeam(2);
                BatchDecoder decoder = decoder(engineWithMasks(team), settings)) {
            List<BatchRequest> like = new ArrayList<>();
            int[] reused = new int[sequences];
            for (int i = 0; i < sequences; i++) {
                List<Integer> prompt = new ArrayList<>(beginning);
                random.ints(i % 3, 0, TinyModel.VOCABULARY).forEach(prompt::add);
                SamplingSettings sampling = new SamplingSettings(0.9, 0, 1, 0, 7);
                like.add(new BatchRequest(prompt, sampling, i, 20, shared + 100, Set.of(), true));
            }
            List<Heard> all = new ArrayList<>();
            for (int i = 0; i < sequences; i++) {
                int index = i;
                all.add(new Heard() {
                    @Override
                    public void joined(int tokens) {
                        reused[index] = tokens;
                    }
                });
                decoder.submit(like.get(i), all.getLast());
            }
            runAll(decoder);
            assertThat(reused[0]).isZero();
            for (int i = 1; i < sequences; i++) {
                assertThat(reused[i])
                        .isBetween(shared - 16, like.get(i).prompt().size() - 1);
            }
            for (int i = 0; i < sequences; i++) {
                assertThat(all.get(i).tokens).isEqualTo(alone(engine(team), like.get(i)));
            }
        }
    }

    /** Who has waited for a prompt that is given up reads for itself. */
    @Test
    void aPromptThatOthersWaitForMayBeCancelled() {
        Random random = new Random(3);
        List<Integer> prompt = random.ints(100, 0, TinyModel.VOCABULARY).boxed().toList();
        BatchRequest request = new BatchRequest(prompt, SamplingSettings.greedy(), 0, 5, 200, Set.of(), true);
        try (ThreadTeam team = new ThreadTeam(2);
                BatchDecoder decoder = plainDecoder(engine(team), 3, 10)) {
            BatchDecoder.Ticket first = decoder.submit(request, new Heard());
            int[] reused = {-1};
            Heard second = new Heard() {
                @Override
                public void joined(int tokens) {
                    reused[0] = tokens;
                }
            };
            decoder.submit(request, second);
            decoder.step();
            decoder.step();
            assertThat(second.read).isEmpty();
            first.cancel();
            runAll(decoder);
            assertThat(reused[0]).isEqualTo(20);
            assertThat(second.tokens).isEqualTo(alone(engine(team), request));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    1 |  1 |   1 | plain                                                    |  0
                    1 | 40 | 200 | plain                                                    |  0
                    2 |  7 |   7 | plain                                                    |  0
                    2 |  8 |  64 | plain                                                    |  0
                    3 |  5 |   9 | plain                                                    |  0
                    1 |  1 |   1 | masks+automaton+recycling:best:16                        |  0
                    2 |  3 |  12 | masks+automaton+recycling:best:16                        |  0
                    2 |  8 |  64 | masks+automaton+recycling+bigrams:best:16                | 40
                    3 | 40 | 200 | masks+automaton+recycling:best:16                        |  0
                    1 |  4 |  33 | masks2+lookup+automaton+lookahead:3,4,3+recycling:6+bigrams:best:8 | 90
                    2 |  6 |  30 | masks:upper-triangle:5                                   | 64
                    3 | 16 |  33 | lookup                                                   | 50
                    2 |  4 |  20 | automaton+recycling                                      |  0
                    """)
    void sequencesThatJoinAndLeaveAtRandomHaveTheTokensTheyHaveAlone(
            int threads, int sequences, int rows, String method, int budget) {
        Random random = new Random(rows);
        BatchSettings settings = new BatchSettings(sequences, rows, Method.parse(method), budget(budget), FORMAT, 0);
        try (ThreadTeam team = new ThreadTeam(threads);
                BatchDecoder decoder = decoder(engineWithMasks(team), settings)) {
            List<BatchRequest> order = new ArrayList<>(requests);
            Collections.shuffle(order, random);
            List<Heard> all = new ArrayList<>();
            Map<BatchDecoder.Ticket, Heard> cancellable = new HashMap<>();
            Set<Heard> cancelled = new HashSet<>();
            boolean more = true;
            while (more) {
                for (int i = random.nextInt(4); i > 0 && all.size() < order.size(); i--) {
                    Heard heard = new Heard();
                    BatchDecoder.Ticket ticket = decoder.submit(order.get(all.size()), heard);
                    if (random.nextInt(5) == 0) {
                        cancellable.put(ticket, heard);
                    }
                    all.add(heard);
                }
                more = decoder.step() || all.size() < order.size();
                if (!cancellable.isEmpty() && random.nextInt(6) == 0) {
                    BatchDecoder.Ticket ticket = cancellable.keySet().iterator().next();
                    ticket.cancel();
                    cancelled.add(cancellable.remove(ticket));
                    more = true;
                }
            }
            int cut = 0;
            for (int i = 0; i < order.size(); i++) {
                Heard heard = all.get(i);
                if (heard.ending.equals(Optional.of(SequenceListener.Ending.CANCELLED))) {
                    assertThat(cancelled).contains(heard);
                    assertThat(heard.tokens).isEqualTo(expected(order.get(i)).subList(0, heard.tokens.size()));
                    cut++;
                } else {
                    assertAsAlone(order.get(i), heard);
                }
            }
            assertThat(cut).as("cancelled").isBetween(1, 20);
        }
    }

    /** Every pass decides for all, drafts are accepted, and together they keep to the budget. */
    @ParameterizedTest
    @ValueSource(strings = {"masks+automaton+recycling:best:16", "lookahead"})
    void sequencesShareABudgetOfDraftedRows(String name) {
        int budget = 30;
        int sequences = 4;
        BatchSettings settings =
                new BatchSettings(sequences, 200, Method.parse(name), OptionalInt.of(budget), FORMAT, 0);
        int[] tokens = {5, 6, 7, 5, 6, 7, 5, 6, 7};
        List<BatchRequest> same = new ArrayList<>();
        for (int i = 0; i < sequences; i++) {
            same.add(new BatchRequest(
                    Arrays.stream(tokens).boxed().toList(), SamplingSettings.greedy(), 0, 60 + i, 200, Set.of(), true));
        }
        try (ThreadTeam team = new ThreadTeam(2);
                BatchDecoder decoder = decoder(engineWithMasks(team), settings)) {
            int[] rows = {0};
            int[] accepted = {0};
            List<Heard> all = new ArrayList<>();
            for (BatchRequest request : same) {
                all.add(new Heard() {
                    @Override
                    public boolean step(Step step) {
                        if (!tokens.isEmpty()) {
                            rows[0] += step.rows();
                            accepted[0] += step.tokens().size() - 1;
                            assertThat(step.time().forward()).isPositive();
                        }
                        return super.step(step);
                    }
                });
                decoder.submit(request, all.getLast());
            }
            boolean more = true;
            int most = 0;
            while (more) {
                more = decoder.step();
                most = Math.max(most, rows[0]);
                rows[0] = 0;
            }
            assertThat(most).isBetween(sequences + 2, budget);
            assertThat(accepted[0]).isGreaterThan(4);
            try (ThreadTeam one = new ThreadTeam(1)) {
                for (int i = 0; i < sequences; i++) {
                    assertThat(all.get(i).tokens).isEqualTo(alone(engine(one), same.get(i)));
                }
            }
        }
    }

    @Test
    void listenersMaySubmitAndStop() {
        try (ThreadTeam team = new ThreadTeam(2);
                BatchDecoder decoder = plainDecoder(engine(team), 2, 8)) {
            BatchRequest longest = requests.stream()
                    .max(Comparator.comparingInt(r -> expected(r).size()))
                    .orElseThrow();
            Heard second = new Heard();
            Heard first = new Heard() {
                @Override
                public boolean step(Step step) {
                    super.step(step);
                    return tokens.size() < 3;
                }

                @Override
                public void ended(Ending how) {
                    super.ended(how);
                    decoder.submit(requests.getFirst(), second);
                }
            };
            decoder.submit(longest, first);
            while (decoder.step()) {
                assertThat(first.tokens.size()).isLessThanOrEqualTo(3);
            }
            assertThat(first.ending).contains(SequenceListener.Ending.STOPPED);
            assertThat(first.tokens).isEqualTo(expected(longest).subList(0, 3));
            assertAsAlone(requests.getFirst(), second);
        }
    }

    @Test
    void aListenerThatThrowsIsHeardOfAndHarmsNoOther() {
        try (ThreadTeam team = new ThreadTeam(2);
                BatchDecoder decoder = plainDecoder(engine(team), 3, 200)) {
            Heard other = new Heard();
            decoder.submit(requests.get(0), new Heard() {
                @Override
                public void ended(Ending how) {
                    throw new IllegalStateException("disk full");
                }
            });
            decoder.submit(requests.get(1), other);
            int thrown = 0;
            boolean more = true;
            while (more) {
                try {
                    more = decoder.step();
                } catch (IllegalStateException e) {
                    assertThat(e).hasMessage("disk full");
                    thrown++;
                }
            }
            assertThat(thrown).isOne();
            assertAsAlone(requests.get(1), other);
        }
    }

    @Test
    void closingCancelsWhoIsLeft() {
        Heard running = new Heard();
        Heard waiting = new Heard();
        try (ThreadTeam team = new ThreadTeam(1);
                BatchDecoder decoder = plainDecoder(engine(team), 1, 1)) {
            decoder.submit(requests.get(0), running);
            decoder.submit(requests.get(1), waiting);
            decoder.step();
        }
        assertThat(running.ending).contains(SequenceListener.Ending.CANCELLED);
        assertThat(waiting.ending).contains(SequenceListener.Ending.CANCELLED);
    }

    @ParameterizedTest
    @CsvSource({"0", "1"})
    void notANumberEndsItsSequenceOnly(double temperature) throws IOException {
        SamplingSettings sampling = new SamplingSettings(temperature, 0, 1, 0, 4);
        try (ThreadTeam team = new ThreadTeam(2);
                Transformer talking = Transformer.load(
                        GgufFile.open(TalkingModel.write(folder.resolve("talking" + temperature + ".gguf"))),
                        KernelsProvider.best().kernels(),
                        team)) {
            Engine engine = new Engine(talking, KernelsProvider.best().kernels(), team, Optional.empty());
            List<BatchRequest> good = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                good.add(new BatchRequest(List.of(65 + i, 66), sampling, i, 20, 100, Set.of(TalkingModel.END), true));
            }
            BatchRequest bad =
                    new BatchRequest(List.of(65, (int) TalkingModel.POISON, 66), sampling, 0, 20, 100, Set.of(), true);
            try (BatchDecoder decoder = plainDecoder(engine, 3, 5)) {
                List<Heard> heard = new ArrayList<>();
                for (BatchRequest request : List.of(good.get(0), bad, good.get(1), good.get(2))) {
                    heard.add(new Heard());
                    decoder.submit(request, heard.getLast());
                }
                while (decoder.step()) {
                    assertThat(heard.get(1).tokens).isEmpty();
                }
                assertThat(heard.remove(1).problem).get().asString().contains("NaN at position 2");
                for (int i = 0; i < good.size(); i++) {
                    assertThat(heard.get(i).tokens).isEqualTo(alone(engine, good.get(i)));
                }
            }
        }
    }

    @Test
    void refusesWhatCannotBeDecoded() {
        SamplingSettings greedy = SamplingSettings.greedy();
        assertThatThrownBy(() -> new BatchRequest(List.of(), greedy, 0, 1, 9, Set.of(), true))
                .hasMessageContaining("no tokens");
        assertThatThrownBy(() -> new BatchRequest(List.of(1, 2), greedy, 0, 1, 2, Set.of(), true))
                .hasMessageContaining("no room");
        assertThatThrownBy(() -> new BatchRequest(List.of(1), greedy, 0, 0, 9, Set.of(), true))
                .hasMessageContaining("at least one token");
        assertThatThrownBy(() -> new BatchRequest(List.of(1), greedy, -1, 1, 9, Set.of(), true))
                .hasMessageContaining("count from 0");
        assertThatThrownBy(() -> plain(0, 1)).hasMessageContaining("1 to 1024");
        assertThatThrownBy(() -> plain(8, 7)).hasMessageContaining("8 to 4096 rows");
        Method tree = Method.parse("masks:upper-triangle:5");
        assertThatThrownBy(() -> new BatchSettings(2, 2, tree, OptionalInt.empty(), FORMAT, 0))
                .hasMessageContaining("needs a budget of rows");
        assertThatThrownBy(() -> new BatchSettings(2, 2, tree, OptionalInt.of(1), FORMAT, 0))
                .hasMessageContaining("between 2 and 512");
        try (ThreadTeam team = new ThreadTeam(1);
                BatchDecoder decoder = plainDecoder(engine(team), 1, 1)) {
            assertThatThrownBy(() -> decoder(
                            engine(team), new BatchSettings(1, 1, Method.DEFAULT, OptionalInt.empty(), FORMAT, 0)))
                    .hasMessageContaining("needs an adapter");
            for (int token : new int[] {-1, TinyModel.VOCABULARY}) {
                BatchRequest request = new BatchRequest(List.of(1, token), greedy, 0, 1, 9, Set.of(), true);
                assertThatThrownBy(() -> decoder.submit(request, new Heard())).hasMessageContaining("token " + token);
            }
            assertThat(decoder.step()).isFalse();
        }
    }
}
