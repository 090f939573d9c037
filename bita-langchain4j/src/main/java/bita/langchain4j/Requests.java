package bita.langchain4j;

import bita.api.Answer;
import bita.api.AnswerService;
import bita.api.BatchListener;
import bita.api.ContextOverflowException;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.Message;
import bita.api.QueueFullException;
import bita.api.json.JsonFormat;
import bita.api.json.JsonSchemaException;
import bita.decode.LogitAdjustments;
import bita.decode.SamplingSettings;
import bita.model.template.TemplateException;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import tools.jackson.databind.json.JsonMapper;

/** LangChain4j's requests and responses in this project's terms. */
final class Requests {
    private final LanguageModel model;
    private final AnswerService service;
    private final BitaChatRequestParameters defaults;
    private final List<ChatModelListener> listeners;

    Requests(
            LanguageModel model,
            AnswerService service,
            BitaChatRequestParameters defaults,
            List<ChatModelListener> listeners) {
        this.model = model;
        this.service = service;
        this.defaults = defaults;
        this.listeners = List.copyOf(listeners);
    }

    ChatRequestParameters defaults() {
        return defaults;
    }

    List<ChatModelListener> listeners() {
        return listeners;
    }

    /**
     * Reads a request whose parameters have been completed by {@link #defaults}.
     *
     * @throws UnsupportedFeatureException if it asks for something that there is not
     * @throws ModelNotFoundException if it asks for another model
     * @throws InvalidRequestException if a value is out of range, or the model's template refuses the messages
     */
    Request read(ChatRequest request) {
        BitaChatRequestParameters parameters = BitaChatRequestParameters.builder()
                .overrideWith(request.parameters())
                .build();
        if (!parameters.modelName().equals(defaults.modelName())) {
            throw new ModelNotFoundException(
                    "the model here is " + defaults.modelName() + ", not " + parameters.modelName());
        }
        if (!parameters.toolSpecifications().isEmpty()) {
            throw new UnsupportedFeatureException("tools are not supported");
        }
        if (Optional.ofNullable(parameters.toolChoice()).orElse(ToolChoice.AUTO) == ToolChoice.REQUIRED) {
            throw new UnsupportedFeatureException("tools are not supported, and so cannot be required");
        }
        List<Message> messages =
                request.messages().stream().map(Requests::message).toList();
        try {
            GenerationOptions options = options(parameters);
            return new Request(model.prompt(messages), options);
        } catch (IllegalArgumentException | TemplateException e) {
            throw new InvalidRequestException(e);
        }
    }

    private static Message message(ChatMessage message) {
        return switch (message) {
            case SystemMessage system -> Message.system(system.text());
            case UserMessage user -> Message.user(text(user));
            case AiMessage ai
            when !ai.hasToolExecutionRequests() ->
                Message.assistant(Optional.ofNullable(ai.text()).orElse(""));
            default ->
                throw new UnsupportedFeatureException("messages of type " + message.type()
                        + ", and those that ask for tools, are not supported: only text of the system, the user and the"
                        + " model is");
        };
    }

    private static String text(UserMessage message) {
        if (message.name() != null) {
            throw new UnsupportedFeatureException("names of users are not supported");
        }
        return message.contents().stream().map(Requests::text).collect(Collectors.joining("\n"));
    }

    private static String text(Content content) {
        if (content instanceof TextContent text) {
            return text.text();
        }
        throw new UnsupportedFeatureException(
                "contents of type " + content.type() + " are not supported: only text is");
    }

    private static GenerationOptions options(BitaChatRequestParameters parameters) {
        SamplingSettings sampling = new SamplingSettings(
                Optional.ofNullable(parameters.temperature()).orElse(0.0),
                Optional.ofNullable(parameters.topK()).orElse(0),
                Optional.ofNullable(parameters.topP()).orElse(1.0),
                parameters.minP().orElse(0),
                parameters.seed().orElseGet(() -> ThreadLocalRandom.current().nextLong()));
        LogitAdjustments adjustments = new LogitAdjustments(
                LogitAdjustments.NONE.bias(),
                Optional.ofNullable(parameters.presencePenalty()).orElse(0.0),
                Optional.ofNullable(parameters.frequencyPenalty()).orElse(0.0),
                parameters.repetitionPenalty().orElse(1));
        OptionalInt most = Optional.ofNullable(parameters.maxOutputTokens()).stream()
                .mapToInt(Integer::intValue)
                .findFirst();
        GenerationOptions options =
                GenerationOptions.of(most, sampling, parameters.stopSequences()).withAdjustments(adjustments);
        return format(
                Optional.ofNullable(parameters.responseFormat()),
                parameters.acceleration().orElse(true) ? options : options.withoutDrafting());
    }

    /**
     * The options with the format that is asked for.
     *
     * @throws UnsupportedFeatureException if its schema asks for something that cannot be heeded
     */
    private static GenerationOptions format(Optional<ResponseFormat> format, GenerationOptions options) {
        if (format.isEmpty() || format.get().type() != ResponseFormatType.JSON) {
            return options;
        }
        JsonSchema schema = format.get().jsonSchema();
        if (schema == null) {
            return options.withFormat(JsonFormat.anyObject());
        }
        Map<String, Object> map = JsonSchemaElementUtils.toMap(schema.rootElement());
        try {
            return options.withFormat(JsonFormat.schema(JsonMapper.shared().writeValueAsString(map)));
        } catch (JsonSchemaException e) {
            throw new UnsupportedFeatureException("the schema cannot be used: " + e.getMessage());
        }
    }

    /**
     * Asks the service for the answer.
     *
     * @throws RateLimitException if too many wait
     * @throws InvalidRequestException if the prompt leaves no room for an answer
     * @throws InternalServerException if the service is being closed
     */
    AnswerService.Ticket submit(Request request, BatchListener listener) {
        try {
            return service.submit(request.prompt, request.options, listener);
        } catch (QueueFullException e) {
            throw new RateLimitException(e);
        } catch (ContextOverflowException | IllegalArgumentException e) {
            throw new InvalidRequestException(e);
        } catch (IllegalStateException e) {
            throw new InternalServerException(e);
        }
    }

    /** For an answer that was cancelled by the service. */
    static LangChain4jException cancelled() {
        return new InternalServerException(
                "the answer was cancelled: its service was closed, or had no memory left for it");
    }

    ChatResponse response(Request request, Answer answer) {
        Answer.Statistics statistics = answer.statistics();
        BitaChatResponseMetadata metadata = BitaChatResponseMetadata.builder()
                .modelName(defaults.modelName())
                .tokenUsage(new TokenUsage(statistics.promptTokens(), statistics.completionTokens()))
                .finishReason(answer.finish() == Answer.Finish.STOP ? FinishReason.STOP : FinishReason.LENGTH)
                .statistics(statistics)
                .seed(request.options.sampling().seed())
                .build();
        return ChatResponse.builder()
                .aiMessage(AiMessage.from(answer.text()))
                .metadata(metadata)
                .build();
    }
}
