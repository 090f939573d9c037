package bita.model.template;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;

/** Short ways to render in tests. */
final class Render {
    static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-23T12:05:09Z"), ZoneOffset.UTC);

    private Render() {}

    static String render(String template, Map<String, ?> variables) throws TemplateException {
        return ChatTemplate.parse(template).render(variables, CLOCK);
    }

    static String render(String template) throws TemplateException {
        return render(template, Map.of());
    }

    /** What the expression prints. */
    static String print(String expression) throws TemplateException {
        return render("{{ " + expression + " }}");
    }
}
