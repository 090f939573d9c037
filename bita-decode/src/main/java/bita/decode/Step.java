package bita.decode;

import java.util.List;

/**
 * What one pass has decided.
 *
 * @param tokens  the decided tokens in order, at least one
 * @param drafted drafted tokens that the pass has verified: nodes of the draft tree behind its root
 * @param rows    rows of the pass
 * @param time    where its time went
 */
public record Step(List<Token> tokens, int drafted, int rows, StepTime time) {
    public Step {
        tokens = List.copyOf(tokens);
    }

    /**
     * A decided token.
     *
     * @param origin the source whose draft was accepted; {@link DraftOrigin#ROOT} for the model's own choice that no
     *     draft had
     * @param depth  its depth in the draft tree, 0 for a token that no draft had
     */
    public record Token(int id, DraftOrigin origin, int depth) {}
}
