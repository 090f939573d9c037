package bita.eval;

import java.util.List;
import java.util.Optional;

/** Compares an answer with its reference, bit by bit. */
final class TraceComparison {
    private TraceComparison() {}

    /**
     * The first difference between an answer and the reference; empty if the answer is the reference's beginning.
     *
     * @param reference the plain answer
     * @param maxTokens most tokens the answer was allowed: it must have as many unless the reference ends before
     * @throws IllegalArgumentException if the reference is empty or lacks the logits of a token
     */
    static Optional<Divergence> compare(Trace reference, Trace answer, int maxTokens) {
        List<Integer> expected = reference.tokens();
        if (expected.isEmpty() || reference.logits().size() != expected.size()) {
            throw new IllegalArgumentException(
                    "the reference has " + expected.size() + " tokens decided from logits of "
                            + reference.logits().size() + " positions: one each is needed, and at least one");
        }
        int length = Math.min(expected.size(), maxTokens);
        for (int i = 0; i < length; i++) {
            Trace.Verified decisive = reference.logits().get(i);
            Divergence.What what;
            if (i >= answer.tokens().size() || i >= answer.logits().size()) {
                what = Divergence.What.SHORTER;
            } else if (answer.logits().get(i).position() != decisive.position()) {
                what = Divergence.What.POSITION;
            } else if (answer.logits().get(i).hash() != decisive.hash()) {
                what = Divergence.What.LOGITS;
            } else if (!answer.tokens().get(i).equals(expected.get(i))) {
                what = Divergence.What.TOKEN;
            } else {
                continue;
            }
            return Optional.of(new Divergence(what, i, decisive.position()));
        }
        if (answer.tokens().size() > length || answer.logits().size() > length) {
            int last = reference.logits().get(length - 1).position();
            return Optional.of(new Divergence(Divergence.What.LONGER, length, last + 1));
        }
        return Optional.empty();
    }
}
