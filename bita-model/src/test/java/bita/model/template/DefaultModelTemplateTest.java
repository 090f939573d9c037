package bita.model.template;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.json.JsonMapper;

/** The template of SmolLM2-Instruct against what Hugging Face transformers renders. */
class DefaultModelTemplateTest {
    record Case(
            List<Map<String, Object>> messages,
            @JsonProperty("add_generation_prompt") boolean addGenerationPrompt,
            String text) {}

    static Stream<Case> cases() throws IOException {
        JsonMapper mapper = new JsonMapper();
        return resource("smollm2.jsonl").lines().map(line -> mapper.readValue(line, Case.class));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void rendersConversations(Case conversation) throws IOException, TemplateException {
        Map<String, Object> variables = Map.of(
                "messages", conversation.messages(), "add_generation_prompt", conversation.addGenerationPrompt());

        assertThat(Render.render(resource("smollm2.jinja"), variables)).isEqualTo(conversation.text());
    }

    static String resource(String name) throws IOException {
        try (InputStream stream =
                Objects.requireNonNull(DefaultModelTemplateTest.class.getResourceAsStream(name), name)) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
