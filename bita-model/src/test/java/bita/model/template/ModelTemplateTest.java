package bita.model.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.model.file.GgufFile;
import bita.model.file.GgufMetadata;
import bita.model.file.GgufMetadataBuilder;
import bita.model.file.GgufWriter;
import bita.model.file.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelTemplateTest {
    private static final Map<String, Object> CONVERSATION = Map.of(
            "messages",
            List.of(
                    Map.of("role", "user", "content", " Hi "),
                    Map.of("role", "assistant", "content", "Hello."),
                    Map.of("role", "user", "content", "Bye")),
            "add_generation_prompt",
            true,
            "bos_token",
            "<s>",
            "eos_token",
            "</s>");

    @TempDir
    private Path temporary;

    private Optional<ChatTemplate> ofGguf(String file, GgufMetadataBuilder metadata) throws IOException {
        Path path = temporary.resolve(file);
        try (GgufWriter writer = GgufWriter.create(path, metadata.build(), true)) {
            writer.finish();
        }
        try (GgufFile gguf = GgufFile.open(path)) {
            return ModelTemplate.of(gguf);
        }
    }

    private static String render(Optional<ChatTemplate> template) throws TemplateException {
        return template.orElseThrow().render(CONVERSATION, Render.CLOCK);
    }

    @Test
    void theFilesOwnTemplateComesFirst() throws Exception {
        GgufMetadataBuilder metadata = GgufMetadata.builder()
                .string("general.name", "vicuna")
                .string("tokenizer.chat_template", "{{ messages|length }}");
        assertThat(render(ofGguf("model.gguf", metadata))).isEqualTo("3");
    }

    @ParameterizedTest
    @CsvSource({"lmsys_vicuna-7b-v1.5, model.gguf", "Model, Vicuna-13B-v1.1.Q4_0.gguf"})
    void vicunaHasItsUsualOne(String name, String file) throws Exception {
        assertThat(render(ofGguf(file, GgufMetadata.builder().string("general.name", name))))
                .isEqualTo(
                        "<s>A chat between a curious user and an artificial intelligence assistant. The assistant gives"
                                + " helpful, detailed, and polite answers to the user's questions. USER: Hi ASSISTANT: Hello.</s>"
                                + " USER: Bye ASSISTANT:");
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-2-7b-chat", "Llama 2 Chat", "LLaMA_2_7b_chat_hf"})
    void llama2HasItsUsualOne(String name) throws Exception {
        Optional<ChatTemplate> template =
                ofGguf("model.gguf", GgufMetadata.builder().string("general.name", name));
        assertThat(render(template)).isEqualTo("<s>[INST] Hi [/INST] Hello. </s><s>[INST] Bye [/INST]");
        String published = DefaultModelTemplateTest.resource("families/llama2-chat.jinja");
        for (FamilyTemplatesTest.Case c : FamilyTemplatesTest.cases().toList()) {
            String text = c.text();
            if (c.template().equals("llama2-chat.jinja") && text != null) {
                assertThat(template.orElseThrow().render(c.variables(), Render.CLOCK))
                        .as(c.scenario())
                        .isEqualTo(text)
                        .isEqualTo(Render.render(published, c.variables()));
            }
        }
    }

    @Test
    void otherModelsHaveNone() throws IOException {
        assertThat(ofGguf("model.gguf", GgufMetadata.builder().string("general.name", "Llama 2 7B")))
                .isEmpty();
        assertThat(ModelTemplate.ofFolder(temporary)).isEmpty();
    }

    @Test
    void aFoldersTemplateIsATextOrOneOfSeveralOrAFile() throws Exception {
        Path settings = temporary.resolve("tokenizer_config.json");
        Files.writeString(settings, "{\"chat_template\":\"a{{ bos_token }}\"}");
        assertThat(render(ModelTemplate.ofFolder(temporary))).isEqualTo("a<s>");
        Files.writeString(
                settings,
                "{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"x\"},{\"name\":\"default\",\"template\":\"b\"}]}");
        assertThat(render(ModelTemplate.ofFolder(temporary))).isEqualTo("b");
        Files.writeString(temporary.resolve("chat_template.jinja"), "c");
        assertThat(render(ModelTemplate.ofFolder(temporary))).isEqualTo("c");
    }

    @Test
    void aFolderIsNamedByItsPathOrByItsSettings() throws Exception {
        Path folder = Files.createDirectory(temporary.resolve("vicuna-7b-v1.5"));
        assertThat(render(ModelTemplate.ofFolder(folder))).contains("USER: Hi ASSISTANT:");
        Files.writeString(temporary.resolve("config.json"), "{\"_name_or_path\":\"meta-llama/Llama-2-7b-chat-hf\"}");
        assertThat(render(ModelTemplate.ofFolder(temporary))).startsWith("<s>[INST] Hi [/INST]");
    }

    @Test
    void whatCannotBeUsedIsRefused() throws IOException {
        Path settings = temporary.resolve("tokenizer_config.json");
        for (String damaged : List.of("{\"chat_template\":\"{{\"}", "{", "[]", "{\"chat_template\":\"{{'\\ud800\"}")) {
            Files.writeString(settings, damaged);
            assertThatThrownBy(() -> ModelTemplate.ofFolder(temporary))
                    .as(damaged)
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("tokenizer_config.json");
        }
        Files.write(temporary.resolve("chat_template.jinja"), new byte[] {(byte) 0xff});
        assertThatThrownBy(() -> ModelTemplate.ofFolder(temporary))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("UTF-8");
        Files.writeString(temporary.resolve("chat_template.jinja"), " ".repeat(Lexer.MAX_SOURCE + 1));
        assertThatThrownBy(() -> ModelTemplate.ofFolder(temporary)).isInstanceOf(ModelFormatException.class);
    }
}
