package bita.server;

import bita.decode.TokenLogprobs;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** How the protocol writes an answer: of a conversation, or as a text. */
sealed interface AnswerShape permits ChatShape, TextShape {
    /** The object name of a whole response. */
    String object();

    /** The object name of a chunk. */
    String chunkObject();

    /** What begins the ids of responses. */
    String idPrefix();

    /** The choice of the first chunk of an answer; empty if the first one is like any other. */
    List<ObjectNode> opening(int index);

    /**
     * The choice of a chunk, without finish reason.
     *
     * @param logprobs of the text's tokens; empty if there is nothing to report
     * @param offset   of the text in the answer's tokens' texts, in characters
     */
    ObjectNode piece(int index, String text, List<TokenLogprobs> logprobs, int offset);

    /** A choice of a whole response, without finish reason; the arguments are those of {@link #piece}. */
    ObjectNode whole(int index, String text, List<TokenLogprobs> logprobs);

    /** Characters of the tokens' texts. */
    int length(List<TokenLogprobs> logprobs);
}
