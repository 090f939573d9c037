package bita.model.tokenizer;

/**
 * What happens to text before tokens are merged, and how tokens are written.
 *
 * @param normalizer   as it stands in a Hugging Face tokenizer.json; "null" for none
 * @param preTokenizer likewise
 * @param spelling     how a token's text stands for its bytes
 * @param byteFallback whether a character that is no token becomes the tokens of its bytes
 * @param fuseUnknown  whether unknown characters beside each other become one unknown token
 * @param ignoreMerges whether a word that is a token is that token, however it would be merged
 * @param blankFirst   whether a text's first token has a blank that is not in the text
 */
record TextForm(
        String normalizer,
        String preTokenizer,
        Spelling spelling,
        boolean byteFallback,
        boolean fuseUnknown,
        boolean ignoreMerges,
        boolean blankFirst) {
    /** The character that stands for a blank in SentencePiece's tokens. */
    static final char BLANK = '\u2581';

    private static final String REPLACE =
            "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}";

    /** SentencePiece's BPE, which knows no words; blanks are letters, and each piece of text may begin with one more. */
    static TextForm sentencePiece(boolean blankFirst) {
        String normalizer = blankFirst
                ? "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\u2581\"}," + REPLACE
                        + "]}"
                : REPLACE;
        return new TextForm(normalizer, "null", Spelling.SENTENCEPIECE, true, true, false, blankFirst);
    }
}
