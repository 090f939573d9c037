package bita.examples;

import bita.api.AnswerService;
import bita.api.BatchOptions;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.store.CatalogModel;
import bita.api.store.ModelStore;
import bita.api.store.PullListener;
import bita.api.store.PullOptions;
import bita.langchain4j.BitaChatModel;
import bita.langchain4j.BitaStreamingChatModel;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;

/** LangChain4j with a model in this process. Argument: optionally a model's name or file. */
public final class LangChainChat {
    private LangChainChat() {}

    public static void main(String[] arguments) throws Exception {
        String name = arguments.length > 0 ? arguments[0] : CatalogModel.DEFAULT.id();
        Path file = ModelStore.ofUser().resolve(name, PullOptions.DEFAULT, PullListener.NONE);
        // One loaded model serves any number of chat models: they own nothing and need no closing.
        try (LanguageModel model = LanguageModel.load(file, LoadOptions.automatic());
                AnswerService service = new AnswerService(model, BatchOptions.of(4), 16, e -> System.err.println(e))) {
            ChatModel chat =
                    BitaChatModel.builder(model, service).maxOutputTokens(60).build();
            ChatResponse response = chat.chat(UserMessage.from("What is a rainbow?"));
            System.out.println(response.aiMessage().text() + "\n" + response.metadata() + "\n");

            CompletableFuture<ChatResponse> whole = new CompletableFuture<>();
            StreamingChatModel streaming = BitaStreamingChatModel.builder(model, service)
                    .temperature(0.7)
                    .build();
            streaming.chat("And what is fog?", new StreamingChatResponseHandler() {
                @Override
                public void onPartialResponse(String piece) {
                    System.out.print(piece);
                }

                @Override
                public void onCompleteResponse(ChatResponse answer) {
                    whole.complete(answer);
                }

                @Override
                public void onError(Throwable error) {
                    whole.completeExceptionally(error);
                }
            });
            System.out.println("\n" + whole.get().tokenUsage());
        }
    }
}
