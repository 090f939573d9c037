package bita.eval.methods;

import bita.api.AnswerListener;
import bita.decode.DraftOrigin;
import bita.decode.Step;
import bita.decode.StepTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Counts what the steps of an answer bring, and cancels it when its thread is interrupted. */
final class StepTally implements AnswerListener {
    private final Runnable cancel;
    private final List<Integer> acceptLengths = new ArrayList<>();
    private final List<Integer> acceptedByDepth = new ArrayList<>();
    private final Map<String, Long> acceptedBySource = new TreeMap<>();
    private StepTime time = StepTime.UNKNOWN;

    /**
     * @param cancel ends the answer
     */
    StepTally(Runnable cancel) {
        this.cancel = cancel;
    }

    @Override
    public void prompt(int tokensRead, int tokens) {
        cancelIfInterrupted();
    }

    @Override
    public void step(Step step) {
        acceptLengths.add(step.tokens().size());
        int accepted = 0;
        for (Step.Token token : step.tokens()) {
            if (token.origin() != DraftOrigin.ROOT) {
                accepted++;
                if (acceptedByDepth.size() < accepted) {
                    acceptedByDepth.add(0);
                }
                acceptedByDepth.set(accepted - 1, acceptedByDepth.get(accepted - 1) + 1);
                acceptedBySource.merge(token.origin().name().toLowerCase(Locale.ROOT), 1L, Long::sum);
            }
        }
        time = time.plus(step.time());
        cancelIfInterrupted();
    }

    private void cancelIfInterrupted() {
        if (Thread.currentThread().isInterrupted()) {
            cancel.run();
        }
    }

    List<Integer> acceptLengths() {
        return acceptLengths;
    }

    List<Integer> acceptedByDepth() {
        return acceptedByDepth;
    }

    Map<String, Long> acceptedBySource() {
        return acceptedBySource;
    }

    StepTime time() {
        return time;
    }
}
