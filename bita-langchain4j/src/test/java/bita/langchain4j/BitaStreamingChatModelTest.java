package bita.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.api.Answer;
import bita.api.AnswerService;
import bita.api.GenerationOptions;
import bita.api.Message;
import bita.decode.SamplingSettings;
import bita.model.TalkingModel;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Streams are the answers of a session, in order, and wait for nobody else's handler. */
@Timeout(60)
class BitaStreamingChatModelTest extends ServedTest {
    /** Keeps what it hears. */
    private static class Heard extends CompletableFuture<ChatResponse> implements StreamingChatResponseHandler {
        final ConcurrentLinkedQueue<String> pieces = new ConcurrentLinkedQueue<>();
        final AtomicInteger ends = new AtomicInteger();

        @Override
        public void onPartialResponse(String piece) {
            pieces.add(piece);
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
            ends.incrementAndGet();
            complete(response);
        }

        @Override
        public void onError(Throwable error) {
            ends.incrementAndGet();
            completeExceptionally(error);
        }

        String text() throws ExecutionException, InterruptedException {
            String text = get().aiMessage().text();
            assertThat(String.join("", pieces)).isEqualTo(text);
            assertThat(pieces).doesNotContain("");
            return text;
        }
    }

    private StreamingChatModel model(int tokens) {
        return BitaStreamingChatModel.builder(loaded.model, service)
                .temperature(1)
                .seed(3)
                .maxOutputTokens(tokens)
                .build();
    }

    private static Answer alone(String text, int tokens) throws Exception {
        return loaded.alone(
                GenerationOptions.of(OptionalInt.of(tokens), new SamplingSettings(1, 0, 1, 0, 3), List.of()),
                Message.user(text));
    }

    @Test
    void eightStreamsAreTheAnswersOfASession() throws Exception {
        List<Heard> heard = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            heard.add(new Heard());
            model(10 + 5 * i).chat("Question " + i, heard.getLast());
        }
        for (int i = 0; i < 8; i++) {
            Answer expected = alone("Question " + i, 10 + 5 * i);
            assertThat(heard.get(i).text()).isEqualTo(expected.text());
            assertThat(heard.get(i).get().tokenUsage().outputTokenCount())
                    .isEqualTo(expected.tokenIds().size());
            assertThat(heard.get(i).get().finishReason().name())
                    .isEqualTo(expected.finish().name());
            assertThat(heard.get(i).ends).hasValue(1);
        }
        assertThat(loaded.problems).isEmpty();
    }

    @Test
    void aHandlerThatBlocksHoldsUpNobodyElse() throws Exception {
        CountDownLatch hold = new CountDownLatch(1);
        Heard slow = new Heard() {
            @Override
            public void onPartialResponse(String piece) {
                super.onPartialResponse(piece);
                try {
                    hold.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
        };
        Heard quick = new Heard();
        model(20).chat("Slow", slow);
        model(20).chat("Quick", quick);

        assertThat(quick.text()).isEqualTo(alone("Quick", 20).text());
        assertThat(slow).isNotDone();
        hold.countDown();
        assertThat(slow.text()).isEqualTo(alone("Slow", 20).text());
    }

    @Test
    void aHandlerCanCancel() throws Exception {
        CompletableFuture<Boolean> cancelled = new CompletableFuture<>();
        Heard heard = new Heard() {
            @Override
            public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
                super.onPartialResponse(piece, context);
                if (pieces.size() == 3) {
                    context.streamingHandle().cancel();
                    cancelled.complete(context.streamingHandle().isCancelled());
                }
            }
        };
        BitaStreamingChatModel.builder(loaded.model, service).build().chat("Hello", heard);

        assertThat(cancelled.get()).isTrue();
        loaded.letStep(service);
        assertThat(service.running()).isZero();
        assertThat(heard.pieces).hasSize(3);
        assertThat(heard.ends).hasValue(0);
    }

    @Test
    void aHandlerHearsWhatItHasThrownAndTheRest() throws Exception {
        ConcurrentLinkedQueue<Throwable> errors = new ConcurrentLinkedQueue<>();
        Heard heard = new Heard() {
            @Override
            public void onPartialResponse(String piece) {
                super.onPartialResponse(piece);
                if (pieces.size() == 2) {
                    throw new IllegalStateException("broken");
                }
            }

            @Override
            public void onError(Throwable error) {
                errors.add(error);
            }
        };
        model(20).chat("Hello", heard);

        assertThat(heard.text()).isEqualTo(alone("Hello", 20).text());
        assertThat(errors).singleElement().isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aHandlerHearsWhatTheServiceRefuses() {
        Heard endless = new Heard();
        Heard refused = new Heard();
        try (AnswerService one = loaded.service(1, 0)) {
            StreamingChatModel model =
                    BitaStreamingChatModel.builder(loaded.model, one).build();
            model.chat("Hello", endless);
            model.chat("Hello", refused);
        }
        assertThatThrownBy(refused::get).hasCauseInstanceOf(RateLimitException.class);
        assertThatThrownBy(endless::get).hasCauseInstanceOf(InternalServerException.class);
        Heard tooLong = new Heard();
        model(1).chat("x".repeat(TalkingModel.CONTEXT), tooLong);
        assertThatThrownBy(tooLong::get).hasCauseInstanceOf(InvalidRequestException.class);
        Heard bad = new Heard();
        model(5).chat("x" + TalkingModel.POISON, bad);
        assertThatThrownBy(bad::get).hasMessageContaining("NaN");
    }

    @Test
    void refusesWhatThereIsNotAtOnce() {
        ChatRequest tools = ChatRequest.builder()
                .messages(UserMessage.from("Hello"))
                .toolChoice(ToolChoice.REQUIRED)
                .build();

        assertThatThrownBy(() -> model(5).chat(tools, new Heard())).isInstanceOf(UnsupportedFeatureException.class);
    }
}
