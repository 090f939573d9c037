package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.kernels.CacheFormat;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.MaskTokens;
import bita.model.TinyModel;
import bita.model.Transformer;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever drafts, the tokens and every bit of the logits behind them are those of plain decoding. */
class DecodingSessionTest {
    private static final String ALL_SOURCES = "masks2+lookup+automaton+lookahead:3,4,3+recycling:6+bigrams:best:8";

    @TempDir
    static Path folder;

    private static Transformer model;
    private static ThreadTeam team;

    @BeforeAll
    static void load() {
        model = TinyModel.load(folder, NumberFormat.Q4_1, 11);
        team = new ThreadTeam(2);
    }

    @AfterAll
    static void close() {
        model.close();
        team.close();
    }

    private static Engine engine(Optional<MaskTokens> masks) {
        return new Engine(model, KernelsProvider.best().kernels(), team, masks);
    }

    /** Decided tokens, the bits of the logits behind each, and the passes it took. */
    private record Trace(List<Integer> tokens, List<int[]> logits, int steps, int acceptedDrafts, int rejectedRows) {
        void assertSame(Trace reference) {
            assertThat(tokens).isEqualTo(reference.tokens);
            assertThat(logits).hasSameSizeAs(reference.logits);
            for (int i = 0; i < logits.size(); i++) {
                assertThat(logits.get(i)).isEqualTo(reference.logits.get(i));
            }
        }
    }

    private static Trace decode(
            Engine engine, DecodingSettings settings, int[] prompt, SamplingSettings sampling, int most) {
        List<int[]> logits = new ArrayList<>();
        List<Integer> tokens = new ArrayList<>();
        int steps = 0;
        int accepted = 0;
        int rejected = 0;
        try (DecodingSession session = new DecodingSession(
                engine,
                SomeBigrams.adapter(model.config()),
                SomeCosts::of,
                settings,
                (position, row) -> logits.add(row.toArray(ValueLayout.JAVA_INT)))) {
            Step first = session.begin(prompt, sampling, 0, LogitsProcessor.NONE, true, (done, all) -> {}, () -> false)
                    .orElseThrow();
            tokens.add(first.tokens().getFirst().id());
            while (tokens.size() < most) {
                Step step = session.step(most - tokens.size(), DecodingSessionTest::never);
                step.tokens().forEach(token -> tokens.add(token.id()));
                steps++;
                accepted += step.tokens().size() - 1;
                rejected += step.rows() - step.tokens().size();
            }
        }
        return new Trace(tokens, logits, steps, accepted, rejected);
    }

    private static boolean never(int token) {
        return false;
    }

    private static int[] prompt(long seed, int length) {
        return new Random(seed).ints(length, 0, TinyModel.VOCABULARY).toArray();
    }

    @Test
    void aPromptHasMasksWhereRowsAreCheap() {
        assertThat(rowsOfPrompt(Map.of(1, 10.0, 16, 10.0))).isEqualTo(5 + 3);
        assertThat(rowsOfPrompt(Map.of(1, 10.0, 16, 160.0))).isEqualTo(5);
    }

