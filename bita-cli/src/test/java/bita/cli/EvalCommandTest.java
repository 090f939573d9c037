package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import bita.eval.methods.ComparedMethods;
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

/** With a model that says random words, and an adapter of random numbers. */
class EvalCommandTest {
    /** Compared unless told otherwise, plain decoding among them. */
    private static final int METHODS = ComparedMethods.STANDARD.size() + 2;

    @TempDir
    static Path home;

    private static Path model;
    private static Path adapter;
    private static Path suite;

    @TempDir
    Path folder;

    private Path output;

    @BeforeAll
    static void write() throws IOException {
        model = TalkingModel.write(home.resolve("talking.gguf"));
        adapter = home.resolve("adapter.safetensors");
        TinyModel.writeAdapter(adapter);
        suite = Files.writeString(home.resolve("suite.jsonl"), """
                {"question_id": 81, "category": "writing", "turns": ["First?", "Second?"]}
                {"question_id": 95, "category": "math", "turns": ["1 + 1?"]}
                """);
    }

    @BeforeEach
    void choose() {
        output = folder.resolve("results");
    }

    private String[] args(String... more) {
        return args(suite, adapter.toString(), more);
    }

    private String[] args(Path questions, String adapter, String... more) {
        List<String> args = new ArrayList<>(List.of("eval", model.toString(), "--suite", questions.toString()));
        args.addAll(List.of("-o", output.toString(), "--threads", "1", "--max-tokens", "20", "--adapter", adapter));
        args.addAll(List.of(more));
        return args.toArray(String[]::new);
    }

    private static Cli.Result run(String... args) {
        return new Cli(home).run(args);
    }

    @Test
    void comparesTheStandardMethods() throws IOException {
        Cli.Result result = run(args());

        assertThat(result.err()).doesNotContain("bita:");
        assertThat(result.status()).isZero();
        assertThat(result.out())
                .contains(
                        "1  plain  ",
                        "2  masks3:chain  ",
                        "10  masks+automaton+recycling+bigrams:best:16  ",
                        "3/3",
                        "\nspeedup ",
                        "\nwriting ",
                        "\nmath ",
                        "\nidentical: every token of every method is plain decoding's\n")
                .endsWith("\nreport: " + output.resolve("report.html") + "\n");
        assertThat(result.out().lines()).allMatch(line -> line.length() <= 90 || line.startsWith("report: "));
        assertThat(result.err()).contains("100 % ", "  30 of 30 answers");
        assertThat(output.resolve("answers/masks3-upper-triangle-5.jsonl")).isRegularFile();
        assertThat(Files.readString(output.resolve("report.md")))
                .contains("| `masks3:half:3` |", "bita eval " + model, "--adapter");
    }

    @Test
    void printsRowsAsJson() throws IOException {
        Cli.Result result =
                run(args("--json", "--methods", "lookup,masks:half:2", "--rows", "6", "--repetitions", "2"));

        assertThat(result.status()).isZero();
        assertThat(result.out().lines()).hasSize(1);
        JsonNode rows = JsonMapper.shared().readTree(result.out());
        assertThat(rows.valueStream()
                        .map(row -> row.get("category").asString() + " "
                                + row.get("method").asString()))
                .containsExactly(
                        "all plain",
                        "all lookup",
                        "all masks:half:2",
                        "writing plain",
                        "writing lookup",
                        "writing masks:half:2",
                        "math plain",
                        "math lookup",
                        "math masks:half:2");
        assertThat(rows.valueStream()).allSatisfy(row -> {
            assertThat(row.get("identical_prompts").asInt())
                    .isEqualTo(row.get("prompts").asInt());
            assertThat(row.get("tokens_per_step").asDouble()).isGreaterThanOrEqualTo(1);
            assertThat(row.get("rows_per_step").asDouble()).isBetween(1.0, 6.0);
            assertThat(row.get("speedup").asDouble())
                    .isBetween(
                            row.get("speedup_low").asDouble(),
                            row.get("speedup_high").asDouble());
        });
        assertThat(rows.get(0).get("prompts").asInt()).isEqualTo(3);
        assertThat(rows.get(2).get("rows_per_step").asDouble()).isGreaterThan(1);
        assertThat(Files.readAllLines(output.resolve("journal.jsonl"))).hasSize(1 + 3 * 3 * 2);
    }

    @Test
    void limitIsOfQuestions() {
        JsonNode rows = JsonMapper.shared()
                .readTree(run(args("--json", "--limit", "1", "--methods", "lookup"))
                        .out());

        assertThat(rows.size()).isEqualTo(4);
        assertThat(rows.get(0).get("prompts").asInt()).isEqualTo(2);
    }

    @Test
    void leavesOutWhatNeedsAnAdapter() throws IOException {
        Cli.Result result = run(args(suite, "none"));

        assertThat(result.status()).isZero();
        assertThat(result.err()).contains("note: masks3:chain is left out: it drafts with what an adapter has");
        assertThat(result.out()).contains("2  lookup").doesNotContain("masks");
        assertThat(Files.readString(output.resolve("report.md"))).contains("## Left out\n- `masks3:chain is left out");
    }

