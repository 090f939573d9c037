package bita.cli;

import bita.api.Answer;
import bita.api.AnswerListener;
import bita.api.GenerationOptions;
import bita.api.Session;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.IntConsumer;

/**
 * Plain and accelerated decoding of one prompt, side by side.
 *
 * @param answer          the first accelerated answer
 * @param plainAnswer     the first plain answer
 * @param accelerated     median of the accelerated runs, in tokens per second
 * @param plain           median of the plain runs, in tokens per second
 * @param firstDifference index of the first token in which any run differs from the first plain one; empty if none does
 */
record Comparison(
        Answer answer, Answer plainAnswer, double accelerated, double plain, Optional<Integer> firstDifference) {
    /** Timed runs of each. */
    static final int REPETITIONS = 3;

    /**
     * Warms both up, then alternates them.
     *
     * @param listener follows the accelerated warm-up
     * @param progress is told the number of finished timed runs, of {@code 2 * REPETITIONS}
     * @throws CancellationException if a session was cancelled
     */
    static Comparison run(
            Session plain,
            Session accelerated,
            int[] prompt,
            GenerationOptions options,
            AnswerListener listener,
            IntConsumer progress) {
        Answer answer = generate(accelerated, prompt, options, listener);
        Answer reference = generate(plain, prompt, options, AnswerListener.NONE);
        Optional<Integer> difference = firstDifference(reference.tokenIds(), answer.tokenIds());
        double[] plainSpeeds = new double[REPETITIONS];
        double[] speeds = new double[REPETITIONS];
        for (int i = 0; i < REPETITIONS; i++) {
            progress.accept(2 * i);
            Answer plainAgain = generate(plain, prompt, options, AnswerListener.NONE);
            progress.accept(2 * i + 1);
            Answer again = generate(accelerated, prompt, options, AnswerListener.NONE);
            plainSpeeds[i] = plainAgain.statistics().tokensPerSecond();
            speeds[i] = again.statistics().tokensPerSecond();
            difference = difference
                    .or(() -> firstDifference(reference.tokenIds(), plainAgain.tokenIds()))
                    .or(() -> firstDifference(reference.tokenIds(), again.tokenIds()));
        }
        return new Comparison(answer, reference, median(speeds), median(plainSpeeds), difference);
    }

    private static Answer generate(Session session, int[] prompt, GenerationOptions options, AnswerListener listener) {
        session.forget(); // an answer that a draft source has seen before would flatter it
        Answer answer = session.generate(prompt, options, listener);
        if (answer.finish() == Answer.Finish.CANCELLED) {
            throw new CancellationException();
        }
        return answer;
    }

    /** The first index at which two lists differ; the shorter one's length if it is the beginning of the other. */
    static Optional<Integer> firstDifference(List<Integer> a, List<Integer> b) {
        int common = Math.min(a.size(), b.size());
        for (int i = 0; i < common; i++) {
            if (!a.get(i).equals(b.get(i))) {
                return Optional.of(i);
            }
        }
        return a.size() == b.size() ? Optional.empty() : Optional.of(common);
    }

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    boolean identical() {
        return firstDifference.isEmpty();
    }

    /** How many times as fast the accelerated runs are; empty if the answer is too short to tell. */
    Optional<Double> speedup() {
        return plain > 0 ? Optional.of(accelerated / plain) : Optional.empty();
    }
}
