package bita.model.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** GPT-2's table from bytes to printable characters, in which byte-level vocabularies are written. */
final class ByteLevel {
    private static final int[] BYTE_OF_CHARACTER = table();

    private ByteLevel() {}

    private static int[] table() {
        int[] bytes = new int[512];
        Arrays.fill(bytes, -1);
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
            bytes[printable ? b : next++] = b;
        }
        return bytes;
    }

    /** The bytes that a token's text stands for; its UTF-8 form if it is not written in the table's characters. */
    static byte[] bytes(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = token.charAt(i);
            if (c >= BYTE_OF_CHARACTER.length || BYTE_OF_CHARACTER[c] < 0) {
                return token.getBytes(StandardCharsets.UTF_8);
            }
            bytes[i] = (byte) BYTE_OF_CHARACTER[c];
        }
        return bytes;
    }
}
