package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import bita.model.TalkingModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** With a model that says random words. */
class DistillCommandTest {
    @TempDir
    static Path home;

    private static Path model;

    @TempDir
    Path folder;

    private Path output;

    @BeforeAll
    static void writeModel() throws IOException {
        model = TalkingModel.write(home.resolve("talking.gguf"));
    }

    @BeforeEach
    void choose() {
        output = folder.resolve("answers.jsonl");
    }

    private String[] args(String... more) {
        List<String> args = new ArrayList<>(
                List.of("distill", model.toString(), "-o", output.toString(), "--threads", "1", "--max-tokens", "20"));
        args.addAll(List.of(more));
        return args.toArray(String[]::new);
    }

    private List<JsonNode> lines() throws IOException {
        return Files.readAllLines(output).stream()
                .map(JsonMapper.shared()::readTree)
                .toList();
    }

    @Test
    void asksAndAnswers() throws IOException {
        Cli.Result result = new Cli(home).run(args("--count", "6", "--seed", "4"));

        assertThat(result.status()).isZero();
        assertThat(lines()).hasSize(6).allSatisfy(line -> {
            assertThat(line.get("id").asString()).startsWith("self-4-");
            assertThat(line.get("finish").asString()).isIn("stop", "length");
            assertThat(line.get("answer_token_ids").size()).isBetween(1, 20);
            assertThat(line.get("settings").get("temperature").asDouble()).isZero();
        });
        assertThat(result.out())
                .startsWith(output + " is complete: 6 answers, 6 of them new; ")
                .containsPattern("\n[0-9]+ questions asked, 6 kept");
        assertThat(result.err().lines())
                .last()
                .asString()
                .startsWith("100 % ")
                .contains("  6 of 6 answers", "tokens/s");
    }

    @Test
    void reportsAsJsonAndResumes() throws IOException {
        Cli.Result first = new Cli(home).run(args("--count", "3", "--json"));
        Cli.Result second = new Cli(home).run(args("--count", "8", "--json", "--batch", "2"));

        JsonNode json = JsonMapper.shared().readTree(first.out());
        assertThat(first.status()).isZero();
        assertThat(first.out().lines()).hasSize(1);
        assertThat(json.propertyNames())
                .containsExactly(
                        "model",
                        "output",
                        "asked",
                        "kept",
                        "dropped",
                        "answers_before",
                        "answers",
                        "skipped",
                        "failed",
                        "tokens",
                        "seconds",
                        "tokens_per_second",
                        "temperature",
                        "seed");
        assertThat(json.get("kept").asInt()).isEqualTo(3);
        assertThat(json.get("answers").asInt()).isEqualTo(3);
        long dropped =
                json.get("dropped").valueStream().mapToLong(JsonNode::asLong).sum();
        assertThat(json.get("asked").asLong()).isEqualTo(3 + dropped);
        assertThat(json.get("tokens_per_second").asDouble()).isPositive();
        JsonNode more = JsonMapper.shared().readTree(second.out());
        assertThat(more.get("answers_before").asInt()).isEqualTo(3);
        assertThat(more.get("answers").asInt()).isEqualTo(5);
        assertThat(lines()).hasSize(8).extracting(line -> line.get("id")).doesNotHaveDuplicates();
    }

    @Test
    void answersQuestionsOfAFile() throws IOException {
        Path questions = folder.resolve("questions.jsonl");
        Files.writeString(questions, """
                {"question_id": 81, "turns": ["First?", "Second?"]}
                {"question_id": 82, "turns": []}
                {"id": "bad", "prompt": "Ring %s"}
                {"prompt": "Third?"}
                {"prompt": "Fourth?"}
                """.formatted("\\u0007"));

        Cli.Result two = new Cli(home).run(args("--prompts", questions.toString(), "--limit", "1"));
        assertThat(two.status()).isZero();
        assertThat(lines())
                .hasSize(2)
                .allSatisfy(line -> assertThat(line.get("id").asString()).isEqualTo("81"));

        Cli.Result all = new Cli(home).run(args("--prompts", questions.toString()));
        assertThat(all.status()).isEqualTo(1);
        assertThat(lines()).hasSize(4);
        assertThat(all.out()).contains("4 answers, 2 of them new", "1 turns have no answer");
        assertThat(all.err())
                .contains(
                        questions + ", line 2 is skipped: ",
                        "question bad is skipped: The model produced NaN at position",
                        "bita: the model produced NaN at 1 questions: check the model file");
    }

    @Test
    void goesOnAfterAnInterruption() throws IOException {
        Cli.Result whole = new Cli(home).run(args("--count", "12", "--batch", "4"));
        assertThat(whole.status()).isZero();
        List<JsonNode> expected = lines();
        Files.delete(output);

        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Terminal[] terminal = new Terminal[1];
        OutputStream interrupting = new OutputStream() {
            @Override
            public void write(int b) {
                err.write(b);
                terminal[0].interruption().request(); // at the first tenth
            }
        };
        terminal[0] = new Cli(home).terminal(OutputStream.nullOutputStream(), interrupting);
        int status = Main.run(terminal[0], args("--count", "12", "--batch", "4"));

        assertThat(status).isEqualTo(130);
        int stopped = lines().size();
        assertThat(stopped).isBetween(1, 11);
        assertThat(err.toString(StandardCharsets.UTF_8))
                .endsWith("stopped with " + stopped + " of 12 answers in " + output
                        + "; the same command goes on from there\n");
        Cli.Result resumed = new Cli(home).run(args("--count", "12", "--batch", "4"));
        assertThat(resumed.out()).contains("12 answers, " + (12 - stopped) + " of them new");
        assertThat(lines()).containsExactlyInAnyOrderElementsOf(expected);
    }

    @Test
    void keepsModelsAndSettingsApart() throws IOException {
        assertThat(new Cli(home).run(args("--count", "2")).status()).isZero();

        Cli.Result warm = new Cli(home).run(args("--count", "2", "--temperature", "0.7"));

        assertThat(warm.status()).isEqualTo(1);
        assertThat(warm.err())
                .startsWith("bita: " + output + ", line 1: ")
                .contains("made with other settings (greedy");
        assertThat(lines()).hasSize(2);
    }

    /** Byte by byte, random weights ask nothing that could be answered. */
    @Test
    void saysWhenTheModelCannotAsk() throws IOException {
        Path tiny = home.resolve("tiny.gguf");
        TinyModel.write(tiny);

        Cli.Result result = new Cli(home).run("distill", tiny.toString(), "-o", output.toString(), "--threads", "1");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err())
                .contains("bita: the model asks itself too few usable questions: of ")
                .endsWith("; give it questions from a file\n");
    }

    @Test
    void namesWhatIsMissing() {
        Path nowhere = folder.resolve("no/such/answers.jsonl");
        Cli.Result noFolder = new Cli(home).run("distill", model.toString(), "-o", nowhere.toString());
        assertThat(noFolder.status()).isEqualTo(1);
        assertThat(noFolder.err()).isEqualTo("bita: " + nowhere + ": its folder does not exist; create it first\n");

        Cli.Result noQuestions =
                new Cli(home).run(args("--prompts", folder.resolve("none.jsonl").toString()));
        assertThat(noQuestions.status()).isEqualTo(1);
        assertThat(noQuestions.err()).contains("none.jsonl: there is no such file or folder");
        assertThat(output).doesNotExist();
    }
}
