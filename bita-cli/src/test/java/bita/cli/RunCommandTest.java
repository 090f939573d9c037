package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** With a model of random weights. */
class RunCommandTest {
    @TempDir
    static Path home;

    private static Path model;
    private static Path adapter;

    @BeforeAll
    static void writeModel() throws IOException {
        model = home.resolve("tiny.gguf");
        TinyModel.write(model);
        adapter = home.resolve("tiny.safetensors");
        TinyModel.writeAdapter(adapter);
    }

    private static String[] args(String... more) {
        List<String> args =
                new ArrayList<>(List.of("run", "-m", model.toString(), "--threads", "1", "--max-tokens", "40"));
        args.addAll(List.of(more));
        return args.toArray(String[]::new);
    }

    @Test
    void answersOnStandardOutputOnly() {
        Cli.Result result = new Cli(home).run(args("Hello"));

        assertThat(result.status()).isZero();
        assertThat(result.out()).isNotBlank().endsWith("\n");
        assertThat(result.err()).isEmpty();
    }

    @Test
    void readsPromptFromPipe() {
        String expected = new Cli(home).run(args("Hello")).out();

        assertThat(new Cli(home).input("Hello\n").run(args()).out()).isEqualTo(expected);
        assertThat(new Cli(home).input("Hello").run(args("-")).out()).isEqualTo(expected);
        assertThat(new Cli(home).input("Hello again").run(args()).out()).isNotEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "lookup",
                "automaton",
                "lookahead",
                "recycling",
                "masks",
                "masks+lookup",
                "masks:upper-triangle:3"
            })
    void allMethodsGiveTheSameText(String method) {
        String plain = new Cli(home).run(args("--plain", "Hello")).out();

        Cli.Result result = new Cli(home).run(args("--adapter", adapter.toString(), "--method", method, "Hello"));

        assertThat(result.status()).isZero();
        assertThat(result.out()).isEqualTo(plain);
        assertThat(result.err()).contains("tuned on another file of this model");
    }

    @Test
    void reportsAsJson() {
        Cli.Result result = new Cli(home)
                .run(args("--adapter", adapter.toString(), "--json", "--temperature", "0.8", "--seed", "5", "Hello"));

        JsonNode json = JsonMapper.shared().readTree(result.out());
        assertThat(result.out().lines()).hasSize(1);
        assertThat(json.propertyNames())
                .containsExactly(
                        "text",
                        "prompt_tokens",
                        "completion_tokens",
                        "token_ids",
                        "finish",
                        "tokens_per_second",
                        "time_to_first_token_ms",
                        "steps",
                        "tokens_per_step",
                        "rows_per_step",
                        "method",
                        "model",
                        "adapter",
                        "seed",
                        "backend",
                        "instruction_set");
        assertThat(json.get("token_ids")).hasSize(json.get("completion_tokens").asInt());
        assertThat(json.get("tokens_per_step").asDouble())
                .isCloseTo(
                        (json.get("completion_tokens").asInt() - 1)
                                / json.get("steps").asDouble(),
                        org.assertj.core.data.Offset.offset(0.001));
        assertThat(json.get("seed").asLong()).isEqualTo(5);
        assertThat(json.get("model").asString()).isEqualTo(model.toString());
        assertThat(json.get("adapter").asString()).isEqualTo(adapter.toString());
        assertThat(json.get("method").asString()).isEqualTo("masks+automaton+recycling+bigrams:best:16");
    }

    @Test
    void comparesAndFindsEqualText() {
        Cli.Result text = new Cli(home).run(args("--compare", "Hello"));
        Cli.Result json = new Cli(home).run(args("--compare", "--json", "Hello"));

        assertThat(text.status()).isZero();
        assertThat(text.out())
                .startsWith(new Cli(home).run(args("Hello")).out())
                .contains("plain", "automaton+recycling", "speedup", "identical")
                .doesNotContain("not identical");
        JsonNode report = JsonMapper.shared().readTree(json.out());
        assertThat(report.get("identical").asBoolean()).isTrue();
        assertThat(report.get("speedup").asDouble()).isPositive();
        assertThat(report.get("plain_tokens_per_second").asDouble()).isPositive();
    }

    @Test
    void marksDrafts() {
        Cli.Result piped = new Cli(home).run(args("--show-drafts", "aaaa aaaa aaaa aaaa"));
        Cli.Result coloured =
                new Cli(home).connected(false, true, false).run(args("--show-drafts", "aaaa aaaa aaaa aaaa"));
        Cli.Result uncoloured = new Cli(home)
                .connected(false, true, false)
                .environment("NO_COLOR", "1")
                .run(args("--show-drafts", "aaaa aaaa aaaa aaaa"));

        assertThat(piped.out()).contains("{in braces}", "<in angles>").doesNotContain("\u001b");
        assertThat(coloured.out()).contains("\u001b[36mcyan\u001b[0m");
        assertThat(uncoloured.out()).contains("{in braces}").doesNotContain("\u001b");
    }

    @Test
    void tellsStatisticsOnATerminal() {
        Cli.Result result =
                new Cli(home).connected(false, false, true).run(args("--temperature", "1", "--seed", "3", "Hello"));

        assertThat(result.err()).contains("tokens/s", "tokens per step", "automaton+recycling", "seed 3", "\u001b[2m");
    }

    @Test
    void saysWhenThePromptDoesNotFit() {
        Cli.Result result = new Cli(home).run(args("--context", "10", "Hello, this is too long"));

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).startsWith("bita: the prompt has ").contains("context holds 10");
    }

    @Test
    void masksNeedAnAdapter() {
        Cli.Result result = new Cli(home).run(args("--method", "masks", "Hello"));

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).startsWith("bita: ").contains("adapter");
    }

    @Test
    void refusesTheAdapterOfAnotherModel() {
        Path other = Path.of("../bita-decode/src/main/resources/bita/decode/smollm2-135m-instruct.safetensors");
        Cli.Result result = new Cli(home).run(args("--adapter", other.toString(), "Hello"));

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).startsWith("bita: ").contains("smollm2-135m-instruct.safetensors", "model");
        assertThat(result.err().strip().lines()).hasSize(1);
    }

    @Test
    void endsQuietlyWhenNobodyReads() {
        ByteArrayOutputStream err = new ByteArrayOutputStream();

        int status = Main.run(new Cli(home).terminal(new Failing("Broken pipe"), err), args("Hello"));

        assertThat(status).isZero();
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void saysWhenOutputCannotBeWritten() {
        ByteArrayOutputStream err = new ByteArrayOutputStream();

        int status = Main.run(new Cli(home).terminal(new Failing("No space left on device"), err), args("Hello"));

        assertThat(status).isEqualTo(1);
        assertThat(err.toString(StandardCharsets.UTF_8))
                .isEqualTo("bita: standard output cannot be written: No space left on device\n");
    }

    @Test
    void stopsWhenInterrupted() {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Terminal[] terminal = new Terminal[1];
        OutputStream interrupting = new OutputStream() {
            @Override
            public void write(int b) {
                terminal[0].interruption().request();
            }
        };
        terminal[0] = new Cli(home).terminal(interrupting, err);

        int status = Main.run(terminal[0], args("Hello"));

        assertThat(status).isEqualTo(130);
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void audits() throws IOException {
        Path suite = home.resolve("suite.jsonl");
        java.nio.file.Files.writeString(suite, """
                {"question_id": 1, "category": "writing", "turns": ["Hello"]}
                {"question_id": 2, "category": "writing", "turns": ["aaaa aaaa aaaa"]}
                """);
        String[] audit = {
            "audit",
            model.toString(),
            "--suite",
            suite.toString(),
            "--max-tokens",
            "12",
            "--method",
            "masks:best:4",
            "--method",
            "lookup",
            "--adapter",
            adapter.toString(),
            "--json"
        };

        Cli.Result result = new Cli(home).run(audit);

        JsonNode json = JsonMapper.shared().readTree(result.out());
        assertThat(json.get("prompts").asInt()).isEqualTo(2);
        assertThat(json.get("mismatches")).isEmpty();
        assertThat(json.get("methods")).isNotEmpty();
        assertThat(result.status()).isEqualTo(json.get("ok").asBoolean() ? 0 : 1);
        assertThat(result.err()).contains("100 %");
    }

    @Test
    void talks() {
        String script = "Hello\n\n/help\n/stats\n/nonsense\n/reset\nHello\n/exit\nnever reached\n";

        Cli.Result result =
                new Cli(home).input(script).run("chat", "-m", model.toString(), "--threads", "1", "--max-tokens", "20");

        assertThat(result.status()).isZero();
        String answer = result.out().substring(0, result.out().indexOf("/reset"));
        assertThat(answer).isNotBlank();
        assertThat(result.out()).startsWith(answer).endsWith("\n" + answer).contains("1 answer, 20 tokens");
        assertThat(result.out()).doesNotContain("\u001b", "> ");
        assertThat(result.err()).isEqualTo("bita: there is no command /nonsense; /help lists them\n");
    }

    @Test
    void chatOverflowLeavesTheConversationUsable() {
        Cli.Result result = new Cli(home)
                .input("x".repeat(300) + "\nHello\n")
                .run("chat", "-m", model.toString(), "--threads", "1", "--max-tokens", "20");

        assertThat(result.status()).isZero();
        assertThat(result.err()).contains("the prompt has ", "/reset starts over");
        assertThat(result.out()).isNotBlank();
    }

    private static final class Failing extends OutputStream {
        private final String message;

        Failing(String message) {
            this.message = message;
        }

        @Override
        public void write(int b) throws IOException {
            throw new IOException(message);
        }
    }
}
