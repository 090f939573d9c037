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
import java.nio.file.Path;
import java.util.List;

/** One question, one answer. Arguments: the question, and optionally a model's name or file. */
public final class Ask {
    private Ask() {}

    public static void main(String[] arguments) throws Exception {
        String question = arguments.length > 0 ? arguments[0] : "Why is the sky blue?";
        String name = arguments.length > 1 ? arguments[1] : CatalogModel.DEFAULT.id();

        // A file is taken as it is; a name is looked up in the store and, if it is not there, pulled.
        Path file = ModelStore.ofUser().resolve(name, PullOptions.DEFAULT, PullListener.NONE);

        // The model's weights lie outside the Java heap: closing it frees them.
        try (LanguageModel model = LanguageModel.load(file, LoadOptions.automatic());
                Session session = model.session(SessionOptions.automatic())) {
            // The model's own chat template makes the prompt of a conversation.
            int[] prompt = model.prompt(List.of(Message.user(question)));
            GenerationOptions options = GenerationOptions.greedy().withMaxTokens(200);
            Answer answer = session.generate(prompt, options, AnswerListener.NONE);
            System.out.println(answer.text());
        }
    }
}