    /** Rows of the pass that reads a prompt of five tokens, with a group of three masks at most. */
    private static int rowsOfPrompt(Map<Integer, Double> milliseconds) {
        try (DecodingSession session = new DecodingSession(
                engine(Optional.of(TinyModel.maskTokens(model.config(), 6, 3, 12))),
                Optional.empty(),
                () -> StepCosts.fixed(milliseconds),
                DecodingSettings.of(Method.parse("masks:best:16")),
                (position, row) -> {})) {
            return session.begin(
                            prompt(9, 5),
                            SamplingSettings.greedy(),
                            0,
                            LogitsProcessor.NONE,
                            true,
                            (done, all) -> {},
                            () -> false)
                    .orElseThrow()
                    .rows();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "lookup", "masks:half:3", "masks:full:3"})
    void phasesMakeUpTheTimeOfAStep(String method) {
        Engine drafting = engine(Optional.of(TinyModel.maskTokens(model.config(), 6, 3, 12)));
        try (DecodingSession session = new DecodingSession(
                drafting,
                Optional.empty(),
                SomeCosts::of,
                DecodingSettings.of(Method.parse(method)),
                (position, row) -> {})) {
            Step first = session.begin(
                            prompt(4, 20),
                            SamplingSettings.greedy(),
                            0,
                            LogitsProcessor.NONE,
                            true,
                            (done, all) -> {},
                            () -> false)
                    .orElseThrow();
            assertThat(first.time()).isEqualTo(StepTime.UNKNOWN);
            int mostlyForward = 0; // another program may take the processor in any phase
            for (int i = 0; i < 20; i++) {
                long start = System.nanoTime();
                StepTime time = session.step(100, DecodingSessionTest::never).time();
                long passed = System.nanoTime() - start;

                assertThat(time.draft()).isPositive();
                assertThat(time.verify()).isPositive();
                assertThat(time.draft() + time.forward() + time.verify()).isLessThanOrEqualTo(passed);
                mostlyForward += time.forward() > passed / 2 ? 1 : 0;
            }
            assertThat(mostlyForward).isGreaterThan(10);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 5, 8, 16})
    void noStepTakesMoreRowsThanItsBudget(int rows) {
        Engine drafting = engine(Optional.of(TinyModel.maskTokens(model.config(), 6, 3, 12)));
        for (String method : List.of(
                "masks:best:8",
                "masks+lookup:best:8",
                "masks:full:3",
                "lookup",
                "automaton",
                "lookahead",
                "recycling",
                "bigrams",
                ALL_SOURCES)) {
            DecodingSettings settings = new DecodingSettings(
                    Method.parse(method),
                    OptionalInt.of(rows),
                    OptionalInt.empty(),
                    CacheFormat.F16,
                    DecodingSettings.PREFILL_CHUNK);
            try (DecodingSession session = new DecodingSession(
                    drafting, SomeBigrams.adapter(model.config()), SomeCosts::of, settings, (position, row) -> {})) {
                session.begin(
                        prompt(4, 20),
                        SamplingSettings.greedy(),
                        0,
                        LogitsProcessor.NONE,
                        true,
                        (done, all) -> {},
                        () -> false);
                for (int i = 0; i < 30; i++) {
                    assertThat(session.step(100, DecodingSessionTest::never).rows())
                            .as(method)
                            .isBetween(1, rows);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "lookup",
                "masks:chain",
                "masks:half:3",
                "masks:upper-triangle:5",
                "masks:full:3",
                "masks:best:12",
                "masks+lookup:best:8",
                "masks+lookup:full:2",
                "automaton",
                "lookahead",
                "lookahead:3,3,2",
                "recycling",
                "bigrams",
                "recycling+bigrams",
                "automaton+lookahead+recycling",
                "masks+recycling:full:2",
                ALL_SOURCES
            })
    void draftsDoNotChangeTheText(String name) {
        Engine plain = engine(Optional.empty());
        Engine drafting = engine(Optional.of(TinyModel.maskTokens(model.config(), 6, 3, 12)));
        SamplingSettings[] samplings = {
            SamplingSettings.greedy(),
            new SamplingSettings(0.4, 0, 1, 0, 5),
            new SamplingSettings(0.8, 12, 0.9, 0.02, 6)
        };
        int accepted = 0;
        int rejected = 0;
        for (int i = 0; i < samplings.length; i++) {
            int[] prompt = prompt(i, 20 + 50 * i);
            for (CacheFormat format : CacheFormat.values()) {
                Trace reference = decode(
                        plain,
                        new DecodingSettings(
                                new Method.Plain(), OptionalInt.empty(), OptionalInt.empty(), format, 1000),
                        prompt,
                        samplings[i],
                        80);
                for (OptionalInt rows : List.of(OptionalInt.empty(), OptionalInt.of(3), OptionalInt.of(16))) {
                    Trace trace = decode(
                            drafting,
                            new DecodingSettings(Method.parse(name), rows, OptionalInt.empty(), format, 9 + i),
                            prompt,
                            samplings[i],
                            80);
                    trace.assertSame(reference);
                    accepted += trace.acceptedDrafts;
                    rejected += trace.rejectedRows;
                }
            }
        }
        assertThat(accepted).as("accepted drafts").isPositive();
        assertThat(rejected).as("rejected drafts").isPositive();
    }

    /** Masks that know the answer: an adapter cannot, but others can on a periodic text. */
    @ParameterizedTest
    @ValueSource(strings = {"lookup", "automaton", "lookahead", "recycling"})
    void severalTokensAreAcceptedAtOnce(String method) {
        Engine plain = engine(Optional.empty());
        int[] periodic = new int[60];
        Arrays.setAll(periodic, i -> 7 + i % 5);
        Trace trace =
                decode(plain, DecodingSettings.of(Method.parse(method)), periodic, SamplingSettings.greedy(), 120);
        decode(plain, DecodingSettings.of(new Method.Plain()), periodic, SamplingSettings.greedy(), 120)
                .assertSame(trace);
        assertThat(trace.steps).isLessThan(119);
    }

    @ParameterizedTest
    @ValueSource(strings = {"masks+lookup:best:8", "automaton", "lookahead:3,3,2", "recycling", ALL_SOURCES})
    void aSharedPrefixIsNotComputedAgainAndChangesNothing(String method) {
        Engine engine = engine(Optional.of(TinyModel.maskTokens(model.config(), 6, 3, 12)));
        DecodingSettings settings = DecodingSettings.of(Method.parse(method));
        int[] first = prompt(8, 70);
        int[] second = Arrays.copyOf(first, 90);
        System.arraycopy(prompt(9, 40), 0, second, 50, 40);
        List<int[]> logits = new ArrayList<>();
        List<Long> read = new ArrayList<>();
        try (DecodingSession session = new DecodingSession(
                engine,
                SomeBigrams.adapter(model.config()),
                SomeCosts::of,
                settings,
                (position, row) -> logits.add(row.toArray(ValueLayout.JAVA_INT)))) {
            session.begin(
                    first, SamplingSettings.greedy(), 0, LogitsProcessor.NONE, true, (done, all) -> {}, () -> false);
            session.step(20, DecodingSessionTest::never);
            logits.clear();
            session.begin(
                    second,
                    SamplingSettings.greedy(),
                    0,
                    LogitsProcessor.NONE,
                    true,
                    (done, all) -> read.add(all),
                    () -> false);
            while (logits.size() < 30) {
                session.step(30 - logits.size(), DecodingSessionTest::never);
            }
        }
        assertThat(read).contains(40L);
        Trace alone = decode(engine, DecodingSettings.of(new Method.Plain()), second, SamplingSettings.greedy(), 30);
        for (int i = 0; i < 30; i++) {
            assertThat(logits.get(i)).isEqualTo(alone.logits.get(i));
        }
    }

    /** Recycling knows an answer that it has seen before; a session that has forgotten is as one that has not. */
    @Test
    void forgets() {
        Engine engine = engine(Optional.empty());
        int[] prompt = prompt(11, 40);
        DecodingSettings settings = new DecodingSettings(
                Method.parse("recycling"), OptionalInt.of(12), OptionalInt.empty(), CacheFormat.F16, 32);
        List<Integer> steps = new ArrayList<>();
        try (DecodingSession session =
                new DecodingSession(engine, Optional.empty(), SomeCosts::of, settings, VerifiedLogits.IGNORE)) {
            for (int i = 0; i < 3; i++) {
                if (i == 2) {
                    session.forget();
                    assertThat(session.length()).isZero();
                }
                session.begin(
                        prompt,
                        SamplingSettings.greedy(),
                        0,
                        LogitsProcessor.NONE,
                        true,
                        (done, all) -> {},
                        () -> false);
                int tokens = 0;
                int made = 0;
                for (; tokens < 60; made++) {
                    tokens += session.step(60 - tokens, DecodingSessionTest::never)
                            .tokens()
                            .size();
                }
                steps.add(made);
            }
        }
        assertThat(steps.get(1)).isLessThan(steps.getFirst());
        assertThat(steps.getLast()).isEqualTo(steps.getFirst());
    }

    @Test
    void stopsBehindAnEndTokenAndAtTheMostTokens() {
        Engine engine = engine(Optional.empty());
        int[] periodic = new int[60];
        Arrays.setAll(periodic, i -> 7 + i % 5);
        Trace plain = decode(engine, DecodingSettings.of(new Method.Plain()), periodic, SamplingSettings.greedy(), 40);
        int end = plain.tokens.get(20);
        List<Integer> tokens = new ArrayList<>();
        try (DecodingSession session = new DecodingSession(
                engine,
                SomeBigrams.adapter(model.config()),
                SomeCosts::of,
                DecodingSettings.of(Method.parse("lookup")),
                VerifiedLogits.IGNORE)) {
            session.begin(
                            periodic,
                            SamplingSettings.greedy(),
                            0,
                            LogitsProcessor.NONE,
                            true,
                            (done, all) -> {},
                            () -> false)
                    .orElseThrow()
                    .tokens()
                    .forEach(token -> tokens.add(token.id()));
            while (tokens.getLast() != end && tokens.size() < 40) {
                Step step = session.step(3, token -> token == end);
                assertThat(step.tokens()).hasSizeLessThanOrEqualTo(3);
                step.tokens().forEach(token -> tokens.add(token.id()));
            }
        }
        assertThat(tokens).isEqualTo(plain.tokens.subList(0, plain.tokens.indexOf(end) + 1));
    }

    @Test
    void cancelledPromptsAndMissingAdaptersAreTold() {
        Engine engine = engine(Optional.empty());
        assertThatThrownBy(() -> new DecodingSession(
                        engine,
                        Optional.empty(),
                        SomeCosts::of,
                        DecodingSettings.of(Method.parse("masks:chain")),
                        VerifiedLogits.IGNORE))
                .hasMessageContaining("needs an adapter");
        try (DecodingSession session = new DecodingSession(
                engine,
                SomeBigrams.adapter(model.config()),
                SomeCosts::of,
                DecodingSettings.of(new Method.Plain()),
                VerifiedLogits.IGNORE)) {
            assertThat(session.begin(
                            prompt(1, 9),
                            SamplingSettings.greedy(),
                            0,
                            LogitsProcessor.NONE,
                            true,
                            (done, all) -> {},
                            () -> true))
                    .isEmpty();
            assertThatThrownBy(() -> session.step(1, DecodingSessionTest::never))
                    .isInstanceOf(IllegalStateException.class);
        }
    }
}
