package bita.tune.data;

import java.io.Serializable;

/** The tokens of a prompt and of the model's answer to it, one after the other. */
public final class Example implements Serializable {
    private static final long serialVersionUID = 1;

    private final String id;
    private final int turn;
    private final int[] tokenIds;
    private final int promptLength;

    private Example(String id, int turn, int[] tokenIds, int promptLength) {
        this.id = id;
        this.turn = turn;
        this.tokenIds = tokenIds;
        this.promptLength = promptLength;
    }

    /**
     * Tokens of no conversation, as a first turn: for measurements.
     *
     * @param tokenIds     prompt and answer
     * @param promptLength at least 1, and less than all tokens
     */
    public static Example of(String id, int[] tokenIds, int promptLength) {
        if (promptLength < 1 || promptLength >= tokenIds.length) {
            throw new IllegalArgumentException(
                    "prompt and answer have at least one token, and not " + promptLength + " of " + tokenIds.length);
        }
        return new Example(id, 1, tokenIds.clone(), promptLength);
    }

    Example(AnsweredTurn answer) {
        this.id = answer.id();
        this.turn = answer.turn();
        this.promptLength = answer.promptTokenIds().size();
        this.tokenIds = new int[promptLength + answer.answerTokenIds().size()];
        for (int i = 0; i < tokenIds.length; i++) {
            tokenIds[i] = i < promptLength
                    ? answer.promptTokenIds().get(i)
                    : answer.answerTokenIds().get(i - promptLength);
        }
    }

    /** Of the question. */
    public String id() {
        return id;
    }

    /** Which of the user's turns is answered, from 1. */
    public int turn() {
        return turn;
    }

    /** Prompt and answer. */
    public int[] tokenIds() {
        return tokenIds.clone();
    }

    /** The token at a position of prompt and answer, from 0. */
    public int tokenId(int position) {
        return tokenIds[position];
    }

    /** Tokens of the prompt, at least 1. */
    public int promptLength() {
        return promptLength;
    }

    /** Tokens of the answer, at least 1; an end-of-turn token is one of them. */
    public int answerLength() {
        return tokenIds.length - promptLength;
    }
}
