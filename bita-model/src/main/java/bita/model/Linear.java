package bita.model;

import java.util.Arrays;
import java.util.List;

/** The linear layers of a transformer block. */
public enum Linear {
    QUERY(Input.ATTENTION),
    KEY(Input.ATTENTION),
    VALUE(Input.ATTENTION),
    PROJECTED(Input.ATTENDED),
    GATE(Input.FEED_FORWARD),
    UP(Input.FEED_FORWARD),
    DOWN(Input.GATED);

    private final Input input;

    Linear(Input input) {
        this.input = input;
    }

    /** What is multiplied. */
    public enum Input {
        /** Normed, before attention. */
        ATTENTION,
        /** What attention gives. */
        ATTENDED,
        /** Normed, before the feed-forward network. */
        FEED_FORWARD,
        /** The feed-forward network's hidden activations. */
        GATED;

        /** Numbers of a row. */
        public int columns(ModelConfig config) {
            return switch (this) {
                case ATTENTION, FEED_FORWARD -> config.hidden();
                case ATTENDED -> config.queryWidth();
                case GATED -> config.feedForward();
            };
        }
    }

    /** Those that a model has: without a gate, {@link #UP} alone makes the hidden activations. */
    public static List<Linear> of(ModelConfig config) {
        return Arrays.stream(values())
                .filter(linear -> linear != GATE || config.style().gated())
                .toList();
    }

    /** What the layer multiplies. */
    public Input input() {
        return input;
    }

    /** Outputs: rows of the weight matrix. */
    public int rows(ModelConfig config) {
        return switch (this) {
            case QUERY -> config.queryWidth();
            case KEY, VALUE -> config.keyWidth();
            case PROJECTED, DOWN -> config.hidden();
            case GATE, UP -> config.feedForward();
        };
    }
}
