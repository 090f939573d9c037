package bita.model.file;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Text of files that need not be well-formed. */
public final class Text {
    private static final int LONGEST_QUOTE = 80;

    private Text() {}

    /**
     * Decodes UTF-8.
     *
     * @throws CharacterCodingException if the bytes are not valid UTF-8
     */
    static String utf8(byte[] bytes, int offset, int length) throws CharacterCodingException {
        String text = new String(bytes, offset, length, StandardCharsets.UTF_8);
        // The constructor is much faster than a decoder, but hides errors behind the replacement character.
        if (text.indexOf('\uFFFD') >= 0) {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, offset, length));
        }
        return text;
    }

    /** The text in quotation marks, fit for a message of one line: shortened, without control characters. */
    public static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        text.codePoints()
                .limit(LONGEST_QUOTE)
                .map(c -> Character.isISOControl(c) ? '\uFFFD' : c)
                .forEach(quoted::appendCodePoint);
        if (text.codePointCount(0, text.length()) > LONGEST_QUOTE) {
            quoted.append("...");
        }
        return quoted.append('"').toString();
    }
}
