package bita.langchain4j;

import bita.api.AnswerService;
import bita.api.LanguageModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import java.util.List;
import java.util.function.Function;

/**
 * Settings of a chat model. What a request says overrides them.
 *
 * @param <M> {@link BitaChatModel} or {@link BitaStreamingChatModel}
 */
public final class BitaModelBuilder<M> {
    private final LanguageModel model;
    private final AnswerService service;
    private final Function<Requests, M> result;
    private final BitaChatRequestParameters.Builder defaults = BitaChatRequestParameters.builder();
    private List<ChatModelListener> listeners = List.of();

    BitaModelBuilder(LanguageModel model, AnswerService service, Function<Requests, M> result) {
        this.model = model;
        this.service = service;
        this.result = result;
        defaults.modelName(model.path().getFileName().toString().replaceFirst("\\.gguf$", ""));
    }

    /** The name that responses carry and requests may ask for; the model file's without {@code .gguf} unless set. */
    public BitaModelBuilder<M> modelName(String name) {
        defaults.modelName(name);
        return this;
    }

    /** 0, greedy, unless set. */
    public BitaModelBuilder<M> temperature(double temperature) {
        defaults.temperature(temperature);
        return this;
    }

    /** Above 0 to 1, off. */
    public BitaModelBuilder<M> topP(double share) {
        defaults.topP(share);
        return this;
    }

    /** 0 is off. */
    public BitaModelBuilder<M> topK(int tokens) {
        defaults.topK(tokens);
        return this;
    }

    /** Of all requests; unless set, each has a new one, which its response's metadata have. */
    public BitaModelBuilder<M> seed(long seed) {
        defaults.seed(seed);
        return this;
    }

    /** Most tokens of an answer; as many as the context holds unless set. */
    public BitaModelBuilder<M> maxOutputTokens(int tokens) {
        defaults.maxOutputTokens(tokens);
        return this;
    }

    /** Texts that end an answer; they are not part of it. */
    public BitaModelBuilder<M> stopSequences(List<String> texts) {
        defaults.stopSequences(texts);
        return this;
    }

    /** All that a request can say; what these parameters leave open stays as it was set. */
    public BitaModelBuilder<M> defaultRequestParameters(ChatRequestParameters parameters) {
        defaults.overrideWith(parameters);
        return this;
    }

    /** Called by the thread that calls the model or its handler. */
    public BitaModelBuilder<M> listeners(List<ChatModelListener> all) {
        listeners = List.copyOf(all);
        return this;
    }

    public M build() {
        return result.apply(new Requests(model, service, defaults.build(), listeners));
    }
}
