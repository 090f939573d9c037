package bita.tune.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.model.template.ChatTemplate;
import bita.model.template.TemplateException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class TurnMarkersTest {
    private static final Path GOLDEN = Path.of("../../shared/golden/chat-templates");
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-23T12:05:09Z"), ZoneOffset.UTC);
    private static final Map<String, String> VARIABLES = Map.of("bos_token", "<s>", "eos_token", "</s>");

    private static TurnMarkers of(String template) throws TemplateException {
        return TurnMarkers.of(ChatTemplate.parse(template), VARIABLES, CLOCK);
    }

    private static TurnMarkers golden(String name) throws IOException, TemplateException {
        return of(Files.readString(GOLDEN.resolve("tpl").resolve(name + ".jinja")));
    }

    @Test
    void findsThoseOfTheDefaultModel() throws IOException, TemplateException {
        try (InputStream template =
                Objects.requireNonNull(ChatTemplate.class.getResourceAsStream("smollm2.jinja"), "template")) {
            assertThat(of(new String(template.readAllBytes(), StandardCharsets.UTF_8)))
                    .isEqualTo(new TurnMarkers(
                            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
                                    + "<|im_end|>\n<|im_start|>user\n",
                            "<|im_end|>\n",
                            "<|im_start|>assistant\n"));
        }
    }

    @Test
    void findsThoseOfPublishedTemplates() throws IOException, TemplateException {
        Assumptions.assumeTrue(Files.isDirectory(GOLDEN), "The golden templates are not beside this checkout");

        assertThat(golden("Llama-2-chat-hf")).isEqualTo(new TurnMarkers("<s>[INST] ", " [/INST]", ""));
        assertThat(golden("Llama-3-8B-Instruct"))
                .isEqualTo(new TurnMarkers(
                        "<s><|start_header_id|>user<|end_header_id|>\n\n",
                        "<|eot_id|>",
                        "<|start_header_id|>assistant<|end_header_id|>\n\n"));
        assertThat(golden("google-gemma-2-2b-it"))
                .isEqualTo(new TurnMarkers("<s><start_of_turn>user\n", "<end_of_turn>\n", "<start_of_turn>model\n"));
        assertThat(golden("Qwen-QwQ-32B").end()).isEqualTo("<|im_end|>\n");
        assertThat(golden("mistralai-Mistral-Nemo-Instruct-2407"))
                .isEqualTo(new TurnMarkers("<s>[INST]", "[/INST]", ""));
        assertThat(golden("ByteDance-Seed-OSS"))
                .isEqualTo(new TurnMarkers("<seed:bos>user\n", "<seed:eos>", "<seed:bos>assistant\n"));
        // The answer begins otherwise after a question than in a conversation; the tag is not cut.
        assertThat(golden("deepseek-ai-DeepSeek-V3.2"))
                .isEqualTo(new TurnMarkers("<s><｜User｜>", "<｜Assistant｜>", "<think></think>"));
        assertThat(golden("microsoft-Phi-3.5-mini-instruct"))
                .isEqualTo(new TurnMarkers("<|user|>\n", "<|end|>\n<|assistant|>\n", ""));
    }

    /** What the three parts say together is what the template renders for a question. */
    @Test
    void agreesWithWhatIsRenderedForAQuestion() throws IOException {
        Assumptions.assumeTrue(Files.isDirectory(GOLDEN), "The golden templates are not beside this checkout");
        int found = 0;
        int refused = 0;
        for (JsonNode golden :
                JsonMapper.shared().readTree(GOLDEN.resolve("ref.json").toFile())) {
            String expected = golden.path("out").asString("");
            if (!golden.path("s").asString().equals("user") || expected.isEmpty()) {
                continue;
            }
            try {
                TurnMarkers markers = of(Files.readString(
                        GOLDEN.resolve("tpl").resolve(golden.path("t").asString())));
                found++;
                assertThat(Stream.of("  Hello, what's up? ", "Hello, what's up?")
                                .map(text -> markers.opening() + text + markers.end() + markers.answer()))
                        .as(golden.path("t").asString())
                        .contains(expected);
            } catch (TemplateException e) {
                refused++;
            }
        }
        assertThat(found).isGreaterThan(65);
        assertThat(refused).isLessThan(5);
    }

    @Test
    void refusesTemplatesThatHideWhatIsSaid() {
        String each = "{% for m in messages %}";
        for (Map.Entry<String, String> refused : List.of(
                Map.entry("<u>{{ messages[0]['content'] | upper }}</u>", "does not show what is said as it is"),
                Map.entry("Nothing", "does not show what is said as it is"),
                Map.entry("<u>{{ messages[0].content }}{{ messages[0].content }}", "shows what is said more than once"),
                Map.entry(each + "{{ m.content }}</u>{% endfor %}", "puts nothing before what the user says"),
                Map.entry(each + "<u>{{ m.content }}{% endfor %}", "puts nothing behind what the user says"),
                Map.entry(
                        "<{{ messages[0].content[:2] }}>{{ messages[0].content }}</u>",
                        "puts different things around different texts"),
                Map.entry(
                        "<u>{% if messages | length > 1 %}{{ messages[1].content }}{% endif %}{{ messages[0].content }}"
                                + "{% if add_generation_prompt %}a{% else %}b{% endif %}",
                        "puts the answer before what the user says"))) {
            assertThatThrownBy(() -> of(refused.getKey()))
                    .as(refused.getKey())
                    .isInstanceOf(TemplateException.class)
                    .hasMessage("the model cannot ask itself, for its chat template " + refused.getValue()
                            + "; give it questions from a file");
        }
        assertThatThrownBy(() -> of("{{ raise_exception('Only tools') }}"))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("Only tools");
    }
}
