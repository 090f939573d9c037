package bita.eval.methods;

import static bita.eval.methods.Runs.LOOKUP;
import static bita.eval.methods.Runs.PLAIN;
import static bita.eval.methods.Runs.measurement;
import static org.assertj.core.api.Assertions.assertThat;

import bita.eval.Question;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ReportsTest {
    private static final String EVIL = "</style><script>alert('1 & \"2\"')</script>|`x`";
    private static final String COMMAND = "bita eval --suite 'a<b>.jsonl'";

    @TempDir
    Path folder;

    private EvaluationResult result;

    @BeforeEach
    void measure() throws IOException {
        EvaluationResult measured = Runs.result(
                folder,
                1,
                measurement(0, 0, 0, PLAIN, 40, 1, 1, 1, 1),
                measurement(0, 0, 0, LOOKUP, 25, 3, 1),
                measurement(1, 0, 0, PLAIN, 40, 1, 1),
                measurement(1, 0, 0, LOOKUP, 30, 1));
        result = new EvaluationResult(
                Runs.settings("suite", EVIL),
                measured.methods(),
                List.of("writing", EVIL),
                measured.rows().stream()
                        .map(row -> row.category().equals("math") ? in(EVIL, row) : row)
                        .toList(),
                List.of(new EvaluationResult.Difference(EVIL, 1, 1, LOOKUP, 1)),
                List.of(new EvaluationResult.SkippedQuestion(EVIL, 2, "it is " + EVIL)),
                List.of("left out: " + EVIL),
                List.of("a note of " + EVIL),
                measured.answers());
    }

    private static ResultRow in(String category, ResultRow row) {
        return new ResultRow(
                row.method(),
                category,
                row.prompts(),
                row.tokens(),
                row.steps(),
                row.tokensPerStep(),
                row.rowsPerStep(),
                row.tokensPerSecond(),
                row.speedup(),
                row.identicalPrompts(),
                row.acceptanceByDepth(),
                row.acceptedBySource(),
                row.drafted(),
                row.time(),
                row.specBench());
    }

    /** The page as the XML it nearly is: its only void element is {@code meta}. */
    private static Document parse(String page) throws IOException {
        String xml = page.replaceAll("<meta ([^>]*)>", "<meta $1/>").replaceFirst("<!DOCTYPE html>", "");
        try {
            return DocumentBuilderFactory.newDefaultInstance()
                    .newDocumentBuilder()
                    .parse(new InputSource(new StringReader(xml)));
        } catch (SAXException | ParserConfigurationException e) {
            throw new IOException(e);
        }
    }

    private static List<String> elements(Document page, String name) {
        NodeList nodes = page.getElementsByTagName(name);
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < nodes.getLength(); i++) {
            texts.add(nodes.item(i).getTextContent());
        }
        return texts;
    }

    @Test
    void pageShowsTextsOfFilesAsText() throws IOException {
        String html = HtmlReport.of(result, COMMAND);
        Document page = parse(html);

        assertThat(elements(page, "script")).isEmpty();
        assertThat(elements(page, "h3")).contains(EVIL + " 1 prompt");
        assertThat(elements(page, "li")).contains("a note of " + EVIL, "left out: " + EVIL);
        assertThat(elements(page, "pre")).containsExactly(COMMAND);
        assertThat(elements(page, "td")).contains(EVIL);
    }

    @Test
    void pageNeedsNothingElse() {
        String html = HtmlReport.of(result, COMMAND);

        assertThat(html).doesNotContain("http", "src=", "<link", "@import", "url(");
        assertThat(html).contains("prefers-color-scheme: dark", "name=\"viewport\"");
    }

    @Test
    void pageHasTablesAndCharts() throws IOException {
        Document page = parse(HtmlReport.of(result, COMMAND));

        assertThat(elements(page, "h2"))
                .containsExactly(
                        "Speedup by category",
                        "Tokens per step",
                        "Acceptance by depth",
                        "Where the time goes",
                        "Not identical",
                        "Skipped",
                        "Left out",
                        "Notes",
                        "Settings and machine",
                        "Command");
        assertThat(elements(page, "td")).contains("lookup", "1.67", "33 %", "20 %");
        assertThat(elements(page, "p")).anyMatch(text -> text.startsWith("Not identical: 1 answer differs"));
    }

    @Test
    void markdownShowsTextsOfFilesAsCode() {
        String markdown = MarkdownReport.of(result, COMMAND);

        assertThat(markdown.lines().filter(line -> line.contains("<script>")))
                .isNotEmpty()
                // Two backquotes around what holds one; bars do not end a cell.
                .allMatch(line -> line.matches(".*`` .*<script>.*\\\\\\|`x`.* ``.*"));
        assertThat(markdown)
                .contains("| `lookup` | 1.67 | 3.0 |", "## Speedup by category", "```\n" + COMMAND + "\n```");
    }

    @Test
    void jsonHasWhatProgramsReadFirst() {
        List<Map<String, Object>> rows = JsonReport.rows(result);
        JsonNode json = JsonMapper.shared().readTree(JsonMapper.shared().writeValueAsString(rows));

        assertThat(json.size()).isEqualTo(6);
        JsonNode lookup = json.get(1);
        assertThat(lookup.propertyNames())
                .startsWith(
                        "method",
                        "category",
                        "prompts",
                        "tokens_per_step",
                        "tokens_per_second",
                        "speedup",
                        "speedup_low",
                        "speedup_high",
                        "identical_prompts",
                        "rows_per_step");
        assertThat(lookup.get("method").asString()).isEqualTo("lookup");
        assertThat(lookup.get("category").asString()).isEqualTo("all");
        assertThat(lookup.get("speedup").asDouble()).isEqualTo(80 / 55.0);
        assertThat(lookup.get("acceptance_by_depth").get(0).asDouble()).isEqualTo(1 / 3.0);
        assertThat(rows).allMatch(row -> row.values().stream().noneMatch(Optional.empty()::equals));
    }

    /** The fields that evaluation/speed.py and evaluation/equal.py of Spec-Bench read. */
    @Test
    void answersAreInSpecBenchsFormat() {
        Question question = new Question("81", "writing", List.of("First?", "Second?"));
        SpecBenchAnswer answer = new SpecBenchAnswer(
                question,
                LOOKUP,
                List.of("a", "b"),
                List.of(2, 1),
                List.of(4, 2),
                List.of(0.5, 0.25),
                List.of(3, 1, 2));

        JsonNode json = JsonMapper.shared().readTree(JsonMapper.shared().writeValueAsString(answer.json(12.5)));

        assertThat(json.get("question_id").isIntegralNumber()).isTrue();
        assertThat(json.get("category").asString()).isEqualTo("writing");
        JsonNode choice = json.get("choices").get(0);
        assertThat(choice.get("turns").get(1).asString()).isEqualTo("b");
        assertThat(choice.get("decoding_steps").get(0).asInt()).isEqualTo(2);
        assertThat(choice.get("new_tokens").get(0).asInt()).isEqualTo(4);
        assertThat(choice.get("wall_time").get(1).asDouble()).isEqualTo(0.25);
        assertThat(choice.get("accept_lengths").size()).isEqualTo(3);
        assertThat(json.get("tstamp").asDouble()).isEqualTo(12.5);
        assertThat(json.get("model_id").asString()).isEqualTo("lookup");
        assertThat(new SpecBenchAnswer(
                                new Question("HumanEval/007", "", List.of("x")),
                                LOOKUP,
                                List.of(),
                                List.of(),
                                List.of(),
                                List.of(),
                                List.of())
                        .json(0)
                        .get("question_id"))
                .isEqualTo("HumanEval/007");
    }
}
