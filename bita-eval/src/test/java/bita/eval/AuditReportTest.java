package bita.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class AuditReportTest {
    private static final Mismatch MISMATCH =
            new Mismatch("81", "lookup", "greedy", new Divergence(Divergence.What.LOGITS, 3, 40));

    private static AuditResult result(int comparisons, AuditResult.Drafts drafts, List<Mismatch> mismatches) {
        return new AuditResult(
                "model.gguf",
                Optional.of("shipped"),
                "plain, native kernels, AVX512, 1 thread",
                2,
                List.of(new AuditResult.SkippedPrompt("99", "the prompt has 9000 tokens")),
                new AuditResult.Scope(comparisons, 1234, 60_658_500),
                drafts,
                mismatches,
                List.of(new MethodFigures("masks:chain", 2, 2, 1, 25, 10, 160)),
                new SettingsCoverage(5, 6, Map.of("threads", List.of("1", "2"))),
                List.of("a note"),
                1.5);
    }

    private static AuditResult passed() {
        return result(4, new AuditResult.Drafts(15, 20), List.of());
    }

    @Test
    void passesOnlyWhenSomethingWasProved() {
        assertThat(passed().ok()).isTrue();
        assertObjection("nothing was compared", result(0, new AuditResult.Drafts(0, 0), List.of()));
        assertObjection("no draft was accepted", result(4, new AuditResult.Drafts(0, 20), List.of()));
        assertObjection("no draft was rejected", result(4, new AuditResult.Drafts(15, 0), List.of()));
        assertObjection("1 of 4 answers differ", result(4, new AuditResult.Drafts(15, 20), List.of(MISMATCH)));
    }

    private static void assertObjection(String text, AuditResult result) {
        assertThat(result.ok()).isFalse();
        assertThat(result.objections()).singleElement().asString().contains(text);
        assertThat(AuditReport.text(result)).contains("FAILED: ", text).doesNotContain("PASSED");
    }

    @Test
    void textShowsFiguresInAlignedColumns() {
        String text = AuditReport.text(passed());

        assertThat(text)
                .contains("2 prompts, 4 answers, 1,234 tokens, 60,658,500 logits")
                .contains("5 of 6 pairs", "threads: 1; 2")
                .contains("Skipped (1):\n  question 99: the prompt has 9000 tokens\n")
                .contains("Notes (1):\n  a note\n")
                .contains("PASSED")
                .doesNotContain("Not identical");
        List<String> table = text.lines()
                .dropWhile(line -> !line.startsWith("method"))
                .limit(2)
                .toList();
        assertThat(table.getLast())
                .matches("masks:chain +2 +2 +25 +2\\.500 +16\\.0")
                .hasSameSizeAs(table.getFirst());
    }

    @Test
    void textDoesNotDependOnTheLocale() {
        Locale before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.GERMANY);
            assertThat(AuditReport.text(passed())).contains("60,658,500", "2.500");
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void textShortensLongLists() {
        List<Mismatch> many = IntStream.range(0, 50).mapToObj(_ -> MISMATCH).toList();

        assertThat(AuditReport.text(result(60, new AuditResult.Drafts(1, 1), many)))
                .contains("Not identical (50):", "and 30 more");
    }

    @Test
    void jsonIsReadyForAMapper() {
        JsonMapper mapper = new JsonMapper();
        AuditResult result = result(4, new AuditResult.Drafts(15, 20), List.of(MISMATCH));
        JsonNode json = mapper.readTree(mapper.writeValueAsString(AuditReport.json(result)));

        assertThat(json.path("ok").asBoolean()).isFalse();
        assertThat(json.at("/methods/0/tokens_per_step").asDouble()).isEqualTo(2.5);
        assertThat(json.at("/mismatches/0/what").asString()).isEqualTo("logits");
        assertThat(json.at("/mismatches/0/position").asInt()).isEqualTo(40);
        assertThat(json.at("/skipped/0/question").asString()).isEqualTo("99");
        assertThat(json.at("/logits").asLong()).isEqualTo(60_658_500L);
    }
}
