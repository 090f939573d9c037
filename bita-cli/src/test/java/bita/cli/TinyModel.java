package bita.cli;

import bita.kernels.NumberFormat;
import bita.model.file.GgufMetadata;
import bita.model.file.GgufWriter;
import bita.model.file.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/** A model of random weights whose tokens are bytes: it talks nonsense, but always the same. */
final class TinyModel {
    static final int CONTEXT = 256;

    private static final int LAYERS = 2;
    private static final int HIDDEN = 32;
    private static final int FEED_FORWARD = 64;
    private static final int HEADS = 2;
    private static final int HEAD_DIM = 16;
    private static final String TEMPLATE = """
            {% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + \
            '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}\
            """;

    private TinyModel() {}

    /** Writes the model as a GGUF file in F32. */
    static void write(Path file) throws IOException {
        List<String> tokens = tokens();
        GgufMetadata metadata = GgufMetadata.builder()
                .string("general.architecture", "llama")
                .uint32("llama.block_count", LAYERS)
                .uint32("llama.context_length", CONTEXT)
                .uint32("llama.embedding_length", HIDDEN)
                .uint32("llama.feed_forward_length", FEED_FORWARD)
                .uint32("llama.attention.head_count", HEADS)
                .uint32("llama.attention.head_count_kv", 1)
                .float32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
                .string("tokenizer.ggml.model", "gpt2")
                .string("tokenizer.ggml.pre", "smollm")
                .strings("tokenizer.ggml.tokens", tokens)
                .integers("tokenizer.ggml.token_type", types(tokens.size()))
                .strings("tokenizer.ggml.merges", List.of("t h"))
                .uint32("tokenizer.ggml.bos_token_id", 256)
                .uint32("tokenizer.ggml.eos_token_id", 257)
                .string("tokenizer.chat_template", TEMPLATE)
                .build();
        Map<String, long[]> shapes = new LinkedHashMap<>();
        shapes.put("token_embd.weight", new long[] {tokens.size(), HIDDEN});
        for (int layer = 0; layer < LAYERS; layer++) {
            String prefix = "blk." + layer + ".";
            shapes.put(prefix + "attn_norm.weight", new long[] {HIDDEN});
            shapes.put(prefix + "attn_q.weight", new long[] {HEADS * HEAD_DIM, HIDDEN});
            shapes.put(prefix + "attn_k.weight", new long[] {HEAD_DIM, HIDDEN});
            shapes.put(prefix + "attn_v.weight", new long[] {HEAD_DIM, HIDDEN});
            shapes.put(prefix + "attn_output.weight", new long[] {HIDDEN, HEADS * HEAD_DIM});
            shapes.put(prefix + "ffn_norm.weight", new long[] {HIDDEN});
            shapes.put(prefix + "ffn_gate.weight", new long[] {FEED_FORWARD, HIDDEN});
            shapes.put(prefix + "ffn_up.weight", new long[] {FEED_FORWARD, HIDDEN});
            shapes.put(prefix + "ffn_down.weight", new long[] {HIDDEN, FEED_FORWARD});
        }
        shapes.put("output_norm.weight", new long[] {HIDDEN});
        Random random = new Random(7);
        try (GgufWriter writer = GgufWriter.create(file, metadata, false);
                Arena arena = Arena.ofConfined()) {
            shapes.forEach((name, shape) -> writer.declare(name, shape, NumberFormat.F32));
            for (long[] shape : shapes.values()) {
                float[] values = random(random, shape);
                MemorySegment data = arena.allocate((long) values.length * Float.BYTES);
                MemorySegment.copy(values, 0, data, ValueLayout.JAVA_FLOAT, 0, values.length);
                writer.write(data);
            }
            writer.finish();
        }
    }

    /** Writes a random adapter of 2 prompt and 3 mask tokens for the model. */
    static void writeAdapter(Path file) throws IOException {
        Random random = new Random(8);
        long[] prompts = {LAYERS, 2, HEADS, HEAD_DIM};
        long[] masks = {3, HIDDEN};
        new SafetensorsWriter()
                .metadata("format", "bita-adapter-1")
                .metadata("architecture", "llama")
                .metadata("model_sha256", "0".repeat(64))
                .tensor("prompt.key", NumberFormat.F32, prompts, random(random, prompts))
                .tensor("prompt.value", NumberFormat.F32, prompts, random(random, prompts))
                .tensor("mask.embedding", NumberFormat.F32, masks, random(random, masks))
                .write(file, false);
    }

    /** Writes a checkpoint of 2 prompt and 3 mask tokens for the model, as the reference implementation saves them. */
    static void writeReferenceCheckpoint(Path folder) throws IOException {
        Files.writeString(Files.createDirectories(folder).resolve("config.json"), """
                {"model_type": "llama", "num_hidden_layers": %d, "num_attention_heads": %d, "hidden_size": %d,
                 "prompt_num": 2, "mask_num": 3, "mask_diff": false, "prefix_projection": false}
                """.formatted(LAYERS, HEADS, HIDDEN));
        Random random = new Random(9);
        long[] prompts = {2, LAYERS * 2 * HIDDEN};
        long[] masks = {1, HIDDEN};
        new SafetensorsWriter()
                .tensor("model.prefix_encoder.embedding.weight", NumberFormat.F32, prompts, random(random, prompts))
                .tensor("model.mask_tokens.weight", NumberFormat.F32, masks, random(random, masks))
                .write(folder.resolve("model.safetensors"), false);
    }

    private static float[] random(Random random, long... shape) {
        int count = (int) java.util.stream.LongStream.of(shape).reduce(1, (a, b) -> a * b);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian() * 0.4f;
        }
        return values;
    }

    /** All bytes in GPT-2's printable form, two control tokens, and a merged pair. */
    private static List<String> tokens() {
        List<String> tokens = new ArrayList<>();
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
            tokens.add(Character.toString(printable ? b : next++));
        }
        tokens.addAll(List.of("<|im_start|>", "<|im_end|>", "th"));
        return tokens;
    }

    private static int[] types(int count) {
        return IntStream.range(0, count).map(i -> i == 256 || i == 257 ? 3 : 1).toArray();
    }
}
