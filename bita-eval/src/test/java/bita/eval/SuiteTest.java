package bita.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SuiteTest {
    private static final String FIRST =
            "{\"question_id\": 81, \"category\": \"writing\", \"turns\": [\"Grüße\", \"Again\"]}";

    @TempDir
    Path folder;

    private Path suite(String... lines) throws IOException {
        return Files.write(folder.resolve("suite.jsonl"), List.of(lines));
    }

    @Test
    void readsQuestions() throws IOException {
        Path file = suite(FIRST, "", "{\"question_id\": \"HumanEval/3\", \"turns\": [\"def f():\"], \"other\": {}}");

        assertThat(Suite.read(file, 9))
                .containsExactly(
                        new Question("81", "writing", List.of("Grüße", "Again")),
                        new Question("HumanEval/3", "", List.of("def f():")));
    }

    @Test
    void readsNoMoreThanTheLimit() throws IOException {
        Path file = suite(FIRST, FIRST.replace("81", "82"), "not JSON");

        assertThat(Suite.read(file, 2)).extracting(Question::id).containsExactly("81", "82");
        assertThatThrownBy(() -> Suite.read(file, 3)).isInstanceOf(SuiteFormatException.class);
        assertThatThrownBy(() -> Suite.read(file, 0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void readsALastLineWithoutEndAndWindowsLineEnds() throws IOException {
        Path file = Files.writeString(folder.resolve("windows.jsonl"), FIRST + "\r\n" + FIRST);

        assertThat(Suite.read(file, 9)).hasSize(2);
    }

    @Test
    void namesTheLineOfAnError() throws IOException {
        assertRefused("line 3: this is not JSON", FIRST, "", "{\"question_id\": 1,");
        assertRefused("line 2: this is not JSON", FIRST, FIRST + FIRST);
        assertRefused("line 1: a question is a JSON object", "[1]");
        assertRefused("line 2: the question lacks question_id", FIRST, "{\"turns\": [\"a\"]}");
        assertRefused("line 2: the question lacks turns", FIRST, "{\"question_id\": 1}");
        assertRefused("line 1: the question lacks turns", "{\"question_id\": 1, \"turns\": []}");
        assertRefused("line 1: the question lacks turns", "{\"question_id\": 1, \"turns\": \"a\"}");
        assertRefused("line 1: the question lacks turns", "{\"question_id\": 1, \"turns\": [\"a\", 7]}");
        assertRefused("line 1: the question lacks turns", "{\"question_id\": 1, \"turns\": [\"  \"]}");
        assertRefused("suite.jsonl: the suite holds no questions");
        assertRefused("suite.jsonl: the suite holds no questions", "", " ");
    }

    private void assertRefused(String message, String... lines) throws IOException {
        Path file = suite(lines);
        assertThatThrownBy(() -> Suite.read(file, 9))
                .isInstanceOf(SuiteFormatException.class)
                .hasMessageContaining(message);
    }

    @Test
    void refusesTextThatIsNotUtf8() throws IOException {
        Path file = Files.write(
                folder.resolve("latin.jsonl"), (FIRST + "\n" + FIRST).getBytes(StandardCharsets.ISO_8859_1));

        assertThatThrownBy(() -> Suite.read(file, 9))
                .isInstanceOf(SuiteFormatException.class)
                .hasMessageContaining("line 1: the text is not UTF-8");
    }

    @Test
    void reportsAMissingFileAsSuch() {
        assertThatThrownBy(() -> Suite.read(folder.resolve("absent.jsonl"), 1)).isInstanceOf(IOException.class);
    }
}
