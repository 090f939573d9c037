package bita.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.model.file.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the files beside a tokenizer.json say. In the trained tokenizer, 0 is {@code <s>} and 1 {@code </s>}. */
class FolderVocabularyTest {
    private static final String BOS_AND_EOS = "\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"";

    @TempDir
    private Path temporary;

    private Path folder(String settings) throws IOException {
        return Trained.folder(temporary, "llama-bpe", "{" + settings + "}");
    }

    @Test
    void tokensAreNamedByTextOrByObjectOrInAFileOfTheirOwn() throws IOException {
        Path folder = folder("\"bos_token\":null,\"eos_token\":{\"content\":\"</s>\",\"special\":true}");
        Files.writeString(folder.resolve("special_tokens_map.json"), "{\"bos_token\":{\"content\":\"<s>\"}}");
        try (Tokenizer tokenizer = Tokenizer.ofFolder(folder)) {
            assertThat(tokenizer.bos()).hasValue(0);
            assertThat(tokenizer.eos()).hasValue(1);
            assertThat(tokenizer.addsBos()).isFalse();
        }
    }

    @Test
    void aFolderOfNothingElseIsEnough() throws IOException {
        Path folder = folder("");
        Files.delete(folder.resolve("tokenizer_config.json"));
        try (Tokenizer tokenizer = Tokenizer.ofFolder(folder)) {
            assertThat(tokenizer.bos()).isEmpty();
            assertThat(tokenizer.endOfGeneration()).containsExactly(1, 4, 5); // </s>, <|im_end|>, <|eot_id|>
            assertThat(tokenizer.encode("hi", true)).isNotEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"7 | 7", "[7,8] | 7,8"})
    void answersEndAsTheSettingsForGenerationSay(String value, String expected) throws IOException {
        Path folder = folder(BOS_AND_EOS);
        Files.writeString(folder.resolve("config.json"), "{\"eos_token_id\":9}");
        Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\":" + value + "}");
        try (Tokenizer tokenizer = Tokenizer.ofFolder(folder)) {
            for (String end : expected.split(",", -1)) {
                assertThat(tokenizer.endOfGeneration())
                        .contains(Integer.parseInt(end))
                        .doesNotContain(9);
                assertThat(tokenizer.isSpecial(Integer.parseInt(end))).isTrue();
            }
        }
    }

    @Test
    void orAsThoseOfTheModelDo() throws IOException {
        Path folder = folder(BOS_AND_EOS);
        Files.writeString(folder.resolve("config.json"), "{\"eos_token_id\":9}");
        Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\":null}");
        try (Tokenizer tokenizer = Tokenizer.ofFolder(folder)) {
            assertThat(tokenizer.endOfGeneration()).contains(1, 9);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | false",
                "'\"add_bos_token\":true' | true",
                "'\"add_bos_token\":false,\"tokenizer_class\":\"LlamaTokenizerFast\"' | false",
                "'\"tokenizer_class\":\"LlamaTokenizerFast\"' | true",
                "'\"tokenizer_class\":\"GPT2Tokenizer\"' | false"
            })
    void aTextBeginsAsTheSettingsSay(String more, boolean expected) throws IOException {
        try (Tokenizer tokenizer = Tokenizer.ofFolder(folder(BOS_AND_EOS + (more.isEmpty() ? "" : "," + more)))) {
            assertThat(tokenizer.addsBos()).isEqualTo(expected);
        }
    }

    @Test
    void aTextBeginsAsTheTokenizerHasIt() throws IOException {
        Path folder = folder(BOS_AND_EOS);
        Path file = folder.resolve("tokenizer.json");
        String template = """
                "post_processor":{"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"TemplateProcessing",\
                "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}]}]}""";
        String json = Files.readString(file);
        assertThat(json).contains("\"post_processor\":null");
        Files.writeString(file, json.replace("\"post_processor\":null", template));
        try (Tokenizer tokenizer = Tokenizer.ofFolder(folder)) {
            assertThat(tokenizer.addsBos()).isTrue();
        }
    }

    @Test
    void mergesMayStandBeforeTheVocabulary() throws IOException {
        Path folder = folder(BOS_AND_EOS);
        Path file = folder.resolve("tokenizer.json");
        String json = Files.readString(file);
        int merges = json.indexOf("\"merges\":");
        int end = json.lastIndexOf("]") + 1;
        int vocabulary = json.indexOf("\"vocab\":");
        Files.writeString(
                file,
                json.substring(0, vocabulary) + json.substring(merges, end) + ","
                        + json.substring(vocabulary, merges - 1) + json.substring(end));
        try (Tokenizer tokenizer = Tokenizer.ofFolder(folder)) {
            assertThat(tokenizer.encode("the other", true)).hasSize(2);
        }
    }

    @Test
    void addedTokensOfSettingsComeBehindThePieces() throws IOException {
        Path folder = Files.createDirectory(temporary.resolve("pieces"));
        Files.write(folder.resolve("tokenizer.model"), Trained.bytes("spm.model"));
        int size = Trained.json("spm.json").path("tokens").size();
        Files.writeString(folder.resolve("added_tokens.json"), "{\"<|more|>\":" + size + "}");
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                "{\"added_tokens_decoder\":{\"0\":{\"content\":\"<unk>\",\"special\":true},\"%d\":{\"content\":\"<x>\"}}}"
                        .formatted(size + 1));
        try (Tokenizer tokenizer = Tokenizer.ofFolder(folder)) {
            assertThat(tokenizer.size()).isEqualTo(size + 2);
            assertThat(tokenizer.encode("<|more|><x>", true)).containsExactly(size, size + 1);
            assertThat(tokenizer.isSpecial(size)).isTrue();
            assertThat(tokenizer.isSpecial(size + 1)).isFalse();
        }
        Files.writeString(folder.resolve("added_tokens.json"), "{\"<|more|>\":" + (size + 5) + "}");
        refused(folder, "number " + size + " is missing");
    }

    private static void refused(Path folder, String message) {
        assertThatThrownBy(() -> Tokenizer.ofFolder(folder))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining(message);
    }

    @Test
    void whatDoesNotFitIsRefused() throws IOException {
        refused(temporary, "neither a tokenizer.json nor a tokenizer.model");
        refused(folder("\"bos_token\":\"<nowhere>\""), "bos_token is \"<nowhere>\"");
        Path folder = folder(BOS_AND_EOS);
        for (String value : new String[] {"99999", "-1", "[0,99999]", "1.5", "1e99"}) {
            Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\":" + value + "}");
            refused(folder, "eos_token_id is");
        }
        Files.writeString(folder.resolve("generation_config.json"), "[]");
        refused(folder, "JSON object");
        Files.delete(folder.resolve("generation_config.json"));
        Files.createDirectory(folder.resolve("special_tokens_map.json"));
        refused(folder, "no file");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "\"type\":\"BPE\" | \"type\":\"Unigram\" | only BPE",
                "\"normalizer\":null | \"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"\"} | Precompiled",
                "\"dropout\":null | \"dropout\":0.5 | dropout",
                "\"end_of_word_suffix\":null | \"end_of_word_suffix\":\"x\" | end_of_word_suffix",
                "\\\\s+(?!\\\\S) | (a+)+(a+)+ | not supported",
                "\"use_regex\":false | \"add_prefix_space\":\"x\" | not supported",
                "\"id\":0 | \"id\":-1 | -1",
                "\"id\":0 | \"id\":4194304 | 4194304",
                "\"id\":0 | \"id\":7 | twice"
            })
    void tokenizersOfOtherKindsAreRefused(String from, String to, String message) throws IOException {
        Path folder = folder(BOS_AND_EOS);
        Path file = folder.resolve("tokenizer.json");
        String json = Files.readString(file);
        assertThat(json).contains(from);
        Files.writeString(file, json.replace(from, to));
        refused(folder, message);
    }
}
