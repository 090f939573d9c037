package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import bita.api.MachineMemory;
import bita.api.store.CatalogModel;
import bita.api.store.ModelStore;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
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
        JsonNode memory = json.get("memory");
        assertThat(memory.get("context").asInt()).isEqualTo(TinyModel.CONTEXT);
        assertThat(memory.get("cache_format").asString()).isEqualTo("F16");
        // 259 output rows are packed as 272.
        assertThat(memory.get("weight_bytes").asLong()).isEqualTo(4 * (parameters + 13 * 32));
        assertThat(memory.get("cache_bytes").asLong()).isEqualTo(2 * 2 * 16 * 2 * (TinyModel.CONTEXT + 64));
        assertThat(memory.get("working_bytes").asLong()).isEqualTo(256 << 20);
    }

    @Test
    void inspectTellsTheMemoryForAContext() throws Exception {
        Path file = home.resolve("tiny.gguf");
        TinyModel.write(file);

        Cli.Result half = new Cli(home).run("inspect", "--context", "128", "--cache-type", "f32", file.toString());

        assertThat(half.out())
                .containsPattern("weights, packed +109 kB")
                .containsPattern("KV cache for 128 tokens in f32 +49.2 kB")
                .containsPattern("everything else, at most +268 MB");
        Cli.Result tooLong = new Cli(home).run("inspect", "--context", "257", file.toString());
        assertThat(tooLong.status()).isEqualTo(1);
        assertThat(tooLong.err()).contains("trained for a context of 256 tokens, not 257");
    }

    /** A file whose header claims terabytes, which its sparse end seems to hold. */
    @Test
    void refusesModelLargerThanTheMemory() throws Exception {
        Path file = home.resolve("tiny.gguf");
        TinyModel.write(file);
        byte[] content = Files.readAllBytes(file);
        String name = "output_norm.weight";
        int at = new String(content, StandardCharsets.ISO_8859_1).indexOf(name) + name.length();
        ByteBuffer header = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(header.getInt(at)).as("dimensions").isEqualTo(1);
        header.putLong(at + Integer.BYTES, 1_000_000_000_000L);
        Files.write(file, content);
        try (var out = new RandomAccessFile(file.toFile(), "rw")) {
            out.setLength(5_000_000_000_000L);
        }

        for (String command : List.of("run", "chat")) {
            Cli.Result result = new Cli(home).input("hi\n").run(command, "-m", file.toString());

            assertThat(result.status()).isEqualTo(1);
            assertThat(result.out()).isEmpty();
            assertThat(result.err())
                    .contains("the model needs 4000.27 GB of memory with a context of 256 tokens")
                    .contains("use a smaller model, or one in a smaller number format");
        }
        assertThat(new Cli(home).run("inspect", file.toString()).out()).containsPattern("weights, packed +4.00 TB");
    }

    @Test
    void doctorComparesTheModelsMemoryWithWhatIsAvailable() throws Exception {
        Path models = Files.createDirectories(home.resolve("cache/bita/models"));
        Path file = models.resolve("SmolLM2-135M-Instruct.Q4_1.gguf");
        TinyModel.write(file);
        try (var out = new RandomAccessFile(file.toFile(), "rw")) {
            out.setLength(CatalogModel.DEFAULT.bytes());
        }
        ModelStore store = new Cli(home)
                .terminal(OutputStream.nullOutputStream(), OutputStream.nullOutputStream())
                .store();

        assertThat(modelMemory(store, new MachineMemory(4_000_000_000L, 300_000_000))
                        .state())
                .isEqualTo(Checkup.State.OK);
        Checkup.Check little = modelMemory(store, new MachineMemory(4_000_000_000L, 200_000_000));
        assertThat(little.state()).isEqualTo(Checkup.State.WARNING);
        assertThat(little.found())
                .contains("269 MB with a context of 256 tokens: weights 109 kB")
                .endsWith("only 200 MB are available");
    }

    private static Checkup.Check modelMemory(ModelStore store, MachineMemory memory) {
        return new Checkup(store, memory)
                .checks().stream()
                        .filter(check -> check.name().equals("model memory"))
                        .findFirst()
                        .orElseThrow();
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
        try (var out = new RandomAccessFile(file.toFile(), "rw")) {
            out.setLength(CatalogModel.DEFAULT.bytes());
        }

        Cli.Result result = new Cli(home).run("doctor");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.out()).contains("✗", "damaged");
    }
}
