package bita.langchain4j;

import bita.api.AnswerService;
import bita.api.LanguageModel;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.List;
import java.util.Set;

/**
 * As {@link BitaChatModel}, with the text as it comes. They are two classes because LangChain4j's interfaces have methods
 * that one class cannot have both.
 *
 * <p>A handler is called by a virtual thread of its own answer, so that it may block: the other answers do not wait for it.
 * What it throws is handed to its {@code onError}, and the stream goes on, as with LangChain4j's other models. After
 * {@link dev.langchain4j.model.chat.response.StreamingHandle#cancel} it is not called again.
 *
 * <p>A request that asks for what there is not is refused by the call. What comes later, a full queue included, the handler
 * hears.
 */
public final class BitaStreamingChatModel implements StreamingChatModel {
    private final Requests requests;

    private BitaStreamingChatModel(Requests requests) {
        this.requests = requests;
    }

    /** Settings of a new one. */
    public static BitaModelBuilder<BitaStreamingChatModel> builder(LanguageModel model, AnswerService service) {
        return new BitaModelBuilder<>(model, service, BitaStreamingChatModel::new);
    }

    @Override
    public void doChat(ChatRequest chatRequest, StreamingChatResponseHandler handler) {
        Request request = requests.read(chatRequest);
        StreamedAnswer answer = new StreamedAnswer(handler, whole -> requests.response(request, whole));
        AnswerService.Ticket ticket;
        try {
            ticket = requests.submit(request, answer);
        } catch (LangChain4jException e) {
            InternalStreamingChatResponseHandlerUtils.withLoggingExceptions(() -> handler.onError(e));
            return;
        }
        Thread.startVirtualThread(() -> answer.tell(ticket));
    }

    /** JSON by a schema is always exact. */
    @Override
    public Set<Capability> supportedCapabilities() {
        return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
    }

    @Override
    public ChatRequestParameters defaultRequestParameters() {
        return requests.defaults();
    }

    @Override
    public List<ChatModelListener> listeners() {
        return requests.listeners();
    }
}
