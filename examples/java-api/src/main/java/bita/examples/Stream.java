package bita.examples;

import bita.api.Answer;
import bita.api.AnswerListener;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.Message;
import bita.api.Session;
import bita.api.SessionOptions;
import bita.api.store.CatalogModel;
import bita.api.store.ModelStore;
import bita.api.store.PullListener;
import bita.api.store.PullOptions;
import bita.decode.SamplingSettings;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;

/** An answer as it comes, and what it took. Arguments: the question, and optionally a model's name or file. */
public final class Stream {
    private Stream() {}

    public static void main(String[] arguments) throws Exception {
        String question = arguments.length > 0 ? arguments[0] : "Tell me a story about a lighthouse.";
        String name = arguments.length > 1 ? arguments[1] : CatalogModel.DEFAULT.id();
        Path file = ModelStore.ofUser().resolve(name, PullOptions.DEFAULT, PullListener.NONE);
        try (LanguageModel model = LanguageModel.load(file, LoadOptions.automatic());
                Session session = model.session(SessionOptions.automatic())) {
            int[] prompt = model.prompt(List.of(Message.user(question)));
            // Temperature 0.7, no top-k, top-p 0.9, no min-p, seed 1: the same seed gives the same text.
            SamplingSettings sampling = new SamplingSettings(0.7, 0, 0.9, 0, 1);
            GenerationOptions options = GenerationOptions.of(OptionalInt.of(300), sampling, List.of());
            Answer answer = session.generate(prompt, options, new AnswerListener() {
                @Override
                public void text(Piece piece) {
                    System.out.print(piece.text());
                }
            });
            Answer.Statistics took = answer.statistics();
            System.out.printf(
                    Locale.ROOT,
                    "%n%n%d tokens in %d steps (%.2f per step), %.0f per second; ended by %s%n",
                    took.completionTokens(),
                    took.steps(),
                    took.tokensPerStep(),
                    took.tokensPerSecond(),
                    answer.finish());
        }
    }
}
