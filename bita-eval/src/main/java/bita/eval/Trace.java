package bita.eval;

import java.util.List;

/**
 * What an answer was made of, to the last bit: its tokens, and behind each the position whose logits decided it and a
 * hash of these logits.
 *
 * @param logits one for each token; a token that was decided without logits is not missed but found by the comparison
 */
record Trace(List<Verified> logits, List<Integer> tokens) {
    Trace {
        logits = List.copyOf(logits);
        tokens = List.copyOf(tokens);
    }

    /** The logits of one position. */
    record Verified(int position, long hash) {}
}
