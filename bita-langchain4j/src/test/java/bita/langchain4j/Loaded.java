package bita.langchain4j;

import bita.api.AdapterChoice;
import bita.api.Answer;
import bita.api.AnswerListener;
import bita.api.AnswerService;
import bita.api.BatchListener;
import bita.api.BatchOptions;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.Message;
import bita.api.Session;
import bita.api.SessionOptions;
import bita.decode.NotANumberException;
import bita.model.TalkingModel;
import bita.model.template.TemplateException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;

/** The small model, with services whose problems are kept. */
final class Loaded implements AutoCloseable {
    final LanguageModel model;
    final ConcurrentLinkedQueue<Throwable> problems = new ConcurrentLinkedQueue<>();

    Loaded(Path folder) throws IOException {
        LoadOptions options =
                LoadOptions.automatic().withAdapter(new AdapterChoice.None()).withThreads(2);
        model = LanguageModel.load(TalkingModel.write(folder.resolve("talking.gguf")), options);
    }

    AnswerService service(int sequences, int waiting) {
        return new AnswerService(model, BatchOptions.of(sequences), waiting, problems::add);
    }

    /** What a session says alone. */
    Answer alone(GenerationOptions options, Message... messages) throws TemplateException {
        try (Session session = model.session(SessionOptions.automatic())) {
            return session.generate(model.prompt(List.of(messages)), options, AnswerListener.NONE);
        }
    }

    /** Waits for a few tokens of another answer, while which one that was not cancelled would go on. */
    void letStep(AnswerService service) throws Exception {
        CompletableFuture<Answer> end = new CompletableFuture<>();
        service.submit(model.promptOfText("a"), GenerationOptions.greedy().withMaxTokens(10), new BatchListener() {
            @Override
            public void finished(Answer answer) {
                end.complete(answer);
            }

            @Override
            public void failed(NotANumberException problem) {
                end.completeExceptionally(problem);
            }
        });
        end.get();
    }

    @Override
    public void close() {
        model.close();
    }
}
