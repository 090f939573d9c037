package bita.server;

import java.util.List;

/**
 * What is to be answered, and how.
 *
 * @param shape     of the response
 * @param prompts   as tokens, at least one
 * @param answering how
 */
record AnswerRequest(AnswerShape shape, List<int[]> prompts, Answering answering) {
    AnswerRequest {
        prompts = List.copyOf(prompts);
    }

    /** Answers to all prompts. */
    int answers() {
        return prompts.size() * answering.choices();
    }
}
