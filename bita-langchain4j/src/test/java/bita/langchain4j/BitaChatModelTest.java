package bita.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.api.Answer;
import bita.api.AnswerService;
import bita.api.GenerationOptions;
import bita.api.Message;
import bita.decode.LogitAdjustments;
import bita.decode.SamplingSettings;
import bita.model.TalkingModel;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelErrorContext;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelRequestContext;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** LangChain4j's callers get the answers of a session. */
@Timeout(60)
class BitaChatModelTest extends ServedTest {
    private BitaModelBuilder<BitaChatModel> builder() {
        return BitaChatModel.builder(loaded.model, service);
    }

    private static ChatRequest request(String text, ChatRequestParameters parameters) {
        return ChatRequest.builder()
                .messages(UserMessage.from(text))
                .parameters(parameters)
                .build();
    }

    private static BitaChatResponseMetadata metadata(ChatResponse response) {
        return (BitaChatResponseMetadata) response.metadata();
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            Thread.sleep(1);
        }
    }

    @Test
    void answersAreThoseOfASession() throws Exception {
        ChatModel chat = builder()
                .temperature(0.9)
                .topK(40)
                .topP(0.95)
                .seed(11)
                .maxOutputTokens(30)
                .stopSequences(List.of("zz", "xyz"))
                .defaultRequestParameters(BitaChatRequestParameters.builder()
                        .minP(0.01)
                        .repetitionPenalty(1.1)
                        .presencePenalty(0.5)
                        .frequencyPenalty(0.25)
                        .build())
                .build();
        ChatResponse response = chat.chat(
                SystemMessage.from("Be brief."),
                UserMessage.from("Hello"),
                AiMessage.from("Yes?"),
                UserMessage.from(TextContent.from("One."), TextContent.from("Two.")));

        GenerationOptions options = GenerationOptions.of(
                        OptionalInt.of(30), new SamplingSettings(0.9, 40, 0.95, 0.01, 11), List.of("zz", "xyz"))
                .withAdjustments(new LogitAdjustments(LogitAdjustments.NONE.bias(), 0.5, 0.25, 1.1));
        Answer expected = loaded.alone(
                options,
                Message.system("Be brief."),
                Message.user("Hello"),
                Message.assistant("Yes?"),
                Message.user("One.\nTwo."));
        assertThat(response.aiMessage().text()).isEqualTo(expected.text()).isNotEmpty();
        assertThat(response.modelName()).isEqualTo("talking");
        assertThat(response.finishReason().name()).isEqualTo(expected.finish().name());
        assertThat(response.tokenUsage().inputTokenCount())
                .isEqualTo(expected.statistics().promptTokens());
        assertThat(response.tokenUsage().outputTokenCount())
                .isEqualTo(expected.tokenIds().size());
        assertThat(metadata(response).seed()).isEqualTo(11);
        assertThat(metadata(response).statistics().rows()).isPositive();
        assertThat(metadata(response).toBuilder().build()).isEqualTo(metadata(response));
    }

    @Test
    void answersAreGreedyAndAsLongAsTheContextUnlessTold() throws Exception {
        ChatModel chat = builder().stopSequences(List.of("a")).build();

        assertThat(chat.chat("Hello"))
                .isEqualTo(loaded.alone(
                                GenerationOptions.of(OptionalInt.empty(), SamplingSettings.greedy(), List.of("a")),
                                Message.user("Hello"))
                        .text());
    }

    @Test
    void aRequestOverridesWhatTheModelWasBuiltWith() {
        ChatModel chat =
                builder().modelName("small").temperature(1).maxOutputTokens(9).build();
        ChatRequestParameters seeded = BitaChatRequestParameters.builder()
                .seed(5)
                .maxOutputTokens(20)
                .modelName("small")
                .build();
        ChatResponse one = chat.chat(request("Hello", seeded));
        ChatResponse same = chat.chat(request(
                "Hello",
                BitaChatRequestParameters.builder()
                        .overrideWith(seeded)
                        .acceleration(false)
                        .build()));
        ChatResponse other = chat.chat(request(
                "Hello", ChatRequestParameters.builder().temperature(2.0).build()));

        assertThat(one.tokenUsage().outputTokenCount()).isGreaterThan(9);
        assertThat(metadata(one).seed()).isEqualTo(5);
        assertThat(same.aiMessage()).isEqualTo(one.aiMessage());
        assertThat(metadata(same).statistics().draftedTokens()).isZero();
        assertThat(other.tokenUsage().outputTokenCount()).isLessThanOrEqualTo(9);
        assertThat(other.modelName()).isEqualTo("small");
        ChatResponse again = chat.chat(request(
                "Hello",
                BitaChatRequestParameters.builder()
                        .temperature(2.0)
                        .seed(metadata(other).seed())
                        .build()));
        assertThat(again.aiMessage()).isEqualTo(other.aiMessage());
    }

    @Test
    void saysWhenTheLimitEndedTheAnswer() {
        assertThat(builder()
                        .maxOutputTokens(3)
                        .build()
                        .chat(UserMessage.from("Hello"))
                        .finishReason())
                .isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void eightCallersShareOneBatch() throws Exception {
        ChatModel chat = builder().maxOutputTokens(25).build();
        try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<String>> texts = IntStream.range(0, 8)
                    .mapToObj(i -> callers.submit(() -> chat.chat("Question " + i)))
                    .toList();
            for (int i = 0; i < 8; i++) {
                assertThat(texts.get(i).get())
                        .isEqualTo(loaded.alone(
                                        GenerationOptions.greedy().withMaxTokens(25), Message.user("Question " + i))
                                .text());
            }
        }
        assertThat(loaded.problems).isEmpty();
    }

    @Test
    void anInterruptionCancelsTheAnswer() throws Exception {
        ChatModel chat = builder().build();
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        AtomicBoolean interrupted = new AtomicBoolean();
        Thread caller = Thread.startVirtualThread(() -> {
            try {
                chat.chat("Hello");
            } catch (LangChain4jException e) {
                thrown.set(e);
                interrupted.set(Thread.currentThread().isInterrupted());
            }
        });
        await(() -> service.running() == 1);
        caller.interrupt();
        caller.join();

        assertThat(thrown.get()).hasMessageContaining("interruption").hasCauseInstanceOf(InterruptedException.class);
        assertThat(interrupted).isTrue();
        loaded.letStep(service);
        assertThat(service.running()).isZero();
    }

    @Test
    void aFutureIsCompletedAwayFromTheBatchAndCanBeCancelled() throws Exception {
        ChatModel chat = builder().build();
        CompletableFuture<Thread> where = chat.chatAsync(request(
                        "Hello",
                        ChatRequestParameters.builder().maxOutputTokens(40).build()))
                .thenApply(_ -> Thread.currentThread());
        assertThat(where.get().isVirtual() || where.get() == Thread.currentThread())
                .isTrue();

        CompletableFuture<ChatResponse> endless = chat.chatAsync(UserMessage.from("Hello"));
        await(() -> service.running() == 1);
        endless.cancel(true);
        loaded.letStep(service);
        assertThat(service.running()).isZero();
    }

    @Test
    void answersInJson() throws Exception {
        JsonSchema schema = JsonSchema.builder()
                .name("thing")
                .rootElement(JsonObjectSchema.builder()
                        .addBooleanProperty("round")
                        .addEnumProperty("colour", List.of("red", "blue"))
                        .required("round", "colour")
                        .build())
                .build();
        ResponseFormat format = ResponseFormat.builder()
                .type(ResponseFormatType.JSON)
                .jsonSchema(schema)
                .build();
        BitaChatModel chat = builder().temperature(1.0).build();

        String text = chat.chat(ChatRequest.builder()
                        .messages(UserMessage.from("A thing"))
                        .responseFormat(format)
                        .build())
                .aiMessage()
                .text();

        assertThat(text.replaceAll("\\s", "")).matches("\\{\"round\":(true|false),\"colour\":\"(red|blue)\"}");
        assertThat(chat.supportedCapabilities()).containsExactly(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
    }

    static List<Consumer<ChatRequest.Builder>> unsupported() {
        ToolSpecification tool = ToolSpecification.builder().name("look").build();
        List<ChatMessage> image = List.of(UserMessage.from(ImageContent.from("http://localhost/a.png")));
        return List.of(
                r -> r.toolSpecifications(tool),
                r -> r.toolChoice(ToolChoice.REQUIRED),
                r -> r.responseFormat(ResponseFormat.builder()
                        .type(ResponseFormatType.JSON)
                        .jsonSchema(JsonSchema.builder()
                                .name("refused")
                                .rootElement(JsonRawSchema.from("{\"type\": \"string\", \"pattern\": \"x+\"}"))
                                .build())
                        .build()),
                r -> r.messages(image),
                r -> r.messages(UserMessage.from("Ann", "Hello")),
                r -> r.messages(ToolExecutionResultMessage.from("1", "look", "nothing")));
    }

    @ParameterizedTest
    @MethodSource("unsupported")
    void refusesWhatThereIsNot(Consumer<ChatRequest.Builder> feature) {
        ChatRequest.Builder request = ChatRequest.builder().messages(UserMessage.from("Hello"));
        feature.accept(request);

        assertThatThrownBy(() -> builder().build().chat(request.build()))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining("supported");
        assertThat(service.running()).isZero();
    }

    @Test
    void refusesParametersOfAnotherProvider() {
        ChatRequestParameters other = new DefaultChatRequestParameters(DefaultChatRequestParameters.builder()) {};

        assertThatThrownBy(() -> builder().build().chat(request("Hello", other)))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining("BitaChatRequestParameters.builder()");
    }

    @Test
    void saysWhatIsWrongWithARequest() {
        ChatModel chat = builder().build();
        assertThatThrownBy(() -> chat.chat(request(
                        "Hello", ChatRequestParameters.builder().topP(2.0).build())))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("Top-p");
        assertThatThrownBy(() -> chat.chat(request(
                        "Hello",
                        ChatRequestParameters.builder().modelName("gpt-4").build())))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessage("the model here is talking, not gpt-4");
        assertThatThrownBy(() -> chat.chat("x".repeat(TalkingModel.CONTEXT)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("context");
        assertThatThrownBy(() -> chat.chat("x" + TalkingModel.POISON))
                .isExactlyInstanceOf(LangChain4jException.class)
                .hasMessageContaining("NaN");
    }

    @Test
    void aFullServiceIsARateLimitAndAClosedOneAnError() {
        ChatModel chat;
        CompletableFuture<ChatResponse> endless;
        try (AnswerService one = loaded.service(1, 0)) {
            chat = BitaChatModel.builder(loaded.model, one).build();
            endless = chat.chatAsync(UserMessage.from("Hello"));
            assertThatThrownBy(() -> chat.chat("Hello"))
                    .isInstanceOf(RateLimitException.class)
                    .hasMessageContaining("1 places");
        }
        assertThatThrownBy(endless::get).hasRootCauseInstanceOf(InternalServerException.class);
        assertThatThrownBy(() -> chat.chat("Hello")).isInstanceOf(InternalServerException.class);
    }

    @Test
    void listenersHearOfRequestsResponsesAndErrors() {
        List<String> heard = new ArrayList<>();
        ChatModel chat = builder()
                .maxOutputTokens(2)
                .listeners(List.of(new ChatModelListener() {
                    @Override
                    public void onRequest(ChatModelRequestContext context) {
                        heard.add(
                                "request " + context.chatRequest().parameters().maxOutputTokens());
                    }

                    @Override
                    public void onResponse(ChatModelResponseContext context) {
                        heard.add("response " + context.chatResponse().modelName());
                    }

                    @Override
                    public void onError(ChatModelErrorContext context) {
                        heard.add("error " + context.error().getClass().getSimpleName());
                    }
                }))
                .build();
        chat.chat("Hello");
        assertThatThrownBy(() -> chat.chat("x".repeat(TalkingModel.CONTEXT))).isInstanceOf(LangChain4jException.class);

        assertThat(heard)
                .containsExactly("request 2", "response talking", "request 2", "error InvalidRequestException");
    }
}
