package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import bita.api.store.CatalogModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class StoreCommandsTest {
    @TempDir
    Path home;

    @Test
    void listsWhatCanBePulledWhenNothingIsThere() {
        Cli.Result result = new Cli(home).run("list");

        assertThat(result.status()).isZero();
        assertThat(result.out())
                .contains(home.resolve("cache/bita/models").toString())
                .contains("smollm2-135m-instruct  98.4 MB  not here yet: bita pull smollm2-135m-instruct");
    }

    @Test
    void listsModelsAndAdaptersAsJson() throws Exception {
        Path models = Files.createDirectories(home.resolve("cache/bita/models/own"));
        TinyModel.write(models.resolve("tiny.gguf"));
        Path adapters = Files.createDirectories(home.resolve("data/bita/adapters"));
        TinyModel.writeAdapter(adapters.resolve("tiny.safetensors"));

        Cli.Result result = new Cli(home).run("list", "--json");

        JsonNode json = JsonMapper.shared().readTree(result.out());
        assertThat(result.err()).isEmpty();
        JsonNode own = json.get("models").get(0);
        assertThat(own.get("name").asString()).isEqualTo("own/tiny.gguf");
        assertThat(own.get("pulled").asBoolean()).isTrue();
        assertThat(own.get("path").asString())
                .isEqualTo(models.resolve("tiny.gguf").toString());
        JsonNode known = json.get("models").get(1);
        assertThat(known.get("name").asString()).isEqualTo(CatalogModel.DEFAULT.id());
        assertThat(known.get("pulled").asBoolean()).isFalse();
        assertThat(known.get("path").isNull()).isTrue();
        assertThat(json.get("adapters").get(0).get("name").asString()).isEqualTo("tiny");
    }

    @Test
    void inspectsModel() throws Exception {
        Path file = home.resolve("tiny.gguf");
        TinyModel.write(file);

        Cli.Result text = new Cli(home).run("inspect", "--tensors", file.toString());
        JsonNode json = JsonMapper.shared()
                .readTree(
                        new Cli(home).run("inspect", "--json", file.toString()).out());

        assertThat(text.status()).isZero();
        assertThat(text.out())
                .contains("general.architecture", "llama")
                .containsPattern("layer_norm_rms_epsilon +1.0E-5\n")
                .contains("[\"Ā\", \"ā\", \"Ă\", \"ă\", …] 259 elements")
                .containsPattern("blk\\.0\\.attn_q\\.weight +F32 +32 × 32 +4.10 kB")
                .containsPattern("cache for 1,000 tokens in f16 +128 kB");
        long parameters = 259 * 32 + 2 * (2 * 32 + 2 * 32 * 32 + 2 * 16 * 32 + 3 * 64 * 32) + 32;
        assertThat(json.get("parameters").asLong()).isEqualTo(parameters);
        assertThat(json.get("formats").get(0).get("format").asString()).isEqualTo("F32");
        assertThat(json.get("formats").get(0).get("bytes").asLong()).isEqualTo(4 * parameters);
        assertThat(json.get("tensors")).hasSize(20);
        assertThat(json.get("metadata").get("llama.context_length").asInt()).isEqualTo(TinyModel.CONTEXT);
        assertThat(json.get("metadata")
                        .get("tokenizer.ggml.tokens")
                        .get("length")
                        .asInt())
                .isEqualTo(259);
        assertThat(json.get("cache_bytes_per_thousand_tokens").asLong()).isEqualTo(2 * 2 * 16 * 2 * 1000);
    }

    @Test
    void inspectsStoredAdapterByName() throws Exception {
        Path adapters = Files.createDirectories(home.resolve("data/bita/adapters"));
        TinyModel.writeAdapter(adapters.resolve("tiny.safetensors"));

        Cli.Result result = new Cli(home).run("inspect", "--tensors", "tiny");

        assertThat(result.status()).isZero();
        assertThat(result.out())
                .contains("bita-adapter-1")
                .containsPattern("prompt\\.key +F32 +2 × 2 × 2 × 16")
                .doesNotContain("cache for");
    }

    @Test
    void inspectShowsNoControlCharacters() throws Exception {
        Path file = home.resolve("evil.safetensors");
        new bita.model.file.SafetensorsWriter()
                .metadata("note", "\u001b[31mred")
                .write(file, false);

        assertThat(new Cli(home).run("inspect", file.toString()).out())
                .contains("\\u001b[31mred")
                .doesNotContain("\u001b");
    }

    @Test
    void quantizes() throws Exception {
        Path source = home.resolve("tiny.gguf");
        TinyModel.write(source);
        Path target = home.resolve("tiny-q8.gguf");
        String[] args = {"quantize", source.toString(), "--to", "q8_0", "-o", target.toString()};

        Cli.Result result = new Cli(home).run(args);

        assertThat(result.status()).isZero();
        assertThat(result.out()).contains(target + " is complete", "in Q8_0");
        assertThat(result.err()).contains("100 %");
        assertThat(Files.size(target)).isLessThan(Files.size(source));
        Cli.Result again = new Cli(home).run(args);
        assertThat(again.status()).isEqualTo(1);
        assertThat(again.err()).contains("exists already", "--force");
        List<String> forced = new ArrayList<>(List.of(args));
        forced.add("--force");
        assertThat(new Cli(home).run(forced.toArray(String[]::new)).status()).isZero();
    }

    @Test
    void doctorChecksEverything() {
        Cli.Result result = new Cli(home).run("doctor", "--json");

        JsonNode checks = JsonMapper.shared().readTree(result.out()).get("checks");
        List<String> names = new ArrayList<>();
        for (JsonNode check : checks) {
            names.add(check.get("name").asString());
            assertThat(check.get("state").asString()).isIn("ok", "warning", "failed");
            assertThat(check.get("found").asString()).isNotBlank();
            if (check.get("state").asString().equals("ok")) {
                assertThat(check.get("remedy").asString()).isEmpty();
            } else {
                assertThat(check.get("remedy").asString()).isNotBlank();
            }
        }
        assertThat(names)
                .containsExactly(
                        "Java",
                        "system",
                        "processor",
                        "memory",
                        "in use",
                        "native",
                        "vector",
                        "scalar",
                        "model",
                        "models",
                        "adapters",
                        "disk");
        assertThat(new Cli(home).run("doctor").out()).contains("bita pull downloads it");
    }

    @Test
    void doctorFindsDamagedModel() throws Exception {
        Path models = Files.createDirectories(home.resolve("cache/bita/models"));
        Path file = models.resolve("SmolLM2-135M-Instruct.Q4_1.gguf");
        try (var out = new java.io.RandomAccessFile(file.toFile(), "rw")) {
            out.setLength(CatalogModel.DEFAULT.bytes());
        }

        Cli.Result result = new Cli(home).run("doctor");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.out()).contains("✗", "damaged");
    }
}
