package bita.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import bita.model.file.GgufMetadataBuilder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A vocabulary of SentencePiece's in which all is seen at a glance. */
class SentencePieceTest {
    private static final int BYTES = 3; // the first of them
    private static final List<String> PIECES =
            List.of("\u2581", "h", "i", "t", "e", "\u2581t", "he", "\u2581the", "hi", "\u2581hi", "<", "s", ">", "s>");
    private static final int PIECE = BYTES + 256;
    private static final int NEWLINE = PIECE + 14;
    private static final int TURN = NEWLINE + 1;

    @TempDir
    private Path temporary;

    private Tokenizer tokenizer;

    @BeforeEach
    void open() throws IOException {
        tokenizer = TokenizerGguf.open(temporary, metadata());
    }

    @AfterEach
    void close() {
        tokenizer.close();
    }

    private static GgufMetadataBuilder metadata() {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        for (int b = 0; b < 256; b++) {
            tokens.add("<0x%02X>".formatted(b));
        }
        tokens.addAll(PIECES);
        tokens.add("\n\n");
        tokens.add("<end_of_turn>");
        int[] types = new int[tokens.size()];
        float[] scores = new float[tokens.size()];
        Arrays.fill(types, 1);
        Arrays.fill(types, BYTES, PIECE, GgufVocabulary.BYTE);
        types[0] = GgufVocabulary.UNKNOWN;
        types[1] = GgufVocabulary.CONTROL;
        types[2] = GgufVocabulary.CONTROL;
        types[NEWLINE] = GgufVocabulary.USER_DEFINED;
        for (int id = PIECE; id < NEWLINE; id++) {
            scores[id] = PIECE - id;
        }
        return TokenizerGguf.sentencePiece(tokens, types, scores);
    }

    private List<String> pieces(String text, boolean parseSpecial) {
        return Arrays.stream(tokenizer.encode(text, parseSpecial))
                .mapToObj(tokenizer::text)
                .toList();
    }

    @Test
    void theBestScoreIsMergedFirst() {
        assertThat(pieces("the hi", true)).containsExactly("\u2581the", "\u2581hi");
        assertThat(pieces("the", true)).containsExactly("\u2581the"); // by way of "▁t" and "he"
        assertThat(pieces("", true)).isEmpty();
    }

    @Test
    void whatHasNoPieceBecomesBytes() {
        assertThat(pieces("é\n", true)).containsExactly("\u2581", "<0xC3>", "<0xA9>", "<0x0A>");
        assertThat(tokenizer.decode(tokenizer.encode("é\n\0😀", true))).isEqualTo("é\n\0😀");
        assertThat(pieces("<0x0A>", false)).doesNotContain("<0x0A>");
    }

    @Test
    void aTextHasABlankInFrontUnlessTheFileSaysNo() throws IOException {
        assertThat(pieces("hi", true)).containsExactly("\u2581hi");
        assertThat(pieces(" hi", true)).containsExactly("\u2581", "\u2581hi");
        assertThat(tokenizer.decode(tokenizer.encode(" hi", true))).isEqualTo(" hi");
        try (Tokenizer bare =
                TokenizerGguf.open(temporary, metadata().bool("tokenizer.ggml.add_space_prefix", false))) {
            assertThat(bare.encode("hi", true)).containsExactly(PIECE + 8);
            assertThat(bare.decode(bare.encode(" hi", true))).isEqualTo(" hi");
        }
    }

    @Test
    void controlTokensAreFoundOnlyInTrustedTextAndUserDefinedOnesAlways() {
        assertThat(tokenizer.encode("hi<s>hi", true)).containsExactly(PIECE + 9, 1, PIECE + 9);
        assertThat(pieces("<s>", false)).containsExactly("\u2581", "<", "s>");
        assertThat(pieces("hi\n\nhi", false)).containsExactly("\u2581hi", "\n\n", "\u2581hi");
        assertThat(tokenizer.decode(new int[] {PIECE + 9, NEWLINE})).isEqualTo("hi\n\n");
    }

    @Test
    void endsAreKnownByNameThoughTheFileCallsThemText() {
        assertThat(tokenizer.endOfGeneration()).containsExactly(2, TURN);
        assertThat(tokenizer.isSpecial(TURN)).isTrue();
        assertThat(tokenizer.encode("hi<end_of_turn>", true)).endsWith(TURN);
        assertThat(tokenizer.encode("hi<end_of_turn>", false)).doesNotContain(TURN);
    }

    @Test
    void llamasTokensAreMeantWhereTheFileNamesNone() {
        assertThat(tokenizer.bos()).hasValue(1);
        assertThat(tokenizer.eos()).hasValue(2);
        assertThat(tokenizer.addsBos()).isTrue();
        assertThat(tokenizer.isSpecial(0)).isTrue();
    }

    @Test
    void furtherEndsAreRead() throws IOException {
        try (Tokenizer more = TokenizerGguf.open(
                temporary,
                metadata().uint32("tokenizer.ggml.eot_token_id", PIECE).uint32("tokenizer.ggml.eom_token_id", 1))) {
            assertThat(more.endOfGeneration()).containsExactly(1, 2, PIECE, TURN);
            assertThat(more.isSpecial(PIECE)).isTrue();
        }
    }

    @Test
    void phi3TokensTakeInTheBlanksBehindThem() throws IOException {
        String turn = "<end_of_turn>\n hi";
        assertThat(pieces(turn, true)).containsExactly("<end_of_turn>", "\u2581", "<0x0A>", "\u2581hi");
        try (Tokenizer phi3 = TokenizerGguf.open(temporary, metadata().string("general.architecture", "phi3"))) {
            assertThat(phi3.encode(turn, true)).containsExactly(TURN, PIECE + 9);
            assertThat(phi3.encode("<s> hi", true)).containsExactly(1, PIECE, PIECE + 9);
        }
    }

    @Test
    void mergesOfTheFileComeBeforeItsScores() throws IOException {
        try (Tokenizer listed = TokenizerGguf.open(
                temporary, metadata().strings("tokenizer.ggml.merges", List.of("h i", "\u2581 hi")))) {
            assertThat(listed.encode("hi", true)).containsExactly(PIECE + 9);
            assertThat(listed.encode("the", true)).hasSize(4);
        }
    }

    @Test
    void theFirstBlankIsNoTextUnlessTheTextGoesOn() {
        int hi = PIECE + 9;
        StreamingDecoder own = new StreamingDecoder(tokenizer);
        assertThat(own.append(1)).isEmpty();
        assertThat(own.append(hi) + own.append(hi)).isEqualTo("hi hi");
        StreamingDecoder turn = new StreamingDecoder(tokenizer, new int[] {hi, TURN});
        assertThat(turn.append(hi)).isEqualTo("hi");
        StreamingDecoder more = new StreamingDecoder(tokenizer, new int[] {1, hi});
        assertThat(more.append(hi)).isEqualTo(" hi");
    }

    @Test
    void aCharacterOfBytesComesWithTheLast() {
        StreamingDecoder decoder = new StreamingDecoder(tokenizer);
        assertThat(decoder.append(PIECE)).isEmpty();
        assertThat(decoder.append(BYTES + 0xe6) + decoder.append(BYTES + 0xbc)).isEmpty();
        assertThat(decoder.append(BYTES + 0xa2)).isEqualTo("漢");
        assertThat(decoder.append(BYTES + 0xe6)).isEmpty();
        assertThat(decoder.append(PIECE + 9)).isEqualTo("\ufffd hi");
        assertThat(decoder.append(NEWLINE) + decoder.finish()).isEqualTo("\n\n");
    }
}
