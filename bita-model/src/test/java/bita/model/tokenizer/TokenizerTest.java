package bita.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.model.file.GgufMetadataBuilder;
import bita.model.file.ModelFormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A vocabulary of all bytes, a few merges and special tokens. */
class TokenizerTest {
    private static final int USER = 260; // user-defined: found in text, and is text
    private static final List<String> MERGES = List.of("t h", "th e", "Ġ the", "Ã ©", "1 2");
    private static Tokenizer tokenizer;

    @TempDir
    private static Path temporary;

    @BeforeAll
    static void open() throws IOException {
        tokenizer = TokenizerGguf.open(temporary, metadata(MERGES, "smollm"));
    }

    @AfterAll
    static void close() {
        tokenizer.close();
    }

    /** Token b is byte b; control tokens 256 to 259, a user-defined one, then what the merges make. */
    private static GgufMetadataBuilder metadata(List<String> merges, String pre) {
        List<String> tokens = new ArrayList<>();
        for (int b = 0; b < 256; b++) {
            tokens.add(byteToken(b));
        }
        tokens.addAll(List.of("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|other|>", "<tab>"));
        for (String merge : MERGES) {
            tokens.add(merge.replace(" ", ""));
        }
        int[] types = new int[tokens.size()];
        Arrays.fill(types, 1);
        Arrays.fill(types, 256, USER, GgufVocabulary.CONTROL);
        types[USER] = GgufVocabulary.USER_DEFINED;
        return TokenizerGguf.byteLevel(pre, tokens, types, merges)
                .uint32("tokenizer.ggml.bos_token_id", 257)
                .uint32("tokenizer.ggml.eos_token_id", 256);
    }

    /** GPT-2's character for a byte, by its rule and not by the table under test. */
    private static String byteToken(int b) {
        int shifted = 256;
        for (int i = 0; i < 256; i++) {
            boolean printable = (i >= 33 && i <= 126) || (i >= 161 && i <= 172) || (i >= 174);
            if (i == b) {
                return Character.toString(printable ? b : shifted);
            }
            if (!printable) {
                shifted++;
            }
        }
        throw new AssertionError(b);
    }

    private static List<String> pieces(String text) {
        return Arrays.stream(tokenizer.encode(text, true))
                .mapToObj(tokenizer::text)
                .toList();
    }

    @Test
    void mergesByRankWithinTheSplitsOfThePreTokenizer() {
        assertThat(pieces("the other the")).containsExactly("the", "Ġ", "o", "the", "r", "Ġthe");
        assertThat(pieces("é")).containsExactly("Ã©");
    }

    @Test
    void digitsStandAloneOnlyIfThePreTokenizerSaysSo() throws IOException {
        assertThat(pieces("12")).containsExactly("1", "2");
        try (Tokenizer gpt2 = TokenizerGguf.open(temporary, metadata(MERGES, "gpt-2"))) {
            assertThat(gpt2.encode("12", true)).hasSize(1);
        }
    }

    @Test
    void specialTokensAreFoundOnlyInTrustedText() {
        String text = "a<|im_end|>b<tab>";
        assertThat(tokenizer.encode(text, true)).containsExactly('a', 258, 'b', USER);
        int[] untrusted = tokenizer.encode(text, false);
        assertThat(untrusted).doesNotContain(258).contains(USER);
        assertThat(tokenizer.decode(untrusted)).isEqualTo(text);
    }

