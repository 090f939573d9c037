package bita.decode;

import java.util.List;
import java.util.Set;

/**
 * A sequence to be decoded.
 *
 * @param prompt    token ids, at least one
 * @param sampling  how each token is chosen
 * @param choice    index, from 0, among several answers to the prompt, part of what sampled tokens depend on
 * @param maxTokens most tokens to decide, at least 1
 * @param context   most tokens of prompt and answer together, more than the prompt has
 * @param ends      tokens behind which nothing is decided
 * @param drafting  whether the decoder's method drafts for it; the tokens are the same
 */
public record BatchRequest(
        List<Integer> prompt,
        SamplingSettings sampling,
        int choice,
        int maxTokens,
        int context,
        Set<Integer> ends,
        boolean drafting) {
    public BatchRequest {
        prompt = List.copyOf(prompt);
        ends = Set.copyOf(ends);
        if (prompt.isEmpty()) {
            throw new IllegalArgumentException("the prompt has no tokens");
        }
        if (choice < 0) {
            throw new IllegalArgumentException("choices count from 0, not " + choice);
        }
        if (maxTokens < 1) {
            throw new IllegalArgumentException("at least one token must be asked for, not " + maxTokens);
        }
        if (context <= prompt.size()) {
            throw new IllegalArgumentException(
                    "a prompt of " + prompt.size() + " tokens leaves no room in a context of " + context);
        }
    }

    /** Most tokens to decide, by both limits. */
    int most() {
        return Math.min(maxTokens, context - prompt.size());
    }
}
