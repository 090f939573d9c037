package bita.tune.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.api.Message;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuestionsTest {
    private static final Path SPEC_BENCH = Path.of("../../shared/data/spec-bench-dev.jsonl");

    private static final String OPEN_AI = """
            {"id": "oa", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Ignored"}, {"role": "user", "content": [{"type": "text", "text": "Bye"}]}]}""".replace("\n", "");
    private static final String SHARE_GPT = """
            {"id": "sg", "conversations": [{"from": "human", "value": "Grüße"}, {"from": "gpt", "value": null}]}""";
    private static final String SPEC = """
            {"question_id": 81, "category": "writing", "turns": ["First", "Second"], "reference": ["x"]}""";
    private static final String ALPACA = """
            {"instruction": "Sum up.", "input": "A text.", "output": "Ignored"}""";

    @TempDir
    Path folder;

    private final List<String> problems = new ArrayList<>();
    private long duplicates;

    private Path file(String... lines) throws IOException {
        return Files.writeString(folder.resolve("questions"), String.join("\n", lines));
    }

    private List<Question> read(Path file, QuestionOptions options) throws IOException {
        problems.clear();
        List<Question> all = new ArrayList<>();
        try (Questions questions =
                Questions.open(file, options, (line, problem) -> problems.add(line + ": " + problem))) {
            for (Optional<Question> next = questions.next(); next.isPresent(); next = questions.next()) {
                all.add(next.get());
            }
            assertThat(questions.refused()).isEqualTo(problems.size());
            duplicates = questions.duplicates();
        }
        return all;
    }

    private List<Question> read(String... lines) throws IOException {
        return read(file(lines), QuestionOptions.DEFAULT);
    }

    private static Question question(String id, String... turns) {
        return new Question(id, Optional.empty(), List.of(turns));
    }

    @Test
    void readsEveryFormOfJson() throws IOException {
        List<Question> expected = List.of(
                new Question("oa", Optional.of("Be brief."), List.of("Hi", "Bye")),
                question("sg", "Grüße"),
                question("81", "First", "Second"),
                Question.of(Optional.empty(), List.of("Sum up.\n\nA text.")),
                Question.of(Optional.empty(), List.of("Only this")),
                new Question("p", Optional.of("Rhyme."), List.of("And this")),
                Question.of(Optional.empty(), List.of("Or that")));
        String[] records = {
            OPEN_AI,
            SHARE_GPT,
            SPEC,
            ALPACA,
            "{\"instruction\": \"Only this\", \"input\": \"\"}",
            "{\"id\": \"p\", \"system\": \"Rhyme.\", \"prompt\": \"And this\"}",
            "{\"question\": \"Or that\"}"
        };

        assertThat(read(records)).isEqualTo(expected);
        assertThat(read("[" + String.join(",\n ", records) + "]")).isEqualTo(expected);
        assertThat(read("\n [ \r\n" + String.join("\n,", records).replace(", \"", ",\n\t\"") + "\n]\n"))
                .isEqualTo(expected);
        assertThat(problems).isEmpty();
    }

    @Test
    void readsPlainTextByItsContent() throws IOException {
        assertThat(read("  Why is the sky blue? ", "", "[INST] is a tag\t, or?", "{name} is a blank"))
                .extracting(q -> q.turns().getFirst())
                .containsExactly("Why is the sky blue?", "[INST] is a tag\t, or?", "{name} is a blank");
        assertThat(problems).isEmpty();
    }

    @Test
    void knowsQuestionsByAHashThatStays() throws IOException {
        assertThat(read("Why is the sky blue?"))
                .containsExactly(question("9c931485bd1fe61e09c8eb5f8028928c", "Why is the sky blue?"));
        Set<String> ids = new HashSet<>();
        ids.add(Question.of(Optional.empty(), List.of("ab", "c")).id());
        ids.add(Question.of(Optional.empty(), List.of("a", "bc")).id());
        ids.add(Question.of(Optional.of("ab"), List.of("c")).id());
        ids.add(Question.of(Optional.empty(), List.of("abc")).id());
        assertThat(ids).hasSize(4);
    }

    @Test
    void readsWhatSaysTheSameOnceAndRefusesAnIdForSomethingElse() throws IOException {
        assertThat(read("Twice", "Once", "Twice ")).hasSize(2);
        assertThat(duplicates).isEqualTo(1);
        assertThat(read(
                        "{\"id\": 5, \"prompt\": \"a\"}",
                        "{\"id\": \"5\", \"prompt\": \"b\"}",
                        "{\"id\": \"6\", \"prompt\": \"a\"}"))
                .containsExactly(question("5", "a"));
        assertThat(problems).containsExactly("2: another question has the same id; give each one its own, or none");
        assertThat(duplicates).isEqualTo(1);
    }

    @Test
    void readsByteOrderMarksAndWindowsLineEnds() throws IOException {
        assertThat(read("\uFEFFOne\r", "\r", "Two\r"))
                .extracting(Question::turns)
                .containsExactly(List.of("One"), List.of("Two"));
        assertThat(read("\uFEFF" + SPEC + "\r", SHARE_GPT + "\r")).hasSize(2);
        for (Charset charset : List.of(StandardCharsets.UTF_16, StandardCharsets.UTF_16LE)) {
            Path file = Files.writeString(folder.resolve("utf16"), "\uFEFFWhy?", charset);
            assertThatThrownBy(() -> read(file, QuestionOptions.DEFAULT))
                    .hasMessageContaining("utf16: the text is UTF-16");
        }
    }

    @Test
    void saysWhatIsWrongWithARecord() throws IOException {
        assertThat(read(
                        SPEC,
                        "{\"turns\": [",
                        "",
                        "[1]",
                        "{\"other\": 1}",
                        "{\"turns\": []}",
                        "{\"turns\": [\"a\", 1]}",
                        "{\"turns\": \"a\"}",
                        "{\"prompt\": \"  \"}",
                        "{\"prompt\": [\"a\"]}",
                        "{\"prompt\": \"\\ud83d\"}",
                        "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}]}",
                        "{\"messages\": [{\"role\": \"tool\", \"content\": \"a\"}]}",
                        "{\"messages\": [{\"role\": \"user\"}]}",
                        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}",
                        "{\"messages\": [7]}",
                        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"system\", \"content\": \"b\"}]}",
                        "{\"prompt\": " + "[".repeat(100_000),
                        "\"A text\""))
                .hasSize(2);
        String[] starts = {
            "2: this is not JSON (",
            "4: a question is a JSON object with messages, conversations, turns,",
            "5: the object has none of messages, conversations, turns,",
            "6: nothing is asked; a question needs at least one user turn",
            "7: turns must be a list of texts",
            "8: turns must be a list of texts",
            "9: a user turn is blank; each one needs text",
            "10: prompt must be a text",
            "11: a text holds half a surrogate pair",
            "12: nothing is asked",
            "13: a message has the role \"tool\"; it must be user (human),",
            "14: a message lacks its text",
            "15: a message holds something that is no text",
            "16: a message has the role (none)",
            "17: a system message stands behind a user turn",
            "18: this is not JSON ("
        };
        assertThat(problems).hasSameSizeAs(starts);
        for (int i = 0; i < starts.length; i++) {
            assertThat(problems.get(i)).startsWith(starts[i]);
        }
    }

    @Test
    void refusesPlainTextThatIsNone() throws IOException {
        assertThat(read("One", "\u0000\u0001", "{\"prompt\": \"a\"}")).hasSize(1);
        assertThat(problems).hasSize(2);
        assertThat(problems.get(0)).startsWith("2: the line holds control characters");
        assertThat(problems.get(1)).startsWith("3: this is JSON in a file that begins as plain text");

        Path latin = Files.writeString(folder.resolve("latin"), "One\nGrüße\nTwo", StandardCharsets.ISO_8859_1);
        assertThat(read(latin, QuestionOptions.DEFAULT)).hasSize(2);
        assertThat(problems).containsExactly("2: the text is not UTF-8; convert the file");
    }

    @Test
    void failsBehindTheLimitOfRefusedRecords() throws IOException {
        Path file = file(SPEC, "{\"a\": 1}", "{\"a\": 2}", SHARE_GPT, "{\"a\": 3}", ALPACA);

        assertThat(read(file, new QuestionOptions(1000, 3))).hasSize(3);
        assertThatThrownBy(() -> read(file, new QuestionOptions(1000, 2)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("questions, line 5: the object has none of messages")
                .hasMessageEndingWith("(2 records before it were skipped)");
        assertThatThrownBy(() -> read(file, new QuestionOptions(1000, 0))).hasMessageContaining("line 2: the object");
        assertThatThrownBy(() -> new QuestionOptions(0, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new QuestionOptions(1, -1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void failsWhereThereIsNoQuestionAtAll() throws IOException {
        assertThatThrownBy(() -> read()).hasMessageEndingWith("questions: the file holds no question");
        assertThatThrownBy(() -> read(" ", "\r", "")).hasMessageEndingWith("the file holds no question");
        assertThatThrownBy(() -> read(" [ ] ")).hasMessageEndingWith("the file holds no question");
        assertThatThrownBy(() -> read("{\"a\": 1}"))
                .hasMessageEndingWith("the file holds no question; 1 records were refused");
    }

    @Test
    void skipsRecordsThatAreTooLong() throws IOException {
        QuestionOptions options = new QuestionOptions(200, 9);
        String longText = "{\"prompt\": \"" + "x".repeat(300_000) + "\"}";
        for (Path file : List.of(file(SPEC, longText, SHARE_GPT), folder.resolve("array"))) {
            if (!Files.exists(file)) {
                Files.writeString(file, "[" + String.join(",\n", SPEC, longText, SHARE_GPT) + "]");
            }
            assertThat(read(file, options)).hasSize(2);
            assertThat(problems).hasSize(1);
            assertThat(problems.getFirst()).matches("2: the record has 30001\\d bytes; at most 200 are read");
        }
    }

    @Test
    void goesOnBehindABrokenElementOfAnArray() throws IOException {
        assertThat(read("[" + SPEC + ",", "{\"prompt\" \"a, b\"},", "{\"prompt\": \"a\"}{},,", SHARE_GPT, ",]"))
                .extracting(Question::id)
                .containsExactly("81", "sg");
        assertThat(problems)
                .extracting(p -> p.substring(0, 8))
                .containsExactly("2: this ", "3: this ", "3: a rec", "5: a rec");
    }

    /** A text ends with its line at the latest, so that a missing quote spoils one record and not all behind it. */
    @Test
    void findsTheEndOfAnElementThatLacksAQuote() throws IOException {
        assertThat(read("[{", "\"prompt\": \"never closed", "},", SPEC + ",", "\"nor this,", SHARE_GPT + "]"))
                .extracting(Question::id)
                .containsExactly("81");
        assertThat(problems).hasSize(2);
    }

    @Test
    void failsWhereAnArrayDoesNotEndOrGoesOn() throws IOException {
        assertThatThrownBy(() -> read(
                        "[" + SPEC + ",", "{\"prompt\": \"a\"},", "{\"prompt\": \"never closed},", SHARE_GPT + "]"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("questions: line 3: the JSON array ends within the record that begins here");
        assertThatThrownBy(() -> read("[" + SPEC + ",")).hasMessageContaining("line 1: the JSON array ends within");
        assertThatThrownBy(() -> read("[" + SPEC + "]", "[" + SHARE_GPT + "]"))
                .hasMessageContaining("line 2: something stands behind the end of the JSON array");
    }

    @Test
    void makesTheConversationOfATurn() {
        Question question = new Question("q", Optional.of("Be brief."), List.of("One?", "Two?"));

        assertThat(question.conversation(List.of())).containsExactly(Message.system("Be brief."), Message.user("One?"));
        assertThat(question.conversation(List.of("1")))
                .containsExactly(
                        Message.system("Be brief."),
                        Message.user("One?"),
                        Message.assistant("1"),
                        Message.user("Two?"));
        assertThatThrownBy(() -> question.conversation(List.of("1", "2"))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void readsSpecBench() throws IOException {
        Assumptions.assumeTrue(Files.exists(SPEC_BENCH), "Spec-Bench is not beside this checkout");

        List<Question> questions = read(SPEC_BENCH, new QuestionOptions(1 << 20, 0));

        assertThat(questions).hasSize(240);
        assertThat(questions.stream().filter(q -> q.turns().size() == 2)).hasSize(40);
    }

    /** Whatever stands in a file: questions that can be asked, or one sentence that names the file. */
    @Test
    void survivesDamagedFiles() throws IOException {
        String records = String.join("\n", OPEN_AI, SPEC, SHARE_GPT, ALPACA, "{\"prompt\": \"a \\u00e4 \\\\ \\\" b\"}");
        List<byte[]> sound = List.of(
                records.getBytes(StandardCharsets.UTF_8),
                ("[" + records.replace("}\n{", "},\n{") + "]").getBytes(StandardCharsets.UTF_8),
                "One question?\nAnother, \"ünd\" {more}\n\n[third]".getBytes(StandardCharsets.UTF_8));
        Random random = new Random(20240122);
        Path file = folder.resolve("damaged");
        int failed = 0;
        int read = 0;
        for (int i = 0; i < 10_000; i++) {
            // A new file each time: overwriting one makes some file systems wait for the disk.
            Files.deleteIfExists(file);
            Files.write(file, Fuzz.damage(sound.get(i % sound.size()), random));
            try {
                for (Question question : read(file, new QuestionOptions(400, 5))) {
                    assertThat(question.turns()).isNotEmpty().allMatch(Unicode::isValid);
                    read++;
                }
            } catch (IOException e) {
                failed++;
                assertThat(e.getMessage()).startsWith(file.toString()).doesNotContain("\n");
            } catch (RuntimeException | Error e) {
                throw new AssertionError("case " + i + ": " + Files.readString(file, StandardCharsets.ISO_8859_1), e);
            }
            assertThat(problems).allMatch(p -> p.matches("\\d+: [^\\n]+"));
        }
        assertThat(failed).isBetween(500, 9_000);
        assertThat(read).isGreaterThan(10_000);
    }
}
