package bita.langchain4j;

import bita.api.Answer;
import bita.api.AnswerService;
import bita.api.BatchListener;
import bita.api.LanguageModel;
import bita.decode.NotANumberException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * LangChain4j's chat model over an {@link AnswerService}: callers of any number share one batch and one loaded model, as
 * do several models with other settings, streaming ones ({@link BitaStreamingChatModel}) among them.
 *
 * <pre>{@code
 * try (LanguageModel model = LanguageModel.load(path, LoadOptions.automatic());
 *         AnswerService service = new AnswerService(model, BatchOptions.of(8), 64, problems)) {
 *     ChatModel chat = BitaChatModel.builder(model, service).temperature(0.7).build();
 *     String answer = chat.chat("Why is the sky blue?");
 * }
 * }</pre>
 *
 * <p>It owns neither model nor service and so needs no closing, like LangChain4j's other chat models: who loads the model
 * decides how many answers run at a time, and closes it.
 *
 * <p>Answers are greedy unless a temperature is set. What is not supported, tools and images among them, is
 * refused with {@link dev.langchain4j.exception.UnsupportedFeatureException}; what the model cannot do, with
 * {@link dev.langchain4j.exception.InvalidRequestException}; what finds no place in the service, with
 * {@link dev.langchain4j.exception.RateLimitException}. Metadata of responses are {@link BitaChatResponseMetadata}.
 */
public final class BitaChatModel implements ChatModel {
    private final Requests requests;

    private BitaChatModel(Requests requests) {
        this.requests = requests;
    }

    /** Settings of a new one. */
    public static BitaModelBuilder<BitaChatModel> builder(LanguageModel model, AnswerService service) {
        return new BitaModelBuilder<>(model, service, BitaChatModel::new);
    }

    /** Waits for the answer; an interruption cancels it, and is kept. */
    @Override
    public ChatResponse doChat(ChatRequest chatRequest) {
        Request request = requests.read(chatRequest);
        Pending pending = new Pending();
        AnswerService.Ticket ticket = requests.submit(request, pending);
        try {
            return requests.response(request, pending.get());
        } catch (InterruptedException e) {
            ticket.cancel();
            Thread.currentThread().interrupt();
            throw new LangChain4jException("the answer was cancelled by an interruption", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof LangChain4jException known ? known : new LangChain4jException(e);
        }
    }

    /** Completes on a thread of its own, which may be held up; cancelling the future cancels the answer. */
    @Override
    public CompletableFuture<ChatResponse> doChatAsync(ChatRequest chatRequest) {
        Request request = requests.read(chatRequest);
        Pending pending = new Pending();
        AnswerService.Ticket ticket = requests.submit(request, pending);
        CompletableFuture<ChatResponse> response =
                pending.thenApplyAsync(answer -> requests.response(request, answer), Thread::startVirtualThread);
        CompletableFuture<?> _ = response.whenComplete((_, _) -> {
            if (response.isCancelled()) {
                ticket.cancel();
            }
        });
        return response;
    }

    /** An answer to come. */
    private static final class Pending extends CompletableFuture<Answer> implements BatchListener {
        @Override
        public void finished(Answer answer) {
            if (answer.finish() == Answer.Finish.CANCELLED) {
                completeExceptionally(Requests.cancelled());
            } else {
                complete(answer);
            }
        }

        @Override
        public void failed(NotANumberException problem) {
            completeExceptionally(new LangChain4jException(problem));
        }
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
