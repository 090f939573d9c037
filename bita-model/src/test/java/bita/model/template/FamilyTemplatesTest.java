package bita.model.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.io.IOException;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.json.JsonMapper;

/** Templates of model families against what Jinja2 makes of them (src/test/python/templates.py). */
class FamilyTemplatesTest {
    @JsonIgnoreProperties(ignoreUnknown = true)
    record Case(
            String template,
            String scenario,
            Map<String, Object> variables,
            @Nullable String text) {
        @Override
        public String toString() {
            return template + " " + scenario;
        }
    }

    static Stream<Case> cases() throws IOException {
        JsonMapper mapper = new JsonMapper();
        return DefaultModelTemplateTest.resource("families/families.jsonl")
                .lines()
                .map(line -> mapper.readValue(line, Case.class));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void rendersAndRefusesAsJinja(Case c) throws IOException, TemplateException {
        String template = DefaultModelTemplateTest.resource("families/" + c.template());
        String text = c.text();
        if (text == null) {
            assertThatThrownBy(() -> Render.render(template, c.variables())).isInstanceOf(TemplateException.class);
        } else {
            assertThat(Render.render(template, c.variables())).isEqualTo(text);
        }
    }
}
