package bita.model.template;

import bita.model.file.GgufFile;
import bita.model.file.JsonFile;
import bita.model.file.ModelFormatException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** Finds out how a model writes conversations. */
public final class ModelTemplate {
    private static final String TEMPLATE = "chat_template";

    private static final String VICUNA = """
            {{- bos_token }}
            {%- if messages[0]['role'] == 'system' -%}
                {{- messages[0]['content'] }}
                {%- set turns = messages[1:] -%}
            {%- else -%}
                {{- "A chat between a curious user and an artificial intelligence assistant. The assistant gives \
            helpful, detailed, and polite answers to the user's questions." }}
                {%- set turns = messages -%}
            {%- endif -%}
            {%- for message in turns -%}
                {%- if message['role'] == 'user' -%}
                    {{- ' USER: ' + message['content'] | trim }}
                {%- elif message['role'] == 'assistant' -%}
                    {{- ' ASSISTANT: ' + message['content'] | trim + eos_token }}
                {%- else -%}
                    {{- raise_exception('A system message must be the first') }}
                {%- endif -%}
            {%- endfor -%}
            {%- if add_generation_prompt -%}
                {{- ' ASSISTANT:' }}
            {%- endif -%}
            """;

    private static final String LLAMA2 = """
            {%- if messages[0]['role'] == 'system' -%}
                {%- set system = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' -%}
                {%- set turns = messages[1:] -%}
            {%- else -%}
                {%- set system = '' -%}
                {%- set turns = messages -%}
            {%- endif -%}
            {%- for message in turns -%}
                {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
                    {{- raise_exception('User and assistant must take turns') }}
                {%- elif message['role'] == 'user' -%}
                    {{- bos_token + '[INST] ' + ((system if loop.first else '') + message['content']) | trim + ' [/INST]' }}
                {%- else -%}
                    {{- ' ' + message['content'] | trim + ' ' + eos_token }}
                {%- endif -%}
            {%- endfor -%}
            """;

    private ModelTemplate() {}

    /**
     * The template of a GGUF file; else the usual one of its family if the model's name says that it is a Vicuna or a Llama
     * 2 tuned for chats, whose files often have none.
     *
     * @throws ModelFormatException if the template cannot be used
     */
    public static Optional<ChatTemplate> of(GgufFile file) throws ModelFormatException {
        Optional<String> source = file.metadata().string("tokenizer." + TEMPLATE);
        if (source.isEmpty()) {
            String name = file.metadata().string("general.name").orElse("");
            source = ofFamily(name + " " + file.path().getFileName());
        }
        return parse(source, file.path());
    }

    /**
     * The template of a folder in Hugging Face's layout: chat_template.jinja, or what tokenizer_config.json says (the
     * template called "default" where it has several); else that of the family, by the folder's name and what config.json
     * calls the model.
     *
     * @throws ModelFormatException if a file is damaged, or the template cannot be used
     */
    public static Optional<ChatTemplate> ofFolder(Path folder) throws IOException {
        Found found = find(folder);
        return parse(found.source, found.file);
    }

    /**
     * The text of that template.
     *
     * @throws ModelFormatException if a file is damaged
     */
    public static Optional<String> sourceInFolder(Path folder) throws IOException {
        return find(folder).source;
    }

    /** @param file where a template is, or would be */
    private record Found(Optional<String> source, Path file) {}

    private static Found find(Path folder) throws IOException {
        Path file = folder.resolve("chat_template.jinja");
        if (Files.exists(file)) {
            return new Found(Optional.of(text(file)), file);
        }
        Path settings = folder.resolve("tokenizer_config.json");
        Optional<String> source = JsonFile.settings(settings).flatMap(node -> source(node.path(TEMPLATE)));
        if (source.isEmpty()) {
            String name = JsonFile.settings(folder.resolve("config.json"))
                    .map(node -> node.path("_name_or_path").asString(""))
                    .orElse("");
            source = ofFamily(name + " " + folder.toAbsolutePath().getFileName());
        }
        return new Found(source, settings);
    }

    private static Optional<String> source(JsonNode template) {
        if (template.isString()) {
            return Optional.of(template.stringValue());
        }
        for (JsonNode named : template) {
            if (named.path("name").asString("").equals("default")) {
                return named.path("template").stringValueOpt();
            }
        }
        return Optional.empty();
    }

    private static Optional<String> ofFamily(String name) {
        String plain = name.toLowerCase(Locale.ROOT).replaceAll("[-_ ]", "");
        if (plain.contains("vicuna")) {
            return Optional.of(VICUNA);
        }
        return plain.contains("llama2") && plain.contains("chat") ? Optional.of(LLAMA2) : Optional.empty();
    }

    private static String text(Path file) throws IOException {
        if (!Files.isRegularFile(file) || Files.size(file) > Lexer.MAX_SOURCE) {
            throw new ModelFormatException(
                    file, "the chat template is no file of up to " + Lexer.MAX_SOURCE + " bytes");
        }
        try {
            return Files.readString(file);
        } catch (CharacterCodingException e) {
            throw new ModelFormatException(file, "the chat template is not UTF-8; download it again", e);
        }
    }

    private static Optional<ChatTemplate> parse(Optional<String> source, Path file) throws ModelFormatException {
        try {
            return source.isEmpty() ? Optional.empty() : Optional.of(ChatTemplate.parse(source.get()));
        } catch (TemplateException e) {
            throw new ModelFormatException(file, "the chat template cannot be used: " + e.getMessage(), e);
        }
    }
}
