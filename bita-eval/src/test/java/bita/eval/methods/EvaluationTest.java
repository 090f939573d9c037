package bita.eval.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import bita.api.AdapterChoice;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.Message;
import bita.decode.Method;
import bita.decode.SamplingSettings;
import bita.eval.Question;
import bita.kernels.CacheFormat;
import bita.model.TalkingModel;
import bita.model.template.TemplateException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** With a model that says random words. */
class EvaluationTest {
    private static final int TOKENS = 24;
    private static final List<Question> QUESTIONS = List.of(
            new Question("1", "a", List.of("first of the first", "second of the first")),
            new Question("2", "b", List.of("only one")),
            new Question("3", "a", List.of("again and again and again")));

    @TempDir
    static Path home;

    private static LanguageModel model;

    @TempDir
    Path folder;

    @BeforeAll
    static void load() throws IOException {
        LoadOptions options =
                LoadOptions.automatic().withAdapter(new AdapterChoice.None()).withThreads(1);
        model = LanguageModel.load(TalkingModel.write(home.resolve("talking.gguf")), options);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static EvaluationOptions options(int repetitions, SamplingSettings sampling, OptionalInt context) {
        return new EvaluationOptions(1, repetitions, TOKENS, sampling, OptionalInt.empty(), context, CacheFormat.F16);
    }

    private static EvaluationOptions inBatches(int batch, int repetitions) {
        return new EvaluationOptions(
                batch,
                repetitions,
                TOKENS,
                SamplingSettings.greedy(),
                OptionalInt.of(12),
                OptionalInt.empty(),
                CacheFormat.F16);
    }

    private static EvaluationOptions greedy(int repetitions) {
        return options(repetitions, SamplingSettings.greedy(), OptionalInt.empty());
    }

    private static ComparedMethods methods() {
        return ComparedMethods.of(List.of(Method.parse("lookup")), model.defaultMethod(), Optional.empty(), greedy(1));
    }

    private static RunSettings settings(List<Question> questions, EvaluationOptions options) throws IOException {
        return RunSettings.of(model, "0", Path.of("suite.jsonl"), questions, methods(), options, "a processor");
    }

    private EvaluationResult run(List<Question> questions, EvaluationOptions options, EvaluationListener listener)
            throws IOException, TemplateException, InterruptedException {
        try (ResultsFolder results = ResultsFolder.open(folder, false, settings(questions, options), questions)) {
            return Evaluation.run(model, questions, methods(), options, results, listener);
        }
    }

    private List<JsonNode> journal() throws IOException {
        return Files.readAllLines(folder.resolve("journal.jsonl")).stream()
                .skip(1)
                .map(JsonMapper.shared()::readTree)
                .toList();
    }

    private static String what(JsonNode line) {
        return line.get("question") + "/" + line.get("turn") + "/" + line.get("repetition") + " "
                + line.get("method").asString();
    }

    /** As it is when machines are lost, or tried beside each other. */
    @Test
    void partsMayComeInAnyOrderAndTwice() throws Exception {
        run(QUESTIONS, greedy(1), EvaluationListener.NONE);
        Map<String, String> whole = tokens();
        Path other = folder.resolve("parts");
        try (ResultsFolder results = ResultsFolder.open(other, false, settings(QUESTIONS, greedy(1)), QUESTIONS)) {
            DistributedEvaluation evaluation = new DistributedEvaluation(QUESTIONS, methods(), greedy(1), results);
            assertThat(evaluation.missing()).hasSize(3);
            for (int index : List.of(2, 0, 1)) {
                DistributedEvaluation.Part part = DistributedEvaluation.measure(
                        model, new TreeMap<>(Map.of(index, QUESTIONS.get(index))), methods(), greedy(1));
                evaluation.add(part);
                evaluation.add(part);
            }

            assertThat(evaluation.missing()).isEmpty();
            EvaluationResult result = evaluation.result(List.of());
            assertThat(result.identical()).isTrue();
            assertThat(result.rows(ResultRow.ALL)).allMatch(row -> row.prompts() == 4);
        }
        folder = other;
        assertThat(tokens()).isEqualTo(whole);
    }

    private Map<String, String> tokens() throws IOException {
        Map<String, String> tokens = new TreeMap<>();
        journal()
                .forEach(line -> assertThat(
                                tokens.put(what(line), line.get("token_ids").toString()))
                        .isNull());
        return tokens;
    }

    @Test
    void answersEveryTurnByEveryMethod() throws Exception {
        EvaluationResult result = run(QUESTIONS, greedy(1), EvaluationListener.NONE);

        assertThat(result.identical()).isTrue();
        assertThat(result.rows()).hasSize(6);
        assertThat(result.rows(ResultRow.ALL)).allSatisfy(row -> {
            assertThat(row.prompts()).isEqualTo(4);
            assertThat(row.identicalPrompts()).isEqualTo(4);
            assertThat(row.tokensPerSecond()).isPositive();
            assertThat(row.time().forward()).isPositive();
        });
        assertThat(result.rows("a")).allMatch(row -> row.prompts() == 3);
        assertThat(result.rows("b")).allMatch(row -> row.prompts() == 1);
    }

    @Test
    void batchesHaveTheAnswersOfSessions() throws Exception {
        run(QUESTIONS, greedy(1), EvaluationListener.NONE);
        List<JsonNode> one = journal();
        folder = folder.resolve("batches");
        EvaluationResult result = run(QUESTIONS, inBatches(2, 1), EvaluationListener.NONE);

        assertThat(result.identical()).isTrue();
        assertThat(journal().stream().map(EvaluationTest::what))
                .containsExactly(
                        "0/0/0 plain", // with the other one of its category
                        "2/0/0 plain",
                        "0/0/0 lookup",
                        "2/0/0 lookup",
                        "0/1/0 lookup",
                        "0/1/0 plain",
                        "1/0/0 plain",
                        "1/0/0 lookup");
        for (JsonNode answer : journal()) {
            assertThat(one.stream().filter(other -> what(other).equals(what(answer))))
                    .singleElement()
                    .satisfies(other -> assertThat(answer.get("token_ids")).isEqualTo(other.get("token_ids")));
        }
        assertThat(result.rows(ResultRow.ALL)).allSatisfy(row -> {
            assertThat(row.prompts()).isEqualTo(4);
            assertThat(row.tokensPerSecond()).isPositive();
            assertThat(row.time().other()).isLessThan(1e-9);
        });
    }

    /** What the batch has in the journal already stays as it was. */
    @Test
    void stoppedBatchIsMeasuredAgain() throws Exception {
        run(QUESTIONS, inBatches(3, 2), EvaluationListener.NONE);
        Path file = folder.resolve("journal.jsonl");
        List<String> lines = Files.readAllLines(file);
        Files.write(file, lines.subList(0, 6)); // the settings, a batch of three, and two of the next

        EvaluationResult result = run(QUESTIONS, inBatches(3, 2), EvaluationListener.NONE);

        assertThat(Files.readAllLines(file))
                .hasSameSizeAs(lines)
                .startsWith(lines.subList(0, 6).toArray(String[]::new));
        assertThat(journal().stream().map(EvaluationTest::what)).doesNotHaveDuplicates();
        assertThat(result.identical()).isTrue();
    }

    /** Each begins at every second prompt, and at every second repetition. */
    @Test
    void methodsTakeTurnsToBegin() throws Exception {
        run(QUESTIONS, greedy(2), EvaluationListener.NONE);

        assertThat(journal().stream().map(EvaluationTest::what))
                .containsExactly(
                        "0/0/0 plain",
                        "0/0/0 lookup",
                        "0/0/1 lookup",
                        "0/0/1 plain",
                        "0/1/0 lookup",
                        "0/1/0 plain",
                        "0/1/1 plain",
                        "0/1/1 lookup",
                        "1/0/0 plain",
                        "1/0/0 lookup",
                        "1/0/1 lookup",
                        "1/0/1 plain",
                        "2/0/0 lookup",
                        "2/0/0 plain",
                        "2/0/1 plain",
                        "2/0/1 lookup");
    }

    @Test
    void laterTurnsHoldPlainDecodingsAnswers() throws Exception {
        run(QUESTIONS, greedy(1), EvaluationListener.NONE);

        JsonNode answer = journal().getFirst();
        assertThat(what(answer)).isEqualTo("0/0/0 plain");
        int[] prompt = model.prompt(List.of(
                Message.user("first of the first"),
                Message.assistant(answer.get("text").asString()),
                Message.user("second of the first")));
        assertThat(journal().get(2).get("prompt_tokens").asInt()).isEqualTo(prompt.length);
        assertThat(journal().get(3).get("prompt_tokens").asInt()).isEqualTo(prompt.length);
    }

    @Test
    void measurementsAddUp() throws Exception {
        run(QUESTIONS, options(1, new SamplingSettings(0.6, 0, 1, 0, 3), OptionalInt.empty()), EvaluationListener.NONE);

        List<Measurement> measurements = new ArrayList<>();
        EvaluationOptions same = options(1, new SamplingSettings(0.6, 0, 1, 0, 3), OptionalInt.empty());
        try (Journal journal =
                Journal.open(folder.resolve("journal.jsonl"), false, settings(QUESTIONS, same), QUESTIONS)) {
            for (JsonNode line : journal()) {
                measurements.add(journal.find(new Measurement.Key(
                                line.get("question").asInt(),
                                line.get("turn").asInt(),
                                0,
                                line.get("method").asString()))
                        .orElseThrow());
            }
        }
        assertThat(measurements).hasSize(8).allSatisfy(one -> {
            long accepted = one.acceptedBySource().values().stream()
                    .mapToLong(Long::longValue)
                    .sum();
            long byDepth =
                    one.acceptedByDepth().stream().mapToLong(Integer::longValue).sum();
            assertThat(byDepth).isEqualTo(accepted);
            assertThat(one.draftNanos() + one.forwardNanos() + one.verifyNanos())
                    .isBetween(one.decodeNanos() / 3, one.decodeNanos());
        });
        assertThat(measurements.stream().filter(one -> one.method().equals("plain")))
                .allMatch(one -> one.acceptedBySource().isEmpty() && one.rows() == one.steps());
    }

    @Test
    void goesOnWhereItWasStopped() throws Exception {
        Thread runner = Thread.currentThread();
        assertThatThrownBy(() -> run(QUESTIONS, greedy(2), (done, total, description) -> {
                    assertThat(total).isEqualTo(16);
                    if (done == 5) {
                        runner.interrupt();
                    }
                }))
                .isInstanceOf(InterruptedException.class);
        List<JsonNode> before = journal();
        assertThat(before).hasSize(5);
        assertThat(Thread.interrupted()).isFalse();

        List<Long> seen = new ArrayList<>();
        EvaluationResult result = run(QUESTIONS, greedy(2), (done, total, description) -> seen.add(done));

        assertThat(seen.getFirst()).isEqualTo(5);
        assertThat(seen.getLast()).isEqualTo(16);
        assertThat(journal()).hasSize(16).startsWith(before.toArray(JsonNode[]::new));
        assertThat(result.rows(ResultRow.ALL)).allMatch(row -> row.identicalPrompts() == 4);
    }

    @Test
    void finishedRunIsNotMeasuredAgain() throws Exception {
        run(QUESTIONS, greedy(1), EvaluationListener.NONE);
        byte[] before = Files.readAllBytes(folder.resolve("journal.jsonl"));
        List<String> descriptions = new ArrayList<>();

        run(QUESTIONS, greedy(1), (done, total, description) -> descriptions.add(description));

        assertThat(descriptions).containsExactly("done");
        assertThat(Files.readAllBytes(folder.resolve("journal.jsonl"))).isEqualTo(before);
    }

    @Test
    void skipsWhatDoesNotFitTheContext() throws Exception {
        List<Question> questions = List.of(
                new Question("1", "a", List.of("x".repeat(30), "y".repeat(60))),
                new Question("2", "a", List.of("z".repeat(150), "never asked")));

        EvaluationResult result =
                run(questions, options(1, SamplingSettings.greedy(), OptionalInt.of(120)), EvaluationListener.NONE);

        assertThat(result.skipped())
                .extracting(EvaluationResult.SkippedQuestion::question, EvaluationResult.SkippedQuestion::turn)
                .containsExactly(tuple("1", 2), tuple("2", 1));
        assertThat(result.skipped().getFirst().reason()).contains("the context holds 120");
        assertThat(result.rows(ResultRow.ALL)).allMatch(row -> row.prompts() == 1);
    }

    @Test
    void folderEndsWithResults() throws Exception {
        EvaluationOptions options = greedy(1);
        try (ResultsFolder results = ResultsFolder.open(folder, false, settings(QUESTIONS, options), QUESTIONS)) {
            results.write(
                    Evaluation.run(model, QUESTIONS, methods(), options, results, EvaluationListener.NONE), "bita");
            assertThat(results.report()).isRegularFile();
        }

        assertThat(folder.resolve("answers/lookup.jsonl")).isRegularFile();
        assertThat(Files.readAllLines(folder.resolve("answers/plain.jsonl"))).hasSize(3);
        JsonNode json = JsonMapper.shared().readTree(Files.readString(folder.resolve("results.json")));
        assertThat(json.get("identical").asBoolean()).isTrue();
        assertThat(json.get("rows").size()).isEqualTo(6);
        assertThat(json.get("settings").get("max_tokens").asString()).isEqualTo("24");
        assertThatThrownBy(() -> ResultsFolder.check(folder, false))
                .isInstanceOf(FileAlreadyExistsException.class)
                .hasMessageContaining("finished run")
                .hasMessageContaining("--force");
        ResultsFolder.check(folder, true);
        try (ResultsFolder again = ResultsFolder.open(folder, true, settings(QUESTIONS, options), QUESTIONS)) {
            assertThat(again.answersBefore()).isZero();
        }
        assertThat(folder.resolve("results.json")).doesNotExist();
        assertThat(folder.resolve("answers/plain.jsonl")).doesNotExist();
    }

    @Test
    void folderOfOtherFilesIsLeftAlone() throws IOException {
        Files.writeString(folder.resolve("report.md"), "of something else");

        assertThatThrownBy(() -> ResultsFolder.check(folder, false)).hasMessageContaining("other files");
        assertThatThrownBy(() -> ResultsFolder.check(folder.resolve("report.md"), false))
                .isInstanceOf(NotDirectoryException.class);
    }

    @Test
    void nextFolderIsTheOneToGoOnWith() throws Exception {
        RunSettings first = settings(QUESTIONS, greedy(1));
        RunSettings second = settings(QUESTIONS, greedy(2));
        for (RunSettings settings : List.of(first, second, first, second)) {
            try (ResultsFolder results = ResultsFolder.openNext(folder, "eval-", settings, QUESTIONS)) {
                assertThat(results.path().getFileName().toString())
                        .isEqualTo(settings.equals(first) ? "eval-1" : "eval-2");
            }
        }
        try (ResultsFolder results = ResultsFolder.openNext(folder, "eval-", first, QUESTIONS)) {
            results.write(
                    Evaluation.run(model, QUESTIONS, methods(), greedy(1), results, EvaluationListener.NONE), "bita");
        }
        try (ResultsFolder results = ResultsFolder.openNext(folder, "eval-", first, QUESTIONS)) {
            assertThat(results.path()).isEqualTo(folder.resolve("eval-3"));
        }
    }

    @Test
    void refusesCategoryOfTheWhole() {
        Path suite = Path.of("suite.jsonl");

        assertThatThrownBy(() -> Evaluation.check(suite, List.of(new Question("1", "all", List.of("x")))))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("named 'all'");
    }

    @Test
    void settingsTellRunsApart() throws IOException {
        RunSettings settings = settings(QUESTIONS, greedy(1));
        List<Question> others = List.of(
                new Question("1", "a", List.of("first of the first", "second of the firs")),
                QUESTIONS.get(1),
                QUESTIONS.get(2));

        assertThat(settings(QUESTIONS, greedy(1))).isEqualTo(settings);
        assertThat(settings(QUESTIONS, greedy(3)).differencesFrom(settings)).containsExactly("repetitions 1, not 3");
        assertThat(settings(others, greedy(1)).differencesFrom(settings))
                .singleElement()
                .asString()
                .startsWith("questions SHA-256 ");
    }
}
