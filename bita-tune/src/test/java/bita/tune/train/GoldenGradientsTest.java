package bita.tune.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import bita.api.store.ModelStore;
import bita.api.store.PullListener;
import bita.api.store.PullOptions;
import bita.kernels.CacheFormat;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.ForwardPass;
import bita.model.GoldenAdapter;
import bita.model.KvCache;
import bita.model.LearnedTokens;
import bita.model.MaskTraining;
import bita.model.ModelConfig;
import bita.model.Rows;
import bita.model.Transformer;
import bita.model.file.GgufFile;
import bita.model.file.Quantizer;
import bita.model.file.SafetensorsFile;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The default model's loss and gradients against PyTorch's, for the adapter that they were computed for: all of them where
 * {@code ../shared/golden} is there, otherwise an excerpt, with that adapter rounded to f16.
 */
class GoldenGradientsTest {
    private static final Path SHARED = Path.of("../../shared/golden");
    private static final int PROMPTS = 16;
    private static final int MASKS = 4;

    @TempDir
    Path folder;

    private static float[] floats(JsonNode array) {
        float[] values = new float[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).floatValue();
        }
        return values;
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        Arrays.setAll(values, i -> array.get(i).intValue());
        return values;
    }

    /** Hugging Face's order of head dimensions to the model's, in which rotary pairs lie side by side. */
    private static float[] paired(float[] keys, int headDim) {
        float[] paired = new float[keys.length];
        for (int head = 0; head < keys.length; head += headDim) {
            for (int i = 0; i < headDim / 2; i++) {
                paired[head + 2 * i] = keys[head + i];
                paired[head + 2 * i + 1] = keys[head + headDim / 2 + i];
            }
        }
        return paired;
    }

    private static double norm(float[] x) {
        double squares = 0;
        for (float v : x) {
            squares += (double) v * v;
        }
        return Math.sqrt(squares);
    }

    private static void assertNear(String what, float[] actual, float[] expected, double tolerance) {
        float[] difference = new float[expected.length];
        for (int i = 0; i < difference.length; i++) {
            difference[i] = actual[i] - expected[i];
        }
        assertThat(norm(difference) / norm(expected)).as(what).isLessThan(tolerance);
    }

    private LearnedTokens learned(ModelConfig config) throws IOException {
        Path adapter =
                Files.exists(SHARED) ? SHARED.resolve("bita-smollm2-135m.safetensors") : GoldenAdapter.copy(folder);
        LearnedTokens learned = new LearnedTokens(config, PROMPTS, MASKS, 0);
        try (SafetensorsFile file = SafetensorsFile.open(adapter)) {
            float[] keys = paired(file.floats("prompt.key"), config.headDim());
            learned.promptKeys().copyFrom(MemorySegment.ofArray(keys));
            learned.promptValues().copyFrom(MemorySegment.ofArray(file.floats("prompt.value")));
            learned.maskEmbeddings().copyFrom(MemorySegment.ofArray(file.floats("mask.embedding")));
        }
        return learned;
    }

    @Test
    void gradientsAreThoseOfPyTorch() throws IOException {
        JsonNode golden;
        try (InputStream in = GoldenGradientsTest.class.getResourceAsStream("golden-gradients.json")) {
            golden = new JsonMapper().readTree(in);
        }
        Path file = ModelStore.ofUser().resolve("smollm2-135m", PullOptions.DEFAULT, PullListener.NONE);
        Path f32 = folder.resolve("f32.gguf");
        try (GgufFile source = GgufFile.open(file)) {
            Quantizer.quantize(source, source.metadata(), NumberFormat.F32, f32, false, (done, total) -> {});
        }
        int[] ids = ints(golden.get("ids"));
        int[] anchors = ints(golden.get("anchors"));
        try (ThreadTeam team = new ThreadTeam(ThreadTeam.defaultThreads());
                Transformer model = Transformer.load(
                        GgufFile.open(f32), KernelsProvider.best().kernels(), team)) {
            Engine engine = new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty());
            LearnedTokens learned = learned(model.config());
            LearnedTokens gradients = new LearnedTokens(model.config(), PROMPTS, MASKS, 0);
            TrainingSettings settings = new TrainingSettings(
                    PROMPTS,
                    MASKS,
                    0,
                    anchors.length,
                    1,
                    1,
                    1,
                    1e-2,
                    1e-3,
                    0,
                    1,
                    1e9,
                    LossFunction.CROSS_ENTROPY,
                    ids.length,
                    1);
            try (KvCache cache = new KvCache(model.config(), CacheFormat.F32);
                    ForwardPass pass = new ForwardPass(engine, ids.length);
                    MaskTraining training = new MaskTraining(engine, PROMPTS, MASKS, 0, anchors.length)) {
                Rows rows = new Rows();
                int[] all = new int[ids.length];
                for (int i = 0; i < ids.length; i++) {
                    rows.addToken(ids[i], i - 1);
                    all[i] = i;
                }
                pass.run(cache, rows);
                cache.accept(all, all.length);
                Window window = new Window(ids, anchors);
                assertThat(window.anchors()).isEqualTo(anchors);
                MemorySegment logits = training.forward(cache, anchors, learned);
                WindowOutcome outcome = new WindowLoss(engine, settings).apply(logits, window, Optional.empty(), 1);
                double tolerance = Files.exists(SHARED) ? 2e-3 : 2e-2;
                assertThat(outcome.loss()).isCloseTo(golden.get("loss").doubleValue(), within(tolerance));
                training.backward(gradients);
                for (int mask = 0; mask < MASKS; mask++) {
                    float[] own = Arrays.copyOfRange(
                            gradients.maskEmbeddings().toArray(JAVA_FLOAT),
                            mask * model.config().hidden(),
                            (mask + 1) * model.config().hidden());
                    float[] expected = floats(golden.get("mask_embedding").get(mask));
                    assertNear("mask " + mask, own, expected, tolerance);
                }
                norms(gradients.promptKeys(), floats(golden.get("prompt_key_norms")), tolerance);
                norms(gradients.promptValues(), floats(golden.get("prompt_value_norms")), tolerance);
            }
            if (Files.exists(SHARED)) {
                try (SafetensorsFile expected = SafetensorsFile.open(SHARED.resolve("gradients.safetensors"))) {
                    float[] keys = paired(
                            expected.floats("grad.prompt.key"), model.config().headDim());
                    assertNear("prompt keys", gradients.promptKeys().toArray(JAVA_FLOAT), keys, 2e-3);
                    assertNear(
                            "prompt values",
                            gradients.promptValues().toArray(JAVA_FLOAT),
                            expected.floats("grad.prompt.value"),
                            2e-3);
                }
            }
        }
    }

    private static void norms(MemorySegment gradients, float[] expected, double tolerance) {
        float[] all = gradients.toArray(JAVA_FLOAT);
        int perLayer = all.length / expected.length;
        float[] norms = new float[expected.length];
        for (int layer = 0; layer < norms.length; layer++) {
            norms[layer] = (float) norm(Arrays.copyOfRange(all, layer * perLayer, (layer + 1) * perLayer));
        }
        assertNear("norms by layer", norms, expected, tolerance);
    }
}
