package bita.decode;

import bita.kernels.ScalarMath;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Notes how likely each decided token of a sequence was. With x the logits and m the largest of them, the logarithm of token
 * i's probability is (x_i - m) - ln(sum of exp(x_j - m)), the differences and exponentials in f32 ({@link ScalarMath#exp}), the
 * sum by ascending j and what follows in f64: the same bits everywhere, drafted or not.
 */
public final class LogprobRecorder implements LogitsProcessor {
    private final LogitsProcessor next;
    private final Consumer<TokenLogprobs> heard;
    private final int top;
    private float[] logits = {}; // (vocabulary), of the token to come

    /**
     * @param top   likeliest tokens to note beside each decided one, 0 or more
     * @param next  changes the logits when they are noted
     * @param heard is told each decided token's, in order, by the thread that decides
     */
    public LogprobRecorder(int top, LogitsProcessor next, Consumer<TokenLogprobs> heard) {
        if (top < 0) {
            throw new IllegalArgumentException("0 or more likeliest tokens can be asked for, not " + top);
        }
        this.top = top;
        this.next = next;
        this.heard = heard;
    }

    @Override
    public void process(MemorySegment row) {
        logits = row.toArray(ValueLayout.JAVA_FLOAT);
        next.process(row);
    }

    @Override
    public void accept(int token) {
        float largest = Float.NEGATIVE_INFINITY;
        for (float logit : logits) {
            largest = Math.max(largest, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += ScalarMath.exp(logit - largest);
        }
        double logSum = StrictMath.log(sum);
        List<TokenLogprobs.Candidate> likeliest = new ArrayList<>();
        for (int id : likeliest()) {
            likeliest.add(new TokenLogprobs.Candidate(id, logits[id] - largest - logSum));
        }
        heard.accept(new TokenLogprobs(token, logits[token] - largest - logSum, likeliest));
        next.accept(token);
    }

    private List<Integer> likeliest() {
        List<Integer> best = new ArrayList<>();
        for (int id = 0; id < logits.length && top > 0; id++) {
            if (best.size() == top) {
                if (logits[id] <= logits[best.getLast()]) {
                    continue;
                }
                best.removeLast();
            }
            int at = best.size();
            while (at > 0 && logits[id] > logits[best.get(at - 1)]) {
                at--;
            }
            best.add(at, id);
        }
        return best;
    }
}
