package bita.api;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import bita.api.store.ModelStore;
import bita.api.store.PullListener;
import bita.api.store.PullOptions;
import bita.decode.Adapter;
import bita.kernels.CacheFormat;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.ForwardPass;
import bita.model.GoldenAdapter;
import bita.model.KvCache;
import bita.model.MaskTokens;
import bita.model.Rows;
import bita.model.Transformer;
import bita.model.file.GgufFile;
import bita.model.file.Quantizer;
import bita.model.file.SafetensorsFile;
import bita.model.file.SafetensorsTensor;
import bita.model.file.SafetensorsWriter;
import bita.model.tokenizer.StreamingDecoder;
import bita.model.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * The default model against PyTorch, llama.cpp and Hugging Face. Excerpts of their output lie beside this test; where
 * {@code ../shared/golden} is there, all of it is used. The model is pulled once to the user's store.
 */
class GoldenTest {
    private static final Path SHARED = Path.of("../../shared/golden");
    private static final ObjectMapper JSON = new ObjectMapper();
    /** What PyTorch in f32 and this engine on weights expanded to F32 may differ by. */
    private static final float LOGIT_TOLERANCE = 2e-3f;

    private static final int CHUNK = 256;

    private static Path file;
    private static ThreadTeam team;
    private static Transformer quantized;
    private static Transformer expanded;

    @BeforeAll
    static void load() throws IOException {
        file = ModelStore.ofUser().resolve("smollm2-135m", PullOptions.DEFAULT, PullListener.NONE);
        Path f32 = Path.of("target/golden/f32.gguf");
        if (!Files.exists(f32)) {
            Files.createDirectories(f32.getParent());
            try (GgufFile source = GgufFile.open(file)) {
                Quantizer.quantize(source, source.metadata(), NumberFormat.F32, f32, false, (done, total) -> {});
            }
        }
        team = new ThreadTeam(ThreadTeam.defaultThreads());
        quantized = Transformer.load(GgufFile.open(file), KernelsProvider.best().kernels(), team);
        expanded = Transformer.load(GgufFile.open(f32), KernelsProvider.best().kernels(), team);
    }

    @AfterAll
    static void close() {
        quantized.close();
        expanded.close();
        team.close();
    }

    private static List<JsonNode> golden(String name) throws IOException {
        List<String> lines;
        if (Files.exists(SHARED)) {
            lines = Files.readAllLines(SHARED.resolve(name + ".jsonl"));
        } else {
            try (InputStream in = GoldenTest.class.getResourceAsStream("golden-" + name + ".jsonl")) {
                lines = new String(in.readAllBytes(), StandardCharsets.UTF_8)
                        .lines()
                        .toList();
            }
        }
        return lines.stream().map(JSON::readTree).toList();
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        Arrays.setAll(values, i -> array.get(i).intValue());
        return values;
    }

