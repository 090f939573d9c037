package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** With a model of random weights, whose times mean nothing. */
class TuneDryRunTest {
    @TempDir
    Path home;

    private Cli.Result run(String... more) throws IOException {
        Path model = home.resolve("tiny.gguf");
        if (!Files.exists(model)) {
            TinyModel.write(model);
        }
        List<String> args = new ArrayList<>(List.of("tune", "--dry-run", model.toString(), "--threads", "1"));
        args.addAll(List.of("--window", "4", "--batch", "3", "--max-tokens", "40", "--steps", "60"));
        args.addAll(List.of(more));
        return new Cli(home).run(args.toArray(String[]::new));
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.walk(home)) {
            return files.filter(Files::isRegularFile).toList();
        }
    }

    @Test
    void showsMemoryAndTime() throws IOException {
        Cli.Result result = run("--masks", "2");

        assertThat(result.status()).isZero();
        assertThat(result.out())
                .startsWith("tiny.gguf, 1 thread, ")
                .containsPattern("(?m)^weights +\\S+ kB$")
                .containsPattern("(?m)^stated in all, at most +\\S+ MB$")
                .containsPattern("(?m)^a window of 4 anchors +\\S+ s$")
                .containsPattern("(?m)^a step of 3 windows +\\S+ s$")
                .containsPattern("(?m)^all 60 steps and validations +\\S+ ");
        assertThat(result.err()).contains("window 2");
        assertThat(files()).containsExactly(home.resolve("tiny.gguf"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"cross_entropy", "forward_kl", "focal"})
    void reportsAsJson(String loss) throws IOException {
        Cli.Result result = run("--loss", loss, "--json");

        assertThat(result.status()).isZero();
        assertThat(result.out().lines()).hasSize(1);
        JsonNode json = JsonMapper.shared().readTree(result.out());
        JsonNode memory = json.get("memory_bytes");
        assertThat(memory.propertyNames())
                .containsExactly("weights", "activations", "cache", "learned", "frozen", "java");
        memory.forEach(bytes -> assertThat(bytes.asLong()).isPositive());
        assertThat(memory.valueStream().mapToLong(JsonNode::asLong).sum())
                .isEqualTo(json.get("stated_bytes").asLong());
        if (Files.isReadable(Path.of("/proc/self/status"))) {
            assertThat(json.get("peak_resident_bytes").asLong())
                    .isGreaterThan(memory.get("weights").asLong());
        }
        double window = json.get("seconds_per_window").asDouble();
        double step = json.get("seconds_per_step").asDouble();
        double validation = json.get("seconds_per_validation").asDouble();
        assertThat(window).isPositive();
        assertThat(step).isCloseTo(3 * window, within(1e-9));
        // Before the first step, behind the 25th, the 50th and the last.
        assertThat(json.get("seconds").asDouble()).isCloseTo(60 * step + 4 * validation, within(1e-9));
    }

    @Test
    void measuresRandomWeightsOfAShape() {
        Cli.Result result = new Cli(home)
                .run(
                        "tune",
                        "--dry-run",
                        "--shape",
                        "smollm2-135m",
                        "--window",
                        "2",
                        "--masks",
                        "1",
                        "--max-tokens",
                        "8",
                        "--json");

        assertThat(result.err()).contains("100 %").doesNotContain("bita:");
        assertThat(result.status()).isZero();
        assertThat(JsonMapper.shared().readTree(result.out()).get("model").asString())
                .isEqualTo("smollm2-135m, random Q4_0");
    }

    @Test
    void countsTheAnswersIfThereAreSome() throws IOException {
        Path answers = Files.write(home.resolve("answers.jsonl"), new byte[1000]);
        long without = java(run("--json"));

        assertThat(java(run("--json", "--answers", answers.toString()))).isEqualTo(without + 1000);
    }

    private static long java(Cli.Result result) {
        return JsonMapper.shared()
                .readTree(result.out())
                .get("memory_bytes")
                .get("java")
                .asLong();
    }

    @Test
    void refusesWhatDoesNotFitBeforeAllocating() {
        // Eight terabytes: more than machines have that run this test.
        Cli.Result result =
                new Cli(home).run("tune", "--dry-run", "--shape", "llama-70b", "--window", "4096", "--masks", "64");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.out()).isEmpty();
        assertThat(result.err())
                .startsWith("bita: tuning this model needs ")
                .contains("GB of memory (weights ", "activations ", ", and this machine has ")
                .hasLineCount(1);
    }
}
