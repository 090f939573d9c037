package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ImportCommandTest {
    @TempDir
    Path home;

    private Path checkpoint = Path.of("");
    private Path adapter = Path.of("");

    @BeforeEach
    void writeCheckpoint() throws IOException {
        checkpoint = home.resolve("checkpoint");
        TinyModel.writeReferenceCheckpoint(checkpoint);
        adapter = home.resolve("adapter.safetensors");
    }

    private Cli.Result run(String... more) {
        String[] args = new String[more.length + 4];
        args[0] = "import";
        args[1] = checkpoint.toString();
        args[2] = "-o";
        args[3] = adapter.toString();
        System.arraycopy(more, 0, args, 4, more.length);
        return new Cli(home).run(args);
    }

    /** Nothing is known of the file it was tuned on, so nothing is to be warned of. */
    @Test
    void importedAdapterDraftsWithoutWarning() throws IOException {
        Path model = home.resolve("tiny.gguf");
        TinyModel.write(model);
        String[] plain = {"run", "-m", model.toString(), "--threads", "1", "--max-tokens", "20", "--plain", "Hello"};
        String[] masks = plain.clone();
        masks[7] = "--adapter=" + adapter;

        Cli.Result imported = run();
        Cli.Result drafted = new Cli(home).run(masks);

        assertThat(imported.status()).isZero();
        assertThat(drafted.status()).isZero();
        assertThat(drafted.out()).isEqualTo(new Cli(home).run(plain).out());
        assertThat(drafted.err()).isEmpty();
    }

    @Test
    void saysWhatItFound() throws IOException {
        Cli.Result result = run();

        assertThat(result.err()).isEmpty();
        assertThat(result.out().lines())
                .containsExactly(
                        "model          llama, 2 layers, 2 heads of 16, hidden size 32",
                        "prompt tokens  2",
                        "mask tokens    3, one embedding for all",
                        "read from      " + checkpoint.resolve("model.safetensors"),
                        adapter + " is complete: " + Format.bytes(Files.size(adapter)) + " in F16");
    }

    @Test
    void reportsAsJson() throws IOException {
        Cli.Result result = run("--json", "--to", "f32");

        JsonNode json = JsonMapper.shared().readTree(result.out());
        assertThat(result.out().lines()).hasSize(1);
        assertThat(json.propertyNames())
                .containsExactly(
                        "path",
                        "bytes",
                        "format",
                        "architecture",
                        "layers",
                        "heads",
                        "head_dim",
                        "hidden",
                        "prompts",
                        "masks",
                        "shared_mask",
                        "files");
        assertThat(json.get("bytes").asLong()).isEqualTo(Files.size(adapter));
        assertThat(json.get("format").asString()).isEqualTo("F32");
        assertThat(json.get("prompts").asInt()).isEqualTo(2);
        assertThat(json.get("masks").asInt()).isEqualTo(3);
        assertThat(json.get("shared_mask").asBoolean()).isTrue();
    }

    @Test
    void replacesAFileOnlyWhenForced() throws IOException {
        Files.writeString(adapter, "precious");

        Cli.Result refused = run();
        assertThat(refused.status()).isEqualTo(1);
        assertThat(refused.err()).contains("this file exists already; --force replaces it");
        assertThat(adapter).hasContent("precious");

        assertThat(run("--force").status()).isZero();
        assertThat(Files.size(adapter)).isGreaterThan(1000);
    }

    @Test
    void leavesNothingBehindWhenItFails() throws IOException {
        Path weights = checkpoint.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        Files.write(weights, java.util.Arrays.copyOf(bytes, bytes.length / 2));

        Cli.Result result = run();

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.out()).isEmpty();
        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.err()).startsWith("bita: " + weights);
        assertThat(adapter).doesNotExist();

        Files.delete(checkpoint.resolve("config.json"));
        assertThat(run().err()).contains("config.json", "name the folder that holds it");
    }
}