    private static float[][] logits(Transformer model, CacheFormat format, int[] ids) {
        Engine engine = new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty());
        float[][] all = new float[ids.length][];
        int[] first = new int[CHUNK];
        Arrays.setAll(first, i -> i);
        int vocabulary = model.config().vocabulary();
        try (KvCache cache = new KvCache(model.config(), format);
                ForwardPass pass = new ForwardPass(engine, CHUNK)) {
            for (int from = 0; from < ids.length; from += CHUNK) {
                int count = Math.min(CHUNK, ids.length - from);
                Rows rows = new Rows();
                for (int i = 0; i < count; i++) {
                    rows.addToken(ids[from + i], i - 1);
                }
                pass.run(cache, rows);
                MemorySegment computed = pass.logits(first, count);
                for (int i = 0; i < count; i++) {
                    all[from + i] = row(computed, i, vocabulary);
                }
                cache.accept(first, count);
            }
        }
        return all;
    }

    private static float[] row(MemorySegment logits, int row, int vocabulary) {
        return logits.asSlice((long) row * vocabulary * Float.BYTES, (long) vocabulary * Float.BYTES)
                .toArray(JAVA_FLOAT);
    }

    private static int top(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    /** Mean negative log-likelihood of ids[from + 1...] . */
    private static double likelihood(float[][] logits, int[] ids, int from) {
        double sum = 0;
        for (int i = from; i + 1 < ids.length; i++) {
            double maximum = logits[i][top(logits[i])];
            double total = 0;
            for (float logit : logits[i]) {
                total += Math.exp(logit - maximum);
            }
            sum += maximum + Math.log(total) - logits[i][ids[i + 1]];
        }
        return sum / (ids.length - 1 - from);
    }

    private static void assertTopTen(JsonNode expected, float[] logits) {
        for (int i = 0; i < expected.get("ids").size(); i++) {
            int id = expected.get("ids").get(i).intValue();
            assertThat(logits[id])
                    .as("logit of %d in %s", id, expected)
                    .isCloseTo(expected.get("logits").get(i).floatValue(), within(LOGIT_TOLERANCE));
        }
        assertThat(top(logits)).isEqualTo(expected.get("ids").get(0).intValue());
    }

    @Test
    void logitsOfExpandedWeightsAndAgreementOfQuantizedOnes() throws IOException {
        int positions = 0;
        int agreed = 0;
        for (JsonNode conversation : golden("logits")) {
            int[] ids = ints(conversation.get("ids"));
            float[][] exact = logits(expanded, CacheFormat.F32, ids);
            for (JsonNode row : conversation.get("rows")) {
                assertTopTen(row, exact[row.get("position").intValue()]);
            }
            int answer = conversation.get("prompt_tokens").intValue() - 1;
            assertThat(likelihood(exact, ids, 0))
                    .isCloseTo(conversation.get("nll_mean").doubleValue(), within(1e-4));
            assertThat(likelihood(exact, ids, answer))
                    .isCloseTo(conversation.get("nll_answer_mean").doubleValue(), within(1e-4));

            float[][] coded = logits(quantized, CacheFormat.F16, ids);
            double expected = likelihood(exact, ids, 0);
            assertThat(likelihood(coded, ids, 0)).isCloseTo(expected, within(0.01 * expected));
            for (int i = 0; i < ids.length; i++) {
                positions++;
                agreed += top(coded[i]) == top(exact[i]) ? 1 : 0;
            }
        }
        assertThat(agreed / (double) positions).as("top-1 agreement").isGreaterThanOrEqualTo(0.95);
    }

    @Test
    void logitsOfMasks() throws IOException {
        Path adapterFile = Path.of("target/golden/adapter.safetensors");
        boolean shared = Files.exists(SHARED);
        if (shared) {
            inProjectFormat(SHARED.resolve("bita-smollm2-135m.safetensors"), adapterFile);
        }
        Adapter adapter = Adapter.read(shared ? adapterFile : GoldenAdapter.copy(Path.of("target/golden")));
        MaskTokens masks = adapter.maskTokens(expanded.config());
        Engine engine = new Engine(expanded, KernelsProvider.best().kernels(), team, Optional.of(masks));
        // In the project lies the golden adapter rounded to f16.
        float tolerance = shared ? LOGIT_TOLERANCE : 0.05f;
        for (JsonNode conversation : golden("masks")) {
            int[] ids = ints(conversation.get("ids"));
            List<JsonNode> rows = new ArrayList<>();
            conversation.get("rows").forEach(rows::add);
            rows.sort(Comparator.comparingInt(row -> row.get("anchor").intValue()));
            try (KvCache cache = new KvCache(expanded.config(), CacheFormat.F32);
                    ForwardPass pass = new ForwardPass(engine, ids.length)) {
                for (JsonNode expected : rows) {
                    float[] logits = maskLogits(
                            pass,
                            cache,
                            ids,
                            expected.get("anchor").intValue(),
                            expected.get("mask").intValue());
                    for (int i = 0; i < expected.get("ids").size(); i++) {
                        assertThat(logits[expected.get("ids").get(i).intValue()])
                                .isCloseTo(expected.get("logits").get(i).floatValue(), within(tolerance));
                    }
                }
            }
        }
    }

    /** Reads on up to the anchor, then looks at what a mask group behind it predicts. */
    private static float[] maskLogits(ForwardPass pass, KvCache cache, int[] ids, int anchor, int mask) {
        int count = anchor + 1 - cache.length();
        if (count > 0) {
            Rows rows = new Rows();
            for (int i = 0; i < count; i++) {
                rows.addToken(ids[cache.length() + i], i - 1);
            }
            pass.run(cache, rows);
            int[] all = new int[count];
            Arrays.setAll(all, i -> i);
            cache.accept(all, count);
        }
        Rows group = new Rows();
        int last = Rows.CACHE_END;
        for (int i = 0; i < mask; i++) {
            last = group.addMask(i, last);
        }
        pass.run(cache, group);
        return row(pass.logits(new int[] {last}, 1), 0, expanded.config().vocabulary());
    }

    private static void inProjectFormat(Path source, Path target) throws IOException {
        try (SafetensorsFile adapter = SafetensorsFile.open(source)) {
            SafetensorsWriter writer = new SafetensorsWriter()
                    .metadata("format", Adapter.FORMAT)
                    .metadata("architecture", "llama")
                    .metadata("model_sha256", adapter.metadata().getOrDefault("model_sha256", ""));
            for (SafetensorsTensor tensor : adapter.tensors()) {
                writer.tensor(tensor.name(), NumberFormat.F32, tensor.shape(), adapter.floats(tensor.name()));
            }
            writer.write(target, true);
        }
    }

    @Test
    void tokensAreThoseOfLlamaCpp() throws IOException {
        List<String> wrong = new ArrayList<>();
        try (GgufFile gguf = GgufFile.open(file);
                Tokenizer tokenizer = Tokenizer.of(gguf)) {
            for (JsonNode example : golden("tokens")) {
                String text = example.get("text").stringValue();
                int[] ids = ints(example.get("ids"));
                if (!Arrays.equals(tokenizer.encode(text, true), ids)) {
                    wrong.add(text);
                }
                StreamingDecoder decoder = new StreamingDecoder(tokenizer);
                StringBuilder streamed = new StringBuilder();
                for (int id : ids) {
                    streamed.append(decoder.append(id));
                }
                assertThat(streamed.append(decoder.finish())).hasToString(tokenizer.decode(ids));
            }
        }
        assertThat(wrong).isEmpty();
    }
}
