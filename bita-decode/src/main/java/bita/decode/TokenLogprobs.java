package bita.decode;

import java.util.List;

/**
 * How likely a decided token was, by the model's logits as they are, before temperature, penalties and biases.
 *
 * @param token   the decided one
 * @param logprob natural logarithm of its probability
 * @param top     the likeliest tokens, descending; of equal ones the lower id first
 */
public record TokenLogprobs(int token, double logprob, List<Candidate> top) {
    public TokenLogprobs {
        top = List.copyOf(top);
    }

    /** A token and the natural logarithm of its probability. */
    public record Candidate(int token, double logprob) {}
}
