package bita.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.decode.BatchDecoder;
import bita.decode.LogitAdjustments;
import bita.decode.Method;
import bita.decode.NotANumberException;
import bita.decode.SamplingSettings;
import bita.decode.TokenLogprobs;
import bita.model.TalkingModel;
import bita.model.template.TemplateException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A batch gives the answers of a session. */
class BatchTest {
    @TempDir
    static Path folder;

    private static LanguageModel model;

    @BeforeAll
    static void load() throws IOException {
        LoadOptions options =
                LoadOptions.automatic().withAdapter(new AdapterChoice.None()).withThreads(2);
        model = LanguageModel.load(TalkingModel.write(folder.resolve("talking.gguf")), options);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static int[] prompt(String text) throws TemplateException {
        return model.prompt(List.of(Message.user(text)));
    }

    private static final class Heard implements BatchListener {
        final StringBuilder pieces = new StringBuilder();
        final List<TokenLogprobs> logprobs = new ArrayList<>();
        Optional<Answer> answer = Optional.empty();
        Optional<NotANumberException> problem = Optional.empty();

        @Override
        public void text(Piece piece) {
            pieces.append(piece.text());
        }

        @Override
        public void logprobs(TokenLogprobs found) {
            logprobs.add(found);
        }

        @Override
        public void finished(Answer found) {
            assertThat(answer).isEmpty();
            answer = Optional.of(found);
        }

        @Override
        public void failed(NotANumberException found) {
            problem = Optional.of(found);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "automaton+recycling"})
    void answersAreThoseOfASession(String method) throws TemplateException {
        List<GenerationOptions> options = new ArrayList<>();
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            SamplingSettings sampling =
                    i % 3 == 0 ? SamplingSettings.greedy() : new SamplingSettings(1, 0, 1, 0, 100 + i);
            List<String> stop = i % 4 == 1 ? List.of("a", "no such text") : List.of();
            GenerationOptions usual = GenerationOptions.of(OptionalInt.of(1 + i * 2), sampling, stop);
            options.add(
                    switch (i % 5) {
                        case 1 -> usual.withAdjustments(new LogitAdjustments(Map.of(7, 2f), 0.5, 0.5, 1.3));
                        case 2 -> usual.withLogprobs(3);
                        case 3 -> usual.withoutDrafting();
                        default -> usual;
                    });
            prompts.add(prompt("Question " + i));
        }
        List<Heard> heard = new ArrayList<>();
        boolean plain = method.equals("plain");
        try (Batch batch = model.batch(BatchOptions.of(5).withMethod(Method.parse(method)));
                Session session = model.session(SessionOptions.automatic().withMethod(new Method.Plain()))) {
            for (int i = 0; i < options.size(); i++) {
                heard.add(new Heard());
                batch.submit(prompts.get(i), options.get(i), 0, heard.get(i));
            }
            boolean more = true;
            while (more) {
                more = batch.step();
            }
            long tokens = 0;
            for (int i = 0; i < options.size(); i++) {
                Answer expected = session.generate(prompts.get(i), options.get(i), AnswerListener.NONE);
                Answer answer = heard.get(i).answer.orElseThrow();
                assertThat(answer.tokenIds()).as("answer %d", i).isEqualTo(expected.tokenIds());
                assertThat(answer.text())
                        .isEqualTo(expected.text())
                        .isEqualTo(heard.get(i).pieces.toString());
                assertThat(answer.finish()).isEqualTo(expected.finish());
                assertThat(answer.logprobs()).isEqualTo(expected.logprobs()).isEqualTo(heard.get(i).logprobs);
                assertThat(answer.logprobs())
                        .extracting(TokenLogprobs::token)
                        .isEqualTo(options.get(i).logprobs().isPresent() ? answer.tokenIds() : List.of());
                if (plain) {
                    assertThat(answer.statistics().steps())
                            .isEqualTo(expected.statistics().steps());
                    assertThat(answer.statistics().rows())
                            .isEqualTo(expected.statistics().rows());
                }
                assertThat(answer.statistics().rows())
                        .isEqualTo(answer.statistics().draftedTokens()
                                + answer.statistics().steps());
                tokens += answer.tokenIds().size();
            }
            assertThat(batch.tokens()).isEqualTo(tokens);
            assertThat(heard)
                    .extracting(h -> h.answer.orElseThrow().finish())
                    .contains(Answer.Finish.STOP, Answer.Finish.LENGTH);
        }
    }

