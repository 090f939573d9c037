package bita.model.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** How a vocabulary writes its tokens. */
enum Spelling {
    /** Each byte as one of GPT-2's printable characters. */
    BYTE_LEVEL {
        @Override
        byte[] bytes(String token) {
            return ByteLevel.bytes(token);
        }
    },
    /** As text with U+2581 for a blank; bytes that are no character of the vocabulary as {@code <0x0A>}. */
    SENTENCEPIECE {
        @Override
        byte[] bytes(String token) {
            if (isByte(token)) {
                return new byte[] {(byte) HexFormat.fromHexDigits(token, 3, 5)};
            }
            return token.replace(TextForm.BLANK, ' ').getBytes(StandardCharsets.UTF_8);
        }
    };

    /** The bytes that a token stands for. */
    abstract byte[] bytes(String token);

    /** Whether a token of SentencePiece's is one byte. */
    static boolean isByte(String token) {
        return token.length() == 6
                && token.startsWith("<0x")
                && HexFormat.isHexDigit(token.charAt(3))
                && HexFormat.isHexDigit(token.charAt(4))
                && token.charAt(5) == '>';
    }
}
