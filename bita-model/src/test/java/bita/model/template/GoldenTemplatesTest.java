package bita.model.template;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** Templates of published models against what Hugging Face transformers renders for them. */
class GoldenTemplatesTest {
    private static final Path FOLDER = Path.of("../../shared/golden/chat-templates");

    record Case(
            String t,
            String s,
            Map<String, Object> ctx,
            @Nullable String out,
            @Nullable String err) {}

    @Test
    void rendersWhatTransformersRendersAndRefusesWhatItRefuses() throws IOException {
        Assumptions.assumeTrue(Files.isDirectory(FOLDER), "The golden templates are not beside this checkout");
        List<Case> cases =
                new JsonMapper().readValue(FOLDER.resolve("ref.json").toFile(), new TypeReference<List<Case>>() {});
        int exact = 0;
        int refused = 0;
        List<String> wrong = new ArrayList<>();
        for (Case c : cases) {
            String name = c.t() + " " + c.s();
            String source = Files.readString(FOLDER.resolve("tpl").resolve(c.t()));
            try {
                String rendered = ChatTemplate.parse(source).render(c.ctx(), Render.CLOCK);
                if (rendered.equals(c.out())) {
                    exact++;
                } else {
                    wrong.add(name + "\n--- expected\n" + c.out() + "\n--- rendered\n" + rendered);
                }
            } catch (TemplateException e) {
                if (c.out() == null) {
                    refused++;
                } else {
                    wrong.add(name + ": " + e.getMessage());
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(exact).isEqualTo(279);
        assertThat(refused).isEqualTo(21);
    }
}
