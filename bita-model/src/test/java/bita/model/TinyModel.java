package bita.model;

import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.file.GgufFile;
import bita.model.file.GgufMetadata;
import bita.model.file.GgufWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/** Small Llama models with random weights, for tests that need no real one. */
public final class TinyModel {
    public static final int VOCABULARY = 101;
    public static final int HIDDEN = 96;
    public static final int LAYERS = 3;
    public static final int HEADS = 6;
    public static final int KV_HEADS = 2;
    public static final int HEAD_DIM = 16;
    public static final int FEED_FORWARD = 160;
    public static final int CONTEXT = 512;

    private TinyModel() {}

    /** Writes a model file whose matrices are stored in {@code format}. */
    public static Path write(Path folder, NumberFormat format, long seed) {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        shapes.put("token_embd.weight", new long[] {VOCABULARY, HIDDEN});
        for (int i = 0; i < LAYERS; i++) {
            String prefix = "blk." + i + ".";
            shapes.put(prefix + "attn_norm.weight", new long[] {HIDDEN});
            shapes.put(prefix + "attn_q.weight", new long[] {HEADS * HEAD_DIM, HIDDEN});
            shapes.put(prefix + "attn_k.weight", new long[] {KV_HEADS * HEAD_DIM, HIDDEN});
            shapes.put(prefix + "attn_v.weight", new long[] {KV_HEADS * HEAD_DIM, HIDDEN});
            shapes.put(prefix + "attn_output.weight", new long[] {HIDDEN, HEADS * HEAD_DIM});
            shapes.put(prefix + "ffn_norm.weight", new long[] {HIDDEN});
            shapes.put(prefix + "ffn_gate.weight", new long[] {FEED_FORWARD, HIDDEN});
            shapes.put(prefix + "ffn_up.weight", new long[] {FEED_FORWARD, HIDDEN});
            shapes.put(prefix + "ffn_down.weight", new long[] {HIDDEN, FEED_FORWARD});
        }
        shapes.put("output_norm.weight", new long[] {HIDDEN});
        GgufMetadata metadata = GgufMetadata.builder()
                .string("general.architecture", "llama")
                .uint32("llama.block_count", LAYERS)
                .uint32("llama.context_length", CONTEXT)
                .uint32("llama.embedding_length", HIDDEN)
                .uint32("llama.feed_forward_length", FEED_FORWARD)
                .uint32("llama.attention.head_count", HEADS)
                .uint32("llama.attention.head_count_kv", KV_HEADS)
                .float32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
                .float32("llama.rope.freq_base", 10_000)
                .build();
        Path file = folder.resolve("tiny-" + format + "-" + seed + ".gguf");
        Random random = new Random(seed);
        try (Arena arena = Arena.ofConfined();
                GgufWriter writer = GgufWriter.create(file, metadata, true)) {
            List<MemorySegment> data = new ArrayList<>();
            for (Map.Entry<String, long[]> tensor : shapes.entrySet()) {
                long[] shape = tensor.getValue();
                boolean matrix = shape.length == 2;
                NumberFormat stored = matrix ? format : NumberFormat.F32;
                writer.declare(tensor.getKey(), shape, stored);
                float[] values = new float[(int) (matrix ? shape[0] * shape[1] : shape[0])];
                for (int i = 0; i < values.length; i++) {
                    values[i] = matrix
                            ? (float) (random.nextGaussian() * 1.5 / Math.sqrt((double) shape[1]))
                            : 1 + 0.1f * random.nextFloat();
                }
                MemorySegment segment = arena.allocate(stored.bytes(values.length));
                stored.encode(values, 0, values.length, segment, 0);
                data.add(segment);
            }
            for (MemorySegment segment : data) {
                writer.write(segment);
            }
            writer.finish();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    /** Writes and loads a model. */
    public static Transformer load(Path folder, NumberFormat format, long seed) {
        try (ThreadTeam team = new ThreadTeam(1)) {
            return Transformer.load(
                    GgufFile.open(write(folder, format, seed)),
                    KernelsProvider.best().kernels(),
                    team);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Random mask tokens for a model of this kind. */
    public static MaskTokens maskTokens(ModelConfig config, int prompts, int masks, long seed) {
        Random random = new Random(seed);
        int count = config.layers() * prompts * config.heads() * config.headDim();
        return MaskTokens.of(
                config,
                prompts,
                masks,
                gaussians(random, count),
                gaussians(random, count),
                gaussians(random, masks * config.hidden()),
                Optional.empty());
    }

    private static float[] gaussians(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
