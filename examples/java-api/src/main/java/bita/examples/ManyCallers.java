package bita.examples;

import bita.api.Answer;
import bita.api.AnswerService;
import bita.api.BatchListener;
import bita.api.BatchOptions;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.Message;
import bita.api.store.CatalogModel;
import bita.api.store.ModelStore;
import bita.api.store.PullListener;
import bita.api.store.PullOptions;
import bita.decode.NotANumberException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Eight questions at once, which share each reading of the model. Argument: optionally a model's name or file. */
public final class ManyCallers {
    private static final List<String> THINGS =
            List.of("rain", "wind", "snow", "fog", "a tide", "a rainbow", "thunder", "frost");

    private ManyCallers() {}

    /** The thread that decodes for all calls it, so it only hands over what it hears. */
    private static final class Pending extends CompletableFuture<Answer> implements BatchListener {
        @Override
        public void finished(Answer answer) {
            complete(answer);
        }

        @Override
        public void failed(NotANumberException problem) {
            completeExceptionally(problem);
        }
    }

    public static void main(String[] arguments) throws Exception {
        String name = arguments.length > 0 ? arguments[0] : CatalogModel.DEFAULT.id();
        Path file = ModelStore.ofUser().resolve(name, PullOptions.DEFAULT, PullListener.NONE);
        // Eight answers run at a time and sixteen more may wait; what comes beyond that is refused.
        try (LanguageModel model = LanguageModel.load(file, LoadOptions.automatic());
                AnswerService service = new AnswerService(model, BatchOptions.of(8), 16, e -> System.err.println(e))) {
            List<Pending> answers = new ArrayList<>();
            for (String thing : THINGS) {
                answers.add(new Pending()); // any thread may ask, at any time
                int[] prompt = model.prompt(List.of(Message.user("In one sentence, what is " + thing + "?")));
                service.submit(prompt, GenerationOptions.greedy().withMaxTokens(60), answers.getLast());
            }
            for (int i = 0; i < answers.size(); i++) {
                System.out.println(THINGS.get(i) + ": " + answers.get(i).get().text());
            }
        }
    }
}
