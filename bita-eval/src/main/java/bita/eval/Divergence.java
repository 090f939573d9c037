package bita.eval;

/**
 * Where an answer leaves its reference first.
 *
 * @param what     in which way
 * @param index    of the new token at which it happens, from 0
 * @param position of the token whose logits decide that token
 */
public record Divergence(What what, int index, int position) {
    /** In which way two answers differ. */
    public enum What {
        /** The logits have other bits. */
        LOGITS("other logits"),
        /** The same logits gave another token. */
        TOKEN("another token from the same logits"),
        /** The logits belong to another position. */
        POSITION("logits of another position"),
        /** The answer ends too early. */
        SHORTER("the answer ends early"),
        /** The answer goes on where it should end. */
        LONGER("the answer does not end"),
        /** The model's logits were not numbers where the reference's are. */
        NOT_A_NUMBER("logits that are not numbers");

        private final String description;

        What(String description) {
            this.description = description;
        }

        /** For people, a few words. */
        public String description() {
            return description;
        }
    }
}
