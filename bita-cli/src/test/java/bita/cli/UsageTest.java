package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

class UsageTest {
    static final java.util.List<String> COMMANDS = Bita.COMMANDS;

    @TempDir
    Path home;

    @Test
    void showsUsageAndFailsWithoutCommand() {
        Cli.Result result = new Cli(home).run();

        assertThat(result.status()).isEqualTo(2);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).contains("Usage: bita", "quantize", "Exit status");
    }

    @ParameterizedTest
    @FieldSource("COMMANDS")
    void helpHasExamples(String command) {
        Cli.Result result = new Cli(home).run(command, "--help");

        assertThat(result.status()).isZero();
        assertThat(result.out()).contains("Usage: bita " + command, "Examples:", "bita " + command);
        assertThat(result.out()).doesNotContain("\u001b", "${");
        assertThat(result.err()).isEmpty();
        assertThat(new Cli(home).run("help", command).out()).isEqualTo(result.out());
    }

    @Test
    void tellsVersions() {
        Cli.Result result = new Cli(home).run("--version");

        assertThat(result.status()).isZero();
        assertThat(result.out()).containsPattern("^bita \\d+\\.\\d+").contains("Java " + Runtime.version());
    }

    static Stream<Arguments> wrongUsage() {
        return Stream.of(
                wrong("unknown method 'clever'", "run", "--method", "clever", "x"),
                wrong("tree shape", "run", "--method", "masks:bush", "x"),
                wrong("--plain and --method", "run", "--plain", "--method", "lookup", "x"),
                wrong("row budget", "run", "--rows", "1", "x"),
                wrong("'--rows'", "run", "--rows", "many", "x"),
                wrong("context", "run", "--context", "1", "x"),
                wrong("port", "serve", "--port", "70000"),
                wrong("sequences", "serve", "--parallel", "0"),
                wrong("origin", "serve", "--cors-origin", "example.org"),
                wrong("API key", "serve", "--api-key", " "),
                wrong("--log", "serve", "--log", "xml"),
                wrong("drain-timeout", "serve", "--drain-timeout", "-1"),
                wrong("temperature", "serve", "--temperature", "-1"),
                wrong("threads", "run", "--threads", "0", "x"),
                wrong("--backend", "run", "--backend", "gpu", "x"),
                wrong("--isa", "run", "--isa", "sse", "x"),
                wrong("--cache-type", "run", "--cache-type", "f8", "x"),
                wrong("temperature", "run", "--temperature", "-1", "x"),
                wrong("temperature 0", "run", "--temperature", "0", "--top-p", "0.9", "x"),
                wrong("top-p", "run", "--top-p", "2", "x"),
                wrong("min-p", "run", "--min-p", "nan", "x"),
                wrong("at least one token", "run", "--max-tokens", "0", "x"),
                wrong("stop text", "run", "--stop", "", "x"),
                wrong("--raw and --system", "run", "--raw", "--system", "a", "x"),
                wrong("--json and --show-drafts", "run", "--json", "--show-drafts", "x"),
                wrong("accelerated method", "run", "--compare", "--plain", "x"),
                wrong("quotes", "run", "why", "is"),
                wrong("prompt is empty", "run"),
                wrong("prompt is empty", "run", ""),
                wrong("--tempature", "run", "--tempature", "1", "x"),
                wrong("--output", "quantize", "model.gguf", "--to", "F32"),
                wrong("--to", "quantize", "model.gguf", "--to", "Q1", "-o", "x"),
                wrong("q4_k can be read but not written", "quantize", "model.gguf", "--to", "Q4_K", "-o", "x"),
                wrong("--output", "import", "checkpoint"),
                wrong("DIR", "import", "-o", "x"),
                wrong("--to", "import", "checkpoint", "--to", "Q8_0", "-o", "x"),
                wrong("FILE|NAME", "inspect"),
                wrong("--suite", "audit"),
                wrong("limit", "audit", "--suite", "x.jsonl", "--limit", "0"),
                wrong("--rows needs", "audit", "--suite", "x.jsonl", "--rows", "8"),
                wrong("--suite", "eval"),
                wrong("limit of questions", "eval", "--suite", "x.jsonl", "--limit", "0"),
                wrong("number of repetitions", "eval", "--suite", "x.jsonl", "--repetitions", "0"),
                wrong("at least one token", "eval", "--suite", "x.jsonl", "--max-tokens", "0"),
                wrong("unknown method 'clever'", "eval", "--suite", "x.jsonl", "--methods", "lookup,clever"),
                wrong("row budget", "eval", "--suite", "x.jsonl", "--rows", "1"),
                wrong("context", "eval", "--suite", "x.jsonl", "--context", "1"),
                wrong("named with -o", "eval", "--suite", "x.jsonl", "--force"),
                wrong("--seed", "eval", "--suite", "x.jsonl", "--temperature", "0.7"),
                wrong("temperature 0", "eval", "--suite", "x.jsonl", "--top-k", "5", "--temperature", "0"),
                wrong("--rows are 1 to 1024", "bench", "--rows", "4,0"),
                wrong("--rows are 1 to 1024", "bench", "--rows", "-1"),
                wrong("--rows are 1 to 1024", "bench", "--rows", "100000"),
                wrong("'--rows'", "bench", "--rows", "1,x"),
                wrong("--contexts are 0 to 1048576", "bench", "--contexts", "-1"),
                wrong("--rounds is 1 to 1000", "bench", "--rounds", "0"),
                wrong("--threads is 1 to 1024", "bench", "--threads", "0"),
                wrong("there is no shape 'gpt', only smollm2-135m,", "bench", "--shape", "gpt"),
                wrong("a MODEL or a --shape", "bench", "model.gguf", "--shape", "llama-7b"),
                wrong("--format is for", "bench", "model.gguf", "--format", "Q8_0"),
                wrong(".svg or .png", "bench", "--plot", "cost.pdf"),
                wrong(".svg or .png", "bench", "--plot", "cost"),
                wrong("--answers has the answers", "tune", "x", "-o", "y", "--answers", "a", "--prompts", "q"),
                wrong("--answers has the answers", "tune", "x", "-o", "y", "--answers", "a", "--temperature", "1"),
                wrong("--limit is for", "tune", "x", "-o", "y", "--limit", "3"),
                wrong("temperature", "tune", "x", "-o", "y", "--temperature", "-1"),
                wrong("number of masks", "tune", "x", "-o", "y", "--masks", "0"),
                wrong("learning rate", "tune", "x", "-o", "y", "--learning-rate", "NaN"),
                wrong("--output", "distill"),
                wrong("--limit is for", "distill", "-o", "x", "--limit", "3"),
                wrong("--count is for", "distill", "-o", "x", "--prompts", "q", "--count", "3"),
                wrong("limit of questions", "distill", "-o", "x", "--prompts", "q", "--limit", "0"),
                wrong("at least one question", "distill", "-o", "x", "--count", "0"),
                wrong("at least one token", "distill", "-o", "x", "--max-tokens", "0"),
                wrong("temperature", "distill", "-o", "x", "--temperature", "-1"),
                wrong("1 to 1024", "distill", "-o", "x", "--batch", "0"),
                wrong("which MODEL", "tune"),
                wrong("--output", "tune", "model.gguf"),
                wrong("--shape is for a --dry-run", "tune", "--shape", "llama-7b", "-o", "x", "--answers", "y"),
                wrong("a MODEL or a --shape", "tune", "--dry-run", "model.gguf", "--shape", "llama-7b"),
                wrong("--format is for", "tune", "--dry-run", "model.gguf", "--format", "Q8_0"),
                wrong("there is no shape 'gpt'", "tune", "--dry-run", "--shape", "gpt"),
                wrong("number of window", "tune", "--dry-run", "--shape", "llama-7b", "--window", "0"),
                wrong("surplus", "list", "surplus"),
                wrong("rnu", "rnu"));
    }

    private static Arguments wrong(String part, String... args) {
        return Arguments.of(part, args);
    }

    @ParameterizedTest
    @MethodSource
    void wrongUsage(String part, String[] args) {
        Cli.Result result = new Cli(home).run(args);

        assertThat(result.status()).isEqualTo(2);
        assertThat(result.out()).isEmpty();
        assertThat(result.err().toLowerCase(Locale.ROOT))
                .startsWith("bita: ")
                .contains(part.toLowerCase(Locale.ROOT), "--help");
        assertThat(result.err()).doesNotContain("\tat ");
    }

    @Test
    void suggestsWhatWasMeant() {
        assertThat(new Cli(home).run("rnu").err()).contains("run, chat, serve, pull");
        assertThat(new Cli(home).run("run", "--tempature", "1", "x").err()).contains("--temperature");
    }

    @Test
    void asksForAPromptAtATerminal() {
        Cli.Result result = new Cli(home).connected(true, true, true).run("run");

        assertThat(result.status()).isEqualTo(2);
        assertThat(result.err()).contains("there is no prompt");
    }

    @Test
    void namesUnknownModel() {
        Cli.Result result = new Cli(home).run("run", "--offline", "-m", "smollm2-135n", "x");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).startsWith("bita: ").contains("'smollm2-135n'", "did you mean 'smollm2-135m'");
        assertThat(result.err()).doesNotContain("\tat ");
    }

    @Test
    void saysWhyModelCannotBeHadOffline() {
        Cli.Result result =
                new Cli(home).environment("HF_HOME", home.toString()).run("run", "--offline", "x");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).contains("smollm2-135m-instruct", "offline");
    }

    @Test
    void namesMissingFile() {
        for (String command : new String[] {"run", "inspect"}) {
            String[] args = command.equals("run")
                    ? new String[] {"run", "--offline", "-m", "./no/such.gguf", "x"}
                    : new String[] {"inspect", "./no/such.gguf"};
            Cli.Result result = new Cli(home).run(args);

            assertThat(result.status()).isEqualTo(1);
            assertThat(result.err()).startsWith("bita: ").contains("./no/such.gguf");
        }
    }

    @Test
    void namesMissingAdapter() {
        Cli.Result result = new Cli(home).run("run", "--offline", "--adapter", "nothing", "x");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).contains("there is no adapter file 'nothing'");
    }

    @Test
    void refusesTruncatedModelInOneLine() throws Exception {
        Path whole = home.resolve("whole.gguf");
        TinyModel.write(whole);
        byte[] bytes = Files.readAllBytes(whole);
        Path half = home.resolve("half.gguf");
        Files.write(half, java.util.Arrays.copyOf(bytes, bytes.length / 2));

        for (String[] args : new String[][] {
            {"run", "-m", half.toString(), "x"},
            {"inspect", half.toString()},
            {
                "quantize",
                half.toString(),
                "--to",
                "Q8_0",
                "-o",
                home.resolve("x.gguf").toString()
            }
        }) {
            Cli.Result result = new Cli(home).run(args);

            assertThat(result.status()).isEqualTo(1);
            assertThat(result.out()).isEmpty();
            assertThat(result.err().lines()).hasSize(1);
            assertThat(result.err()).startsWith("bita: " + half);
        }
        assertThat(home.resolve("x.gguf")).doesNotExist();
    }

    @Test
    void showsStackTraceOnDemand() {
        Cli.Result result = new Cli(home).environment("BITA_DEBUG", "1").run("inspect", "nothing");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).contains("FileNotFoundException", "\tat bita.cli.");
    }
}
