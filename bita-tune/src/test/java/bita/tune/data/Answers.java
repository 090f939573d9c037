package bita.tune.data;

import bita.api.Answer;
import bita.api.Message;
import bita.decode.SamplingSettings;
import java.util.List;
import java.util.stream.IntStream;

/** Answers for tests. */
final class Answers {
    static final AnswerOrigin GREEDY = new AnswerOrigin("0123456789abcdef".repeat(4), SamplingSettings.greedy());
    static final AnswerOrigin SAMPLED =
            new AnswerOrigin("0123456789abcdef".repeat(4), new SamplingSettings(0.7, 0, 0.9, 0, 7));

    private Answers() {}

    static AnsweredTurn answer(String id, String question, String text, int tokens) {
        return new AnsweredTurn(
                id,
                List.of(Message.user(question)),
                List.of(1, 9690, 198),
                IntStream.range(0, tokens).boxed().toList(),
                Answer.Finish.STOP,
                text);
    }

    static AnsweredTurn answer(int number) {
        return answer("q" + number, "Grüße " + number + "?", "Answer \"" + number + "\"\n", 20 + number % 7);
    }
}
