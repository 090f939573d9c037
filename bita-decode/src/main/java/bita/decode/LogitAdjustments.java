package bita.decode;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Penalties and biases. Of a token with logit x, in f32 and in this order:
 *
 * <ol>
 *   <li>repetition penalty p (Keskar 2019, CTRL, arXiv 1909.05858), if prompt or answer have it: x / p where x is positive,
 *       else x * p;
 *   <li>presence and frequency penalty (OpenAI), if the answer has it n times: x - (presence + n * frequency), the sum in
 *       f64;
 *   <li>bias: x + bias.
 * </ol>
 *
 * @param bias              by token
 * @param presencePenalty   0 for none
 * @param frequencyPenalty  0 for none
 * @param repetitionPenalty above 0; 1 for none
 */
public record LogitAdjustments(
        Map<Integer, Float> bias, double presencePenalty, double frequencyPenalty, double repetitionPenalty) {
    /** Changes nothing. */
    public static final LogitAdjustments NONE = new LogitAdjustments(Map.of(), 0, 0, 1);

    public LogitAdjustments {
        bias = Map.copyOf(bias);
        bias.forEach((token, amount) -> {
            if (!Float.isFinite(amount)) {
                throw new IllegalArgumentException("the bias of token " + token + " must be a number, not " + amount);
            }
        });
        requireFinite("presence penalty", presencePenalty);
        requireFinite("frequency penalty", frequencyPenalty);
        requireFinite("repetition penalty", repetitionPenalty);
        if (!((float) repetitionPenalty > 0 && Float.isFinite((float) repetitionPenalty))) {
            throw new IllegalArgumentException("the repetition penalty must be above 0, not " + repetitionPenalty);
        }
    }

    private static void requireFinite(String name, double value) {
        if (!Float.isFinite((float) value)) {
            throw new IllegalArgumentException("the " + name + " must be a number, not " + value);
        }
    }

    /** Whether nothing is changed. */
    public boolean isNone() {
        return bias.isEmpty() && presencePenalty == 0 && frequencyPenalty == 0 && repetitionPenalty == 1;
    }

    /**
     * What adjusts the logits of one answer.
     *
     * @param prompt whose tokens the repetition penalty counts too
     * @throws IllegalArgumentException if there is no token of a bias
     */
    public LogitsProcessor processor(int[] prompt, int vocabulary) {
        for (int token : bias.keySet()) {
            if (token < 0 || token >= vocabulary) {
                throw new IllegalArgumentException("token " + token + " is not among the model's " + vocabulary);
            }
        }
        return isNone() ? LogitsProcessor.NONE : new Processor(prompt);
    }

    private final class Processor implements LogitsProcessor {
        private final Set<Integer> repeated = new HashSet<>(); // kept only for a repetition penalty
        private final Map<Integer, Integer> counts = new HashMap<>(); // in the answer
        private final float repetition = (float) repetitionPenalty;

        Processor(int[] prompt) {
            if (repetition != 1) {
                for (int token : prompt) {
                    repeated.add(token);
                }
            }
        }

        @Override
        public void process(MemorySegment logits) {
            for (int token : repeated) {
                float x = get(logits, token);
                set(logits, token, x > 0 ? x / repetition : x * repetition);
            }
            if (presencePenalty != 0 || frequencyPenalty != 0) {
                counts.forEach((token, count) ->
                        set(logits, token, get(logits, token) - (float) (presencePenalty + count * frequencyPenalty)));
            }
            bias.forEach((token, amount) -> set(logits, token, get(logits, token) + amount));
        }

        @Override
        public void accept(int token) {
            if (repetition != 1) {
                repeated.add(token);
            }
            counts.merge(token, 1, Integer::sum);
        }

        private static float get(MemorySegment logits, int token) {
            return logits.getAtIndex(ValueLayout.JAVA_FLOAT, token);
        }

        private static void set(MemorySegment logits, int token, float value) {
            logits.setAtIndex(ValueLayout.JAVA_FLOAT, token, value);
        }
    }
}
