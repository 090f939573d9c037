package bita.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import bita.model.file.GgufMetadata;
import bita.model.file.GgufMetadataBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens of difficult texts against Hugging Face's tokenizers and SentencePiece, from files of every kind. */
class TrainedTokenizersTest {
    private static final String SETTINGS =
            "{\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"</s>\",\"lstrip\":false},\"unk_token\":null}";

    @TempDir
    private Path temporary;

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "olmo", "smollm", "falcon", "llama-bpe", "dbrx", "qwen2", "tekken", "gpt-4o"})
    void byteLevelTokenizersAgreeFromGgufAndFromFolder(String name) throws IOException {
        try (Tokenizer gguf = Trained.byteLevel(temporary, name);
                Tokenizer folder = Tokenizer.ofFolder(Trained.folder(temporary, name, SETTINGS));
                Tokenizer written = written(folder)) {
            check(name, gguf);
            check(name, folder);
            check(name, written);
            checkBytes(gguf, folder);
            checkBytes(gguf, written);
        }
    }

    /** What becomes of a tokenizer that is written to a GGUF file. */
    private Tokenizer written(Tokenizer tokenizer) throws IOException {
        GgufMetadataBuilder metadata = GgufMetadata.builder();
        tokenizer.describe(metadata);
        return TokenizerGguf.open(Files.createDirectory(temporary.resolve("written")), metadata);
    }

    @ParameterizedTest
    @ValueSource(strings = {"spm", "spm-bare"})
    void sentencePieceAgreesFromGgufAndFromFolderAndFromItsOwnFile(String name) throws IOException {
        boolean prefix = name.equals("spm");
        try (Tokenizer gguf = Trained.sentencePiece(temporary, name, Optional.of(prefix));
                Tokenizer folder = Tokenizer.ofFolder(Trained.folder(temporary, name, SETTINGS));
                Tokenizer own = Tokenizer.ofFolder(ownFile(name));
                Tokenizer written = written(folder)) {
            check(name, gguf);
            check(name, folder);
            check(name, own);
            check(name, written);
            checkBytes(gguf, folder);
            checkBytes(gguf, own);
        }
    }

    private Path ownFile(String name) throws IOException {
        Path folder = Files.createDirectory(temporary.resolve("own"));
        Files.write(folder.resolve("tokenizer.model"), Trained.bytes(name + ".model"));
        Files.writeString(folder.resolve("tokenizer_config.json"), SETTINGS);
        return folder;
    }

    private static void check(String name, Tokenizer tokenizer) throws IOException {
        SoftAssertions all = new SoftAssertions();
        for (Trained.Case c : Trained.cases(name)) {
            int[] tokens = tokenizer.encode(c.text(), true);
            int[] plain = tokenizer.encode(c.text(), false);
            all.assertThat(tokens).as("%s: <%s>", name, c.text()).containsExactly(array(c.tokens()));
            all.assertThat(plain).as("%s, plain: <%s>", name, c.text()).containsExactly(array(c.plain()));
            StreamingDecoder decoder = new StreamingDecoder(tokenizer);
            StringBuilder streamed = new StringBuilder();
            for (int token : plain) {
                streamed.append(decoder.append(token));
            }
            streamed.append(decoder.finish());
            all.assertThat(streamed.toString()).as("streamed").isEqualTo(tokenizer.decode(plain));
        }
        all.assertAll();
    }

    private static int[] array(List<Integer> numbers) {
        return numbers.stream().mapToInt(Integer::intValue).toArray();
    }

    private static void checkBytes(Tokenizer gguf, Tokenizer folder) {
        assertThat(folder.size()).isEqualTo(gguf.size());
        for (int id = 0; id < gguf.size(); id++) {
            assertThat(folder.bytes(id)).as("token %s", gguf.text(id)).isEqualTo(gguf.bytes(id));
            assertThat(folder.isSpecial(id)).as("token %s", gguf.text(id)).isEqualTo(gguf.isSpecial(id));
        }
    }

    /** Whatever is in a text, byte-level tokens give it back; SentencePiece's where nothing is a blank but a blank. */
    @Test
    void textsComeBack() throws IOException {
        try (Tokenizer bytes = Trained.byteLevel(temporary, "llama-bpe");
                Tokenizer pieces = Trained.sentencePiece(temporary, "spm", Optional.empty());
                Tokenizer bare = Trained.sentencePiece(temporary, "spm-bare", Optional.of(false))) {
            for (Trained.Case c : Trained.cases("llama-bpe")) {
                String text = c.text();
                assertThat(bytes.decode(bytes.encode(text, false))).isEqualTo(text);
                assertThat(bare.decode(bare.encode(text, false))).isEqualTo(text.replace('\u2581', ' '));
                if (!text.contains("<tab>") && !text.contains("\n\n") && !text.contains("   ")) {
                    assertThat(pieces.decode(pieces.encode(text, false))).isEqualTo(text.replace('\u2581', ' '));
                }
            }
        }
    }
}
