package bita.eval;

/**
 * An answer that is not the reference's.
 *
 * @param question id of the question
 * @param method   how it was decoded
 * @param settings what it was computed with
 * @param first    where it leaves the reference
 */
public record Mismatch(String question, String method, String settings, Divergence first) {
    /** One line for people. */
    public String describe() {
        return "question " + question + " under " + method + " (" + settings + "): "
                + first.what().description() + " at new token " + first.index() + ", position " + first.position();
    }
}
