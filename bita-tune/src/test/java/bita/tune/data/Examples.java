package bita.tune.data;

import bita.api.Answer;
import bita.api.Message;
import java.util.Arrays;
import java.util.List;

/** Examples without a file. */
public final class Examples {
    private Examples() {}

    /** The tokens of a prompt and its answer. */
    public static Example of(int[] tokenIds, int promptLength) {
        return of("example", tokenIds, promptLength);
    }

    public static Example of(String id, int[] tokenIds, int promptLength) {
        List<Integer> ids = Arrays.stream(tokenIds).boxed().toList();
        return new Example(new AnsweredTurn(
                id,
                List.of(Message.user(id)),
                ids.subList(0, promptLength),
                ids.subList(promptLength, ids.size()),
                Answer.Finish.LENGTH,
                ""));
    }
}
