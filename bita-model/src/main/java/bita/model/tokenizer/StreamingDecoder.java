package bita.model.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Turns tokens into text one by one. A character whose bytes are spread over tokens comes out with the last of them;
 * bytes that are no UTF-8 become U+FFFD. For one text; not thread-safe.
 */
public final class StreamingDecoder {
    private final Tokenizer tokenizer;
    private final CharsetDecoder decoder = StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private ByteBuffer pending = ByteBuffer.allocate(64);
    private boolean blankFirst; // still to come, and no part of the text

    /** For a text of its own. */
    public StreamingDecoder(Tokenizer tokenizer) {
        this(tokenizer, new int[0]);
    }

    /**
     * For a text behind other tokens: one of its own if these are none or end with a special token, otherwise their
     * continuation.
     */
    public StreamingDecoder(Tokenizer tokenizer, int[] before) {
        this.tokenizer = tokenizer;
        blankFirst =
                tokenizer.beginsWithBlank() && (before.length == 0 || tokenizer.isSpecial(before[before.length - 1]));
    }

    /** Takes a token and returns the text that is complete with it; special tokens are no text. */
    public String append(int token) {
        if (tokenizer.isSpecial(token)) {
            return "";
        }
        byte[] bytes = tokenizer.bytes(token);
        int from = 0;
        if (blankFirst && bytes.length > 0) {
            blankFirst = false;
            from = bytes[0] == ' ' ? 1 : 0;
        }
        if (pending.remaining() < bytes.length) {
            pending = ByteBuffer.allocate(pending.position() + 2 * bytes.length).put(pending.flip());
        }
        pending.put(bytes, from, bytes.length - from);
        return decode(false);
    }

    /** The rest: what an incomplete character at the end becomes. */
    public String finish() {
        return decode(true);
    }

    private String decode(boolean end) {
        CharBuffer text = CharBuffer.allocate(pending.position() + 1);
        decoder.decode(pending.flip(), text, end);
        pending.compact();
        if (end) {
            decoder.flush(text);
            decoder.reset();
        }
        return text.flip().toString();
    }
}
