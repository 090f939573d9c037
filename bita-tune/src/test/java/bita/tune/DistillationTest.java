package bita.tune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.api.AdapterChoice;
import bita.api.Answer;
import bita.api.AnswerListener;
import bita.api.Batch;
import bita.api.BatchListener;
import bita.api.BatchOptions;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.Message;
import bita.api.Session;
import bita.api.SessionOptions;
import bita.decode.Method;
import bita.decode.NotANumberException;
import bita.decode.SamplingSettings;
import bita.model.TalkingModel;
import bita.model.template.TemplateException;
import bita.tune.data.AnswerFile;
import bita.tune.data.AnswerOrigin;
import bita.tune.data.AnsweredTurn;
import bita.tune.data.Question;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DistillationTest {
    static final String SHA256 = "0123456789abcdef".repeat(4);
    static final int COUNT = 25;

    private static final int MAX_TOKENS = 24;

    @TempDir
    static Path home;

    private static Path modelFile;
    private static LanguageModel model;
    private static Map<String, AnsweredTurn> expected;

    @TempDir
    Path folder;

    private Path output;

    @BeforeAll
    static void distilOnce() throws Exception {
        modelFile = TalkingModel.write(home.resolve("talking.gguf"));
        model = LanguageModel.load(
                modelFile,
                LoadOptions.automatic().withAdapter(new AdapterChoice.None()).withThreads(2));
        Path file = home.resolve("expected.jsonl");
        DistillationResult result = run(file, COUNT, settings(16), DistillationListener.NONE);
        expected = answers(file, SamplingSettings.greedy());
        assertThat(expected).hasSize(COUNT);
        assertThat(result.answers()).isEqualTo(COUNT);
        assertThat(result.answersBefore()).isZero();
        assertThat(result.kept()).isEqualTo(COUNT);
        long dropped = result.dropped().values().stream().mapToLong(n -> n).sum();
        assertThat(dropped).isPositive();
        assertThat(result.asked()).isEqualTo((int) (COUNT + dropped));
        assertThat(result.tokens())
                .isGreaterThan(expected.values().stream()
                        .mapToLong(a -> a.answerTokenIds().size())
                        .sum());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @BeforeEach
    void choose() {
        output = folder.resolve("answers.jsonl");
    }

    static DistillationSettings settings(int sequences) {
        return new DistillationSettings(MAX_TOKENS, 0, 3, sequences);
    }

    private static DistillationResult run(
            Path file, int count, DistillationSettings settings, DistillationListener listener)
            throws IOException, TemplateException, InterruptedException {
        return Distillation.run(model, SHA256, file, new QuestionSource.SelfAsked(count), settings, listener);
    }

    private static Map<String, AnsweredTurn> answers(Path path, SamplingSettings sampling) throws IOException {
        Map<String, AnsweredTurn> answers = new TreeMap<>();
        try (AnswerFile file = AnswerFile.open(path, new AnswerOrigin(SHA256, sampling))) {
            assertThat(file.duplicates()).isZero();
            assertThat(file.brokenBytes()).isZero();
            file.forEach(answer -> answers.put(answer.id() + " " + answer.turn(), answer));
        }
        return answers;
    }

    private static Answer alone(List<Message> messages, DistillationSettings settings) throws TemplateException {
        try (Session session = model.session(SessionOptions.automatic().withMethod(new Method.Plain()))) {
            GenerationOptions options =
                    GenerationOptions.of(OptionalInt.of(settings.maxTokens()), settings.answering(), List.of());
            return session.generate(model.prompt(messages), options, AnswerListener.NONE);
        }
    }

    private static void assertIsAnswer(AnsweredTurn turn, DistillationSettings settings) throws TemplateException {
        Answer answer = alone(turn.messages(), settings);
        assertThat(turn.answerTokenIds()).isEqualTo(answer.tokenIds());
        assertThat(turn.text()).isEqualTo(answer.text());
        assertThat(turn.finish()).isEqualTo(answer.finish());
        assertThat(turn.promptTokenIds().stream().mapToInt(Integer::intValue).toArray())
                .isEqualTo(model.prompt(turn.messages()));
    }

    @Test
    void answersAreTheModelsOwn() throws TemplateException {
        for (AnsweredTurn turn : expected.values()) {
            assertIsAnswer(turn, settings(1));
        }
    }

    /** A question is what the model says behind the opening of a user's turn, sampled with the candidate's number. */
    @Test
    void questionsAreTheModelsOwn() throws Exception {
        GenerationOptions options =
                GenerationOptions.of(OptionalInt.of(192), new SamplingSettings(1, 0, 1, 0, 3), List.of());
        int[] opening = model.tokenizer().encode("<|im_start|>user\n", true);
        for (AnsweredTurn turn : expected.values()) {
            List<String> said = new ArrayList<>();
            try (Batch batch = model.batch(BatchOptions.of(1))) {
                int number = Integer.parseInt(turn.id().substring("self-3-".length()));
                batch.submit(opening, options, number, new BatchListener() {
                    @Override
                    public void finished(Answer answer) {
                        said.add(answer.text());
                    }

                    @Override
                    public void failed(NotANumberException problem) {
                        throw problem;
                    }
                });
                boolean more = true;
                while (more) {
                    more = batch.step();
                }
            }
            assertThat(said.getFirst().strip())
                    .isEqualTo(turn.messages().getFirst().content());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 64})
    void theBatchDoesNotMatter(int sequences) throws Exception {
        List<Integer> progress = new ArrayList<>();
        run(output, COUNT, settings(sequences), new DistillationListener() {
            @Override
            public void progress(int answers, int total, long tokens) {
                assertThat(total).isEqualTo(COUNT);
                progress.add(answers);
            }
        });
        assertThat(answers(output, SamplingSettings.greedy())).isEqualTo(expected);
        assertThat(progress).isSorted().first().isEqualTo(0);
        assertThat(progress.getLast()).isEqualTo(COUNT);
    }

    /** Stopped again and again, behind every step at which an answer was finished. */
    @Test
    void goesOnAfterAnInterruption() throws Exception {
        int runs = 0;
        boolean complete = false;
        while (!complete) {
            int before = Files.exists(output)
                    ? answers(output, SamplingSettings.greedy()).size()
                    : 0;
            try {
                DistillationResult result = run(output, COUNT, settings(4 + runs % 5), new DistillationListener() {
                    @Override
                    public void progress(int answers, int total, long tokens) {
                        if (answers > before && answers < COUNT) {
                            Thread.currentThread().interrupt();
                        }
                    }
                });
                assertThat(result.answersBefore()).isEqualTo(before);
                assertThat(result.answers()).isEqualTo(COUNT - before);
                complete = true;
            } catch (InterruptedException e) {
                assertThat(answers(output, SamplingSettings.greedy())).hasSizeGreaterThan(before);
            }
            runs++;
        }
        assertThat(runs).isGreaterThan(5);
        assertThat(answers(output, SamplingSettings.greedy())).isEqualTo(expected);
        DistillationResult again = run(output, COUNT, settings(8), DistillationListener.NONE);
        assertThat(again.answers()).isZero();
        assertThat(again.answersBefore()).isEqualTo(COUNT);
        assertThat(again.kept()).isEqualTo(COUNT);
    }

    @Test
    void losesNoFinishedAnswerWhenKilled() throws Exception {
        int known = 0;
        for (int round = 0; round < 3; round++) {
            Process process = DistillationProcess.start(modelFile, output);
            try (BufferedReader lines = process.inputReader()) {
                int enough = known + 3 + 2 * round;
                String line = lines.readLine();
                while (line != null && Integer.parseInt(line) < enough) {
                    line = lines.readLine();
                }
                // The handle: the process itself would close its output, of which not all is read.
                process.toHandle().destroyForcibly();
                process.waitFor();
                for (; line != null; line = lines.readLine()) {
                    known = Integer.parseInt(line);
                }
            } finally {
                process.destroyForcibly();
            }
            assertThat(known).as("answers in round %d", round).isBetween(1, COUNT - 1);
        }
        DistillationResult result = run(output, COUNT, settings(8), DistillationListener.NONE);
        assertThat(result.answersBefore()).isGreaterThanOrEqualTo(known);
        assertThat(answers(output, SamplingSettings.greedy())).isEqualTo(expected);
        assertThat(Files.readAllLines(output)).hasSize(COUNT);
    }

    @Test
    void asksMoreWhenMoreAreWanted() throws Exception {
        run(output, 10, settings(8), DistillationListener.NONE);
        assertThat(answers(output, SamplingSettings.greedy())).hasSize(10);
        DistillationResult result = run(output, COUNT, settings(8), DistillationListener.NONE);
        assertThat(result.answersBefore()).isEqualTo(10);
        assertThat(answers(output, SamplingSettings.greedy())).isEqualTo(expected);
    }

    @Test
    void samplesAnswersWithATemperature() throws Exception {
        DistillationSettings warm = new DistillationSettings(MAX_TOKENS, 1, 3, 8);
        run(output, 12, warm, DistillationListener.NONE);
        Map<String, AnsweredTurn> sampled = answers(output, warm.answering());
        assertThat(sampled.keySet()).isSubsetOf(expected.keySet()); // the same questions
        assertThat(sampled.values()).doesNotContainAnyElementsOf(expected.values());
        for (AnsweredTurn turn : sampled.values()) {
            assertIsAnswer(turn, warm);
        }
        assertThat(sampled.values())
                .extracting(AnsweredTurn::finish)
                .contains(Answer.Finish.STOP, Answer.Finish.LENGTH);
        assertThatThrownBy(() -> run(output, 5, settings(8), DistillationListener.NONE))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("made with other settings (temperature 1.0");
    }

    @Test
    void answersGivenQuestionsTurnByTurn() throws Exception {
        List<Question> questions = List.of(
                new Question("one", Optional.empty(), List.of("How are you?")),
                new Question("three", Optional.of("Be short."), List.of("First?", "Second?", "Third?")),
                new Question("long", Optional.empty(), List.of("Fits.", "x".repeat(TalkingModel.CONTEXT))),
                new Question("nan", Optional.empty(), List.of("Ring " + TalkingModel.POISON)),
                new Question("two", Optional.empty(), List.of("Then?", "And then?")));
        QuestionSource source = new QuestionSource.Given(questions);
        List<String> skipped = new ArrayList<>();
        List<Integer> progress = new ArrayList<>();
        DistillationListener listener = new DistillationListener() {
            @Override
            public void progress(int answers, int total, long tokens) {
                assertThat(total).isEqualTo(9);
                progress.add(answers);
            }

            @Override
            public void skipped(String question, String reason) {
                skipped.add(question + ": " + reason);
            }
        };
        DistillationResult result = Distillation.run(model, SHA256, output, source, settings(3), listener);

        Map<String, AnsweredTurn> answers = answers(output, SamplingSettings.greedy());
        assertThat(answers.keySet())
                .containsExactly("long 1", "one 1", "three 1", "three 2", "three 3", "two 1", "two 2");
        for (AnsweredTurn turn : answers.values()) {
            assertIsAnswer(turn, settings(1));
        }
        AnsweredTurn third = Objects.requireNonNull(answers.get("three 3"));
        AnsweredTurn second = Objects.requireNonNull(answers.get("three 2"));
        assertThat(third.messages()).hasSize(6).contains(Message.system("Be short."), Message.assistant(second.text()));
        assertThat(skipped).hasSize(2).anyMatch(s -> s.startsWith("long: the prompt has"));
        assertThat(skipped).anyMatch(s -> s.startsWith("nan: The model produced NaN"));
        assertThat(result.answers()).isEqualTo(7);
        assertThat(result.skipped()).isEqualTo(2);
        assertThat(result.failed()).isEqualTo(1);
        assertThat(result.asked()).isZero();
        assertThat(progress).isSorted();
        assertThat(progress.getLast()).isEqualTo(9);

        DistillationResult again =
                Distillation.run(model, SHA256, output, source, settings(3), DistillationListener.NONE);
        assertThat(again.answersBefore()).isEqualTo(7);
        assertThat(again.answers()).isZero();
        assertThat(answers(output, SamplingSettings.greedy())).isEqualTo(answers);
        QuestionSource changed =
                new QuestionSource.Given(List.of(new Question("one", Optional.empty(), List.of("How is it?"))));
        assertThatThrownBy(
                        () -> Distillation.run(model, SHA256, output, changed, settings(3), DistillationListener.NONE))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("the questions have changed");
    }

    @Test
    void refusesBadSettings() {
        assertThatThrownBy(() -> new DistillationSettings(0, 0, 0, 1)).hasMessageContaining("at least one token");
        assertThatThrownBy(() -> new DistillationSettings(1, -1, 0, 1)).hasMessageContaining("temperature");
        assertThatThrownBy(() -> new DistillationSettings(1, 0, 0, 0)).hasMessageContaining("1 to 1024");
        assertThatThrownBy(() -> new QuestionSource.SelfAsked(0)).hasMessageContaining("at least one question");
        assertThat(DistillationSettings.automaticSequences(model.config(), 100)).isBetween(1, 64);
    }
}