    /** The next turn of a conversation is read from where the last one ended. */
    @Test
    void aConversationGoesOn() throws TemplateException {
        try (Batch batch = model.batch(BatchOptions.of(2).withKept(2));
                Session session = model.session(SessionOptions.automatic())) {
            int[] prompt = prompt("Hello");
            int reused = 0;
            for (int turn = 0; turn < 3; turn++) {
                Heard heard = new Heard();
                batch.submit(prompt, GenerationOptions.greedy().withMaxTokens(12), 0, heard);
                boolean more = true;
                while (more) {
                    more = batch.step();
                }
                Answer answer = heard.answer.orElseThrow();
                Answer expected =
                        session.generate(prompt, GenerationOptions.greedy().withMaxTokens(12), AnswerListener.NONE);
                assertThat(answer.tokenIds()).isEqualTo(expected.tokenIds());
                assertThat(answer.statistics().reusedTokens())
                        .isEqualTo(reused)
                        .isEqualTo(expected.statistics().reusedTokens());
                reused = prompt.length + answer.tokenIds().size() - 1;
                prompt = IntStream.concat(
                                Arrays.stream(prompt),
                                IntStream.concat(
                                        answer.tokenIds().stream().mapToInt(Integer::intValue),
                                        Arrays.stream(prompt("And then?"))))
                        .toArray();
            }
        }
    }

    @Test
    void aSessionCanDoWithoutDraftsToo() throws TemplateException {
        SessionOptions drafting = SessionOptions.automatic().withMethod(Method.parse("recycling"));
        GenerationOptions options = GenerationOptions.greedy().withMaxTokens(40);
        try (Session session = model.session(drafting)) {
            Answer usual = session.generate(prompt("Hello"), options, AnswerListener.NONE);
            session.forget();
            Answer plain = session.generate(prompt("Hello"), options.withoutDrafting(), AnswerListener.NONE);
            assertThat(plain.tokenIds()).isEqualTo(usual.tokenIds());
            assertThat(usual.statistics().draftedTokens()).isPositive();
            assertThat(plain.statistics().draftedTokens()).isZero();
            assertThat(plain.statistics().rowsPerStep()).isEqualTo(1);
        }
    }

    @Test
    void choicesDiffer() throws TemplateException {
        GenerationOptions options =
                GenerationOptions.of(OptionalInt.of(30), new SamplingSettings(1, 0, 1, 0, 5), List.of());
        try (Batch batch = model.batch(BatchOptions.of(2))) {
            Heard first = new Heard();
            Heard second = new Heard();
            batch.submit(prompt("Hello"), options, 0, first);
            batch.submit(prompt("Hello"), options, 1, second);
            boolean more = true;
            while (more) {
                more = batch.step();
            }
            assertThat(first.pieces.toString()).isNotEqualTo(second.pieces.toString());
        }
    }

    @Test
    void tellsWhatCannotBeAnswered() throws TemplateException {
        try (Batch batch = model.batch(BatchOptions.of(2))) {
            Heard bad = new Heard();
            Heard cancelled = new Heard();
            batch.submit(prompt("x" + TalkingModel.POISON), GenerationOptions.greedy(), 0, bad);
            BatchDecoder.Ticket ticket = batch.submit(prompt("x"), GenerationOptions.greedy(), 0, cancelled);
            batch.step();
            ticket.cancel();
            assertThat(batch.step()).isFalse();
            assertThat(bad.problem).get().asString().contains("NaN");
            assertThat(cancelled.answer).map(Answer::finish).contains(Answer.Finish.CANCELLED);
            int[] full = prompt("x".repeat(TalkingModel.CONTEXT));
            assertThatThrownBy(() -> batch.submit(full, GenerationOptions.greedy(), 0, bad))
                    .isInstanceOf(ContextOverflowException.class);
        }
        BatchOptions larger = BatchOptions.of(1).withContext(TalkingModel.CONTEXT + 1);
        assertThatThrownBy(() -> model.batch(larger))
                .hasMessageContaining("trained for a context of " + TalkingModel.CONTEXT);
    }
}