    @Test
    void refusesWhenEveryMethodNeedsAnAdapter() {
        Cli.Result result = run(args(suite, "none", "--methods", "masks:chain"));

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).startsWith("bita: masks:chain is left out: it drafts with what an adapter has");
        assertThat(output).doesNotExist();
    }

    @Test
    void goesOnWhereItWasStopped() throws Exception {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Terminal terminal = new Cli(home).connected(false, false, true).terminal(OutputStream.nullOutputStream(), err);
        Thread interrupter = Thread.ofVirtual().start(() -> {
            while (!Files.exists(output.resolve("journal.jsonl")) || answers() < 2) {
                Thread.onSpinWait();
            }
            terminal.interruption().request();
        });
        int status = Main.run(terminal, args("--repetitions", "50"));
        interrupter.join();

        assertThat(status).isEqualTo(Interruption.STATUS);
        long stopped = answers();
        assertThat(stopped).isBetween(2L, 3L * METHODS * 50 - 1);
        assertThat(err.toString(StandardCharsets.UTF_8))
                .contains(
                        "stopped with " + stopped + " answers in " + output + "; the same command goes on from there");
        assertThat(output.resolve("results.json")).doesNotExist();
        Cli.Result other = run(args("--repetitions", "49"));
        assertThat(other.status()).isEqualTo(1);
        assertThat(other.err()).contains("begun with other settings (repetitions 50, not 49)");

        Cli.Result resumed = run(args("--repetitions", "50"));

        assertThat(resumed.status()).isZero();
        assertThat(resumed.err()).contains("going on in " + output + ", which has " + stopped + " answers already");
        assertThat(answers()).isEqualTo(3L * METHODS * 50);
    }

    private long answers() {
        try {
            return Files.readString(output.resolve("journal.jsonl"))
                            .chars()
                            .filter(c -> c == '\n')
                            .count()
                    - 1;
        } catch (IOException e) {
            return 0;
        }
    }

    @Test
    void finishedResultsAreReplacedOnRequestOnly() throws IOException {
        assertThat(run(args("--methods", "lookup")).status()).isZero();
        String before = Files.readString(output.resolve("results.json"));

        Cli.Result again = run(args("--methods", "lookup"));

        assertThat(again.status()).isEqualTo(1);
        assertThat(again.err()).startsWith("bita: " + output + ": ").contains("finished run", "--force");
        assertThat(Files.readString(output.resolve("results.json"))).isEqualTo(before);
        assertThat(run(args("--methods", "lookup", "--force")).status()).isZero();
        assertThat(Files.readString(output.resolve("results.json"))).isNotEqualTo(before);
    }

    @Test
    void namesTheFirstTokenThatDiffers() throws IOException {
        assertThat(run(args("--methods", "lookup")).status()).isZero();
        Path journal = output.resolve("journal.jsonl");
        List<String> lines = Files.readAllLines(journal);
        lines.replaceAll(line -> line.contains("\"turn\":1") && line.contains("\"method\":\"lookup\"")
                ? line.replaceFirst("\"token_ids\":\\[(\\d+),(\\d+),", "\"token_ids\":[$1,9999,")
                : line);
        Files.write(journal, lines);
        Files.delete(output.resolve("results.json"));

        Cli.Result result = run(args("--methods", "lookup"));

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err())
                .endsWith("bita: not identical to plain decoding: question 81, turn 2, lookup: token 2\n");
        assertThat(result.out()).contains("2/3", "not identical: see the report");
        assertThat(Files.readString(output.resolve("report.html")))
                .contains(
                        "Not identical: 1 answer differs from plain decoding&#39;s, the first at question 81, turn 2,");
    }

    @Test
    void sampledAnswersAreComparedToo() {
        Cli.Result result = run(args("--json", "--temperature", "0.8", "--seed", "5", "--methods", "masks:full:2"));

        JsonNode all = JsonMapper.shared().readTree(result.out()).get(1);
        assertThat(result.status()).isZero();
        assertThat(all.get("identical_prompts").asInt()).isEqualTo(3);
    }

    @Test
    void controlCharactersOfASuiteDoNotReachTheTerminal() throws IOException {
        Path evil = Files.writeString(home.resolve("evil.jsonl"), """
                {"question_id": "\\u001b[2J", "category": "\\u001b]0;x\\u0007", "turns": ["First?"]}
                """);
        Cli.Result shown = new Cli(home).connected(false, false, true).run(args(evil, "none", "--methods", "lookup"));
        assertThat(shown.status()).isZero();
        assertThat(shown.out() + shown.err().replaceAll("\u001b\\[(\\?7[lh]|K|2m|0m)", ""))
                .doesNotContain("\u001b", "\u0007");
    }
}
