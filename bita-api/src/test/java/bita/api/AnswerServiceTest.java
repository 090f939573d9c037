package bita.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.decode.NotANumberException;
import bita.model.TalkingModel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A service gives many callers the answers of a session, and keeps them apart. */
@Timeout(60)
class AnswerServiceTest {
    @TempDir
    static Path folder;

    private static LanguageModel model;

    private final ConcurrentLinkedQueue<Throwable> problems = new ConcurrentLinkedQueue<>();
    private AnswerService service = service(2, 2);

    @BeforeAll
    static void load() throws IOException {
        LoadOptions options =
                LoadOptions.automatic().withAdapter(new AdapterChoice.None()).withThreads(2);
        model = LanguageModel.load(TalkingModel.write(folder.resolve("talking.gguf")), options);
    }

    @AfterAll
    static void unload() {
        model.close();
    }

    @AfterEach
    void close() {
        service.close();
    }

    private AnswerService service(int sequences, int waiting) {
        return new AnswerService(model, BatchOptions.of(sequences), waiting, problems::add);
    }

    private static int[] prompt(String text) {
        return model.promptOfText(text);
    }

    /** An answer to come. */
    private static class Heard extends CompletableFuture<Answer> implements BatchListener {
        @Override
        public void finished(Answer answer) {
            complete(answer);
        }

        @Override
        public void failed(NotANumberException problem) {
            completeExceptionally(problem);
        }
    }

    private static Answer alone(String text, int tokens) {
        try (Session session = model.session(SessionOptions.automatic())) {
            return session.generate(
                    prompt(text), GenerationOptions.greedy().withMaxTokens(tokens), AnswerListener.NONE);
        }
    }

    @Test
    void manyCallersGetTheAnswersTheyGetAlone() throws Exception {
        service.close();
        service = service(3, 100);
        List<Heard> heard = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            heard.add(new Heard());
            service.submit(prompt("Question " + i), GenerationOptions.greedy().withMaxTokens(5 + i), heard.getLast());
        }

        for (int i = 0; i < 12; i++) {
            assertThat(heard.get(i).get().tokenIds())
                    .isEqualTo(alone("Question " + i, 5 + i).tokenIds());
        }
        assertThat(problems).isEmpty();
    }

    @Test
    void refusesWhatFindsNoPlaceAndTakesOnOthersLater() throws Exception {
        CountDownLatch hold = new CountDownLatch(1);
        List<Heard> heard = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            heard.add(new Heard() {
                @Override
                public void began(int reusedTokens) {
                    awaitUninterruptibly(hold);
                }
            });
        }
        GenerationOptions few = GenerationOptions.greedy().withMaxTokens(2);
        service.submit(prompt("a"), few, 4, heard::get);

        assertThatThrownBy(() -> service.submit(prompt("b"), few, new Heard()))
                .isInstanceOf(QueueFullException.class)
                .hasMessageContaining("4 places");
        hold.countDown();
        for (Heard one : heard) {
            one.get();
        }
        Heard later = new Heard();
        service.submit(prompt("b"), few, later);
        assertThat(later.get().tokenIds()).hasSize(2);
        assertThat(service.running()).isZero();
        assertThat(service.waiting()).isZero();
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aListenerThatThrowsEndsItsOwnAnswerAlone() throws Exception {
        Heard broken = new Heard() {
            @Override
            public void text(Piece piece) {
                throw new IllegalStateException("broken");
            }
        };
        Heard whole = new Heard();
        GenerationOptions some = GenerationOptions.greedy().withMaxTokens(40);
        service.submit(prompt("a"), some, broken);
        service.submit(prompt("b"), some, whole);

        assertThat(whole.get().tokenIds()).isEqualTo(alone("b", 40).tokenIds());
        assertThat(broken.get().finish()).isEqualTo(Answer.Finish.CANCELLED);
        assertThat(problems)
                .isNotEmpty()
                .allSatisfy(problem -> assertThat(problem).hasMessage("broken"));
    }

    @Test
    void aCancelledAnswerMakesRoom() throws Exception {
        AtomicInteger steps = new AtomicInteger();
        Heard endless = new Heard() {
            @Override
            public void text(Piece piece) {
                steps.incrementAndGet();
            }
        };
        AnswerService.Ticket ticket = service.submit(prompt("a"), GenerationOptions.greedy(), endless);
        while (steps.get() < 3 && !endless.isDone()) {
            Thread.onSpinWait();
        }
        ticket.cancel();

        assertThat(endless.get().finish()).isEqualTo(Answer.Finish.CANCELLED);
        assertThat(service.running()).isZero();
    }

    @Test
    void drainsThenCloses() throws Exception {
        Heard heard = new Heard();
        service.submit(prompt("a"), GenerationOptions.greedy().withMaxTokens(20), heard);

        assertThat(service.drain(Duration.ofSeconds(30))).isTrue();
        assertThat(heard).isCompleted();
        assertThatThrownBy(() -> service.submit(prompt("a"), GenerationOptions.greedy(), new Heard()))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void closingCancelsWhatRuns() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        Heard heard = new Heard() {
            @Override
            public void began(int reusedTokens) {
                begun.countDown();
            }
        };
        service.submit(prompt("a"), GenerationOptions.greedy(), heard);
        awaitUninterruptibly(begun);

        assertThat(service.drain(Duration.ZERO)).isFalse();
        service.close();
        assertThat(heard.get().finish()).isEqualTo(Answer.Finish.CANCELLED);
    }
}
