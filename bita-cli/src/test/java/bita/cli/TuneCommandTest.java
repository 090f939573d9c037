package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import bita.api.Answer;
import bita.api.Message;
import bita.decode.SamplingSettings;
import bita.tune.data.AnswerFile;
import bita.tune.data.AnswerOrigin;
import bita.tune.data.AnsweredTurn;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** With a model of random weights, which has nothing to say. */
class TuneCommandTest {
    private static final int ANSWERS = 8; // half of them for validation

    @TempDir
    static Path home;

    private static Path model;
    private static String sha256;
    private static Path answers;

    @TempDir
    Path folder;

    private Path adapter;
    private Path report;

    @BeforeAll
    static void writeModelAndAnswers() throws Exception {
        model = home.resolve("tiny.gguf");
        TinyModel.write(model);
        sha256 = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(model)));
        answers = home.resolve("answers.jsonl");
        try (AnswerFile file = AnswerFile.open(answers, new AnswerOrigin(sha256, SamplingSettings.greedy()))) {
            for (int i = 0; i < ANSWERS; i++) {
                int first = i;
                file.append(new AnsweredTurn(
                        "q" + i,
                        List.of(Message.user("Question " + i)),
                        List.of(1, 2, 3),
                        IntStream.range(0, 20)
                                .mapToObj(k -> 10 + (first + k) % 7)
                                .toList(),
                        Answer.Finish.LENGTH,
                        "text"));
            }
        }
    }

    @BeforeEach
    void choose() {
        adapter = folder.resolve("adapter.safetensors");
        report = folder.resolve("adapter.safetensors.tuning/report.md");
    }

    /** A run that is over soon. */
    private String[] args(String... more) {
        List<String> args = new ArrayList<>(
                List.of("tune", model.toString(), "--answers", answers.toString(), "-o", adapter.toString()));
        args.addAll(List.of("--steps", "3", "--batch", "2", "--masks", "2", "--prompt-tokens", "2", "--threads", "1"));
        args.addAll(List.of(more));
        return args.toArray(String[]::new);
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(report.resolveSibling(""))) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void reportsAsJsonAndWritesAReport() throws IOException {
        Cli.Result result = new Cli(home).run(args("--json"));

        assertThat(result.status()).as(result.err()).isZero();
        assertThat(result.out().lines()).hasSize(1);
        JsonNode json = JsonMapper.shared().readTree(result.out());
        assertThat(json.propertyNames())
                .containsExactly(
                        "adapter",
                        "parameters",
                        "bytes",
                        "answers",
                        "validation_answers",
                        "steps",
                        "seconds",
                        "validation_loss",
                        "top1",
                        "top5",
                        "tokens_per_step_chain",
                        "tokens_per_step_upper_triangle",
                        "report");
        assertThat(json.get("steps").asInt()).isEqualTo(3);
        assertThat(json.get("answers").asInt()).isEqualTo(4);
        assertThat(json.get("top5").size()).isEqualTo(2);
        assertThat(json.get("report").asString()).isEqualTo(report.toString());
        assertThat(adapter).isRegularFile();

        assertThat(files())
                .containsExactly(
                        "checkpoint.safetensors",
                        "checkpoint.safetensors.lock",
                        "curves.svg",
                        "log.jsonl",
                        "report.md");
        assertThat(Files.readString(report))
                .startsWith("# Tuning of `" + adapter + "`\n\nAll 3 steps are made.\n\n## Result\nThe best, after ")
                .contains(
                        "loss %.3f nats".formatted(json.get("validation_loss").asDouble()),
                        "| a mask's most likely | %.1f %% | %.1f %% |\n"
                                .formatted(
                                        100 * json.get("top1").get(0).asDouble(),
                                        100 * json.get("top1").get(1).asDouble()),
                        "](curves.svg)\n",
                        "\n| 0 | ",
                        "\n| 3 | ",
                        "| model | `" + model + "` |\n| its SHA-256 | `" + sha256 + "` |\n",
                        "| answers | `" + answers + "` |\n| trained on | 4 answers |\n| measured on | 4 others, ",
                        ", 1 thread |\n",
                        "| time of the steps | ",
                        "| highest learning rate | 0.1 |\n",
                        "```\nbita " + String.join(" ", args("--json")) + "\n```\n");
        assertThat(Files.readString(report.resolveSibling("curves.svg"))).endsWith("</svg>\n");
    }

    @Test
    void inspectShowsHowOftenMasksAreRightAndBigrams() throws IOException {
        assertThat(new Cli(home).run(args()).status()).isZero();

        Cli.Result text = new Cli(home).run("inspect", adapter.toString());
        Cli.Result object = new Cli(home).run("inspect", "--json", adapter.toString());

        assertThat(text.out())
                .contains("Masks, on answers not trained on", "right first", "of proposals", "Bigrams of the");
        JsonNode json = JsonMapper.shared().readTree(object.out());
        assertThat(json.get("bigrams").asInt()).isPositive();
        JsonNode masks = json.get("calibration");
        assertThat(masks.size()).isEqualTo(2);
        assertThat(masks.get(1).get("mask").asInt()).isEqualTo(2);
        assertThat(masks.get(0).get("seen").asLong()).isPositive();
        assertThat(masks.get(0).get("top5").asDouble())
                .isBetween(masks.get(0).get("top1").asDouble(), 1.0);
    }

    @Test
    void endsByNamingTheReport() {
        Cli.Result result = new Cli(home).run(args());

        assertThat(result.status()).isZero();
        assertThat(result.out())
                .startsWith(adapter + " is complete: ")
                .contains("\non 4 other answers: loss ")
                .endsWith("\nthe report of the run, with its curves: " + report + "\n");
    }

    @Test
    void quotesOddNames() throws IOException {
        adapter = folder.resolve("it's | `odd`");

        assertThat(new Cli(home).run(args()).status()).isZero();

        assertThat(Files.readString(Path.of(adapter + ".tuning/report.md")))
                .startsWith("# Tuning of `` " + folder + "/it's \\| `odd` ``\n")
                .contains(" -o '" + folder + "/it'\\''s | `odd`' --steps 3 ");
    }

    @Test
    void aRunThatIsStoppedHasAReportToo() throws IOException {
        Terminal[] terminal = new Terminal[1];
        OutputStream interrupting = new OutputStream() {
            private boolean isNoteWritten; // what memory it takes, before it begins

            @Override
            public void write(int b) {
                if (isNoteWritten) {
                    terminal[0].interruption().request();
                }
                isNoteWritten |= b == '\n';
            }
        };
        terminal[0] = new Cli(home).terminal(new ByteArrayOutputStream(), interrupting);

        int status = Main.run(terminal[0], args());

        assertThat(status).isEqualTo(130);
        assertThat(adapter).doesNotExist();
        assertThat(Files.readString(report))
                .contains("\n1 of 3 steps are made.\n", "\n| 0 | ", "If the run has stopped, this goes on with it.\n")
                .doesNotContain("\n| 1 | ");

        assertThat(new Cli(home).run(args()).status()).isZero();
        assertThat(Files.readString(report)).contains("\nAll 3 steps are made.\n", "\n| 0 | ", "\n| 3 | ");
    }

    /** A folder in the way stands in for a full disk. */
    @Test
    void learnsEvenIfTheReportCannotBeWritten() throws IOException {
        Files.createDirectories(report);

        Cli.Result json = new Cli(home).run(args("--json"));
        Cli.Result text = new Cli(home).run(args("--force"));

        assertThat(json.status()).isZero();
        assertThat(json.err()).containsOnlyOnce("there is no report of this run: " + report + ": ");
        assertThat(JsonMapper.shared().readTree(json.out()).has("report")).isFalse();
        assertThat(text.out()).contains(" is complete: ").doesNotContain("report");
        assertThat(adapter).isRegularFile();
    }

    /** A Java without its desktop module stands in for a system that lacks what Java draws letters with. */
    @Test
    void reportsWithoutPictureWhereNothingCanBeDrawn() throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--limit-modules",
                "java.logging,java.net.http,java.xml,jdk.management,jdk.unsupported",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
        command.addAll(List.of(args()));
        Path err = folder.resolve("err");

        Process process =
                new ProcessBuilder(command).redirectError(err.toFile()).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(process.waitFor()).as(Files.readString(err)).isZero();
        assertThat(Files.readString(err))
                .containsOnlyOnce("the report has no picture: Java cannot draw pictures here (")
                .contains("install fontconfig and a font such as DejaVu\n");
        assertThat(out).endsWith(report + "\n");
        assertThat(files()).doesNotContain("curves.svg");
        assertThat(Files.readString(report))
                .contains("There are no curves: `the report has no picture: Java cannot draw", "\n| 3 | ")
                .doesNotContain("curves.svg");
    }
}
