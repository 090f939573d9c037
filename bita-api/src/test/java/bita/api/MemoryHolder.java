package bita.api;

import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalInt;

/** Another process that fills a context and then holds its memory until its input ends. */
final class MemoryHolder {
    private MemoryHolder() {}

    public static void main(String[] args) throws IOException {
        int context = Integer.parseInt(args[1]);
        SessionOptions automatic = SessionOptions.automatic();
        SessionOptions options = new SessionOptions(
                automatic.method(),
                automatic.rows(),
                OptionalInt.of(context),
                automatic.cacheFormat(),
                automatic.prefillChunk(),
                automatic.observer());
        try (LanguageModel model = LanguageModel.load(Path.of(args[0]), LoadOptions.automatic(), options);
                Session session = model.session(options)) {
            int[] words =
                    model.promptOfText("the river of light and stone, a green tree by the house, bread and water. ");
            int[] prompt = new int[context - 100];
            for (int i = 0; i < prompt.length; i++) {
                prompt[i] = words[i % words.length];
            }
            Answer answer = session.generate(prompt, GenerationOptions.greedy(), AnswerListener.NONE);
            System.out.println(answer.tokenIds().size());
            System.out.flush();
            while (System.in.read() >= 0) {}
        }
    }
}