    @Test
    void everyTextComesBack() {
        Random random = new Random(5);
        for (int i = 0; i < 300; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(30); n > 0; n--) {
                int codePoint = random.nextInt(4) == 0 ? random.nextInt(0x110000) : random.nextInt(0x80);
                if (codePoint < 0xd800 || codePoint > 0xdfff) {
                    text.appendCodePoint(codePoint);
                }
            }
            assertThat(tokenizer.decode(tokenizer.encode(text.toString(), false)))
                    .isEqualTo(text.toString());
        }
    }

    @Test
    void aLoneSurrogateIsReplaced() {
        assertThat(tokenizer.decode(tokenizer.encode("a\ud83d", true))).isEqualTo("a?");
    }

    @Test
    void endsAreTheEndOfSequenceTokenAndKnownEndsOfATurn() {
        assertThat(tokenizer.endOfGeneration()).containsExactly(256, 258);
        assertThat(tokenizer.isSpecial(259)).isTrue();
        assertThat(tokenizer.isSpecial(USER)).isFalse();
        assertThat(tokenizer.decode(new int[] {'a', 259, USER})).isEqualTo("a<tab>");
    }

    @Test
    void unknownTokensAreRefused() {
        for (int id : new int[] {-1, tokenizer.size(), Integer.MAX_VALUE}) {
            assertThatThrownBy(() -> tokenizer.text(id))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("token " + id);
            assertThatThrownBy(() -> tokenizer.decode(new int[] {id})).isInstanceOf(IllegalArgumentException.class);
        }
    }

    /** Whatever tokens come, the pieces together are the text of all bytes, and no piece ends within a character. */
    @Test
    void streamingNeverSplitsACharacter() {
        Random random = new Random(6);
        for (int i = 0; i < 300; i++) {
            byte[] bytes = "aé漢😀ß".repeat(2).getBytes(StandardCharsets.UTF_8);
            if (i % 2 == 1) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            StreamingDecoder decoder = new StreamingDecoder(tokenizer);
            StringBuilder text = new StringBuilder();
            for (byte b : bytes) {
                String piece = decoder.append(b & 0xff);
                assertThat(piece.isEmpty() || !Character.isHighSurrogate(piece.charAt(piece.length() - 1)))
                        .isTrue();
                text.append(piece);
                if (random.nextInt(4) == 0) {
                    assertThat(decoder.append(259)).isEmpty(); // a special token between the bytes
                }
            }
            text.append(decoder.finish());
            assertThat(text.toString()).isEqualTo(new String(bytes, StandardCharsets.UTF_8));
        }
    }

    @Test
    void aCharacterComesWithItsLastByte() {
        StreamingDecoder decoder = new StreamingDecoder(tokenizer);
        assertThat(decoder.append(0xf0)).isEmpty();
        assertThat(decoder.append(0x9f)).isEmpty();
        assertThat(decoder.append(0x98)).isEmpty();
        assertThat(decoder.append(0x80)).isEqualTo("😀");
        assertThat(decoder.append(0xc3)).isEmpty();
        assertThat(decoder.finish()).isEqualTo("\ufffd");
        assertThat(decoder.append('a')).isEqualTo("a");
    }

    @Test
    void mergesThatDoNotFitTheVocabularyAreRefused() {
        for (List<String> merges : List.of(List.of("x yz"), List.of("t"), List.of(""), List.of("a b c"))) {
            assertThatThrownBy(() -> TokenizerGguf.open(temporary, metadata(merges, "gpt-2")))
                    .as("%s", merges)
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("vocabulary");
        }
    }

    @Test
    void tokenTypesMustFitTheTokens() {
        assertThatThrownBy(() -> TokenizerGguf.open(
                        temporary, metadata(MERGES, "gpt-2").integers("tokenizer.ggml.token_type", 1, 1)))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("2 token types");
    }

    @Test
    void whatIsNotSupportedIsRefusedByName() {
        assertThatThrownBy(() -> TokenizerGguf.open(temporary, metadata(MERGES, "klingon")))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("klingon")
                .hasMessageContaining("llama-bpe");
        assertThatThrownBy(() ->
                        TokenizerGguf.open(temporary, metadata(MERGES, "gpt-2").string("tokenizer.ggml.model", "bert")))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("bert");
    }

    /** Old files do not name their pre-tokenizer; Falcon's splits punctuation from the blank before. */
    @Test
    void theArchitectureSaysHowToSplitWhereTheFileDoesNot() throws IOException {
        List<String> merges = List.of("\u0120 !");
        List<String> tokens = Stream.concat(
                        IntStream.range(0, 256).mapToObj(TokenizerTest::byteToken), Stream.of("\u0120!"))
                .toList();
        GgufMetadataBuilder metadata = TokenizerGguf.byteLevel("default", tokens, new int[257], merges);
        try (Tokenizer gpt2 = TokenizerGguf.open(temporary, metadata);
                Tokenizer falcon = TokenizerGguf.open(temporary, metadata.string("general.architecture", "falcon"))) {
            assertThat(gpt2.encode(" !", true)).hasSize(1);
            assertThat(falcon.encode(" !", true)).hasSize(2);
        }
    }

    /** Without types: the token that ends texts, and known ends of a turn, are no text. */
    @Test
    void filesWithoutTypesHaveControlTokensToo() throws IOException {
        int size = 256 + 5 + MERGES.size();
        try (Tokenizer untyped = TokenizerGguf.open(
                temporary, metadata(MERGES, "gpt-2").integers("tokenizer.ggml.token_type", new int[size]))) {
            assertThat(untyped.endOfGeneration()).containsExactly(256, 258);
            assertThat(untyped.encode("a<|im_end|>", true)).containsExactly('a', 258);
            assertThat(untyped.encode("a<|im_end|>", false)).doesNotContain(258);
        }
    }

    @Test
    void aClosedTokenizerIsNotUsed() throws IOException {
        Tokenizer closed = TokenizerGguf.open(temporary, metadata(MERGES, "gpt-2"));
        closed.close();
        closed.close();
        assertThatThrownBy(() -> closed.encode("a", true)).isInstanceOf(IllegalStateException.class);
    }
}
