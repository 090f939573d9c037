package bita.eval.methods;

import bita.api.Answer;
import bita.decode.Method;
import java.util.List;

/** Answers prompts with the methods that are compared. */
interface Answerer extends AutoCloseable {
    /**
     * An answer and what it took.
     *
     * @param decodeNanos from the first token to the last; of several answers at a time their part of it
     */
    record Timed(Answer answer, long decodeNanos, StepTally steps) {}

    /**
     * Answers prompts at a time.
     *
     * @param prompts as many as the options' batch, or fewer at the end of a suite
     * @return in the prompts' order
     * @throws InterruptedException if the thread is interrupted
     */
    List<Timed> answer(Method method, List<int[]> prompts, int maxTokens) throws InterruptedException;

    @Override
    void close();
}
