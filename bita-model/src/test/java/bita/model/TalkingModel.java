package bita.model;

import bita.kernels.NumberFormat;
import bita.model.file.GgufMetadata;
import bita.model.file.GgufWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A small model with tokenizer and chat template that says random words: sampled, it ends its turn after some twenty of
 * them. One character makes it produce NaN.
 */
public final class TalkingModel {
    public static final int CONTEXT = 4096;
    /** Behind it all logits are NaN. */
    public static final char POISON = '\u0007';

    public static final int START = 256; // <|im_start|>
    public static final int END = 257; // <|im_end|>
    public static final int WORDS = 160; // the last tokens

    private static final int LAYERS = 2;
    private static final int HIDDEN = 32;
    private static final int FEED_FORWARD = 64;
    private static final int HEADS = 2;
    private static final int HEAD_DIM = 16;
    private static final String TEMPLATE = """
            {% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + \
            '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}\
            """;

    private TalkingModel() {}

    /** Writes the model as a GGUF file in F32. */
    public static Path write(Path file) throws IOException {
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
                .uint32("tokenizer.ggml.bos_token_id", START)
                .uint32("tokenizer.ggml.eos_token_id", END)
                .string("tokenizer.chat_template", TEMPLATE)
                .build();
        Map<String, float[]> weights = new LinkedHashMap<>();
        Map<String, long[]> shapes = new LinkedHashMap<>();
        Random random = new Random(7);
        add(weights, shapes, "token_embd.weight", embedding(random, tokens.size()), tokens.size(), HIDDEN);
        add(weights, shapes, "output.weight", output(random, tokens.size()), tokens.size(), HIDDEN);
        for (int layer = 0; layer < LAYERS; layer++) {
            String prefix = "blk." + layer + ".";
            for (String norm : List.of("attn_norm", "ffn_norm")) {
                add(weights, shapes, prefix + norm + ".weight", ones(), HIDDEN);
            }
            matrix(weights, shapes, random, prefix + "attn_q.weight", HEADS * HEAD_DIM, HIDDEN);
            matrix(weights, shapes, random, prefix + "attn_k.weight", HEAD_DIM, HIDDEN);
            matrix(weights, shapes, random, prefix + "attn_v.weight", HEAD_DIM, HIDDEN);
            matrix(weights, shapes, random, prefix + "attn_output.weight", HIDDEN, HEADS * HEAD_DIM);
            matrix(weights, shapes, random, prefix + "ffn_gate.weight", FEED_FORWARD, HIDDEN);
            matrix(weights, shapes, random, prefix + "ffn_up.weight", FEED_FORWARD, HIDDEN);
            matrix(weights, shapes, random, prefix + "ffn_down.weight", HIDDEN, FEED_FORWARD);
        }
        add(weights, shapes, "output_norm.weight", ones(), HIDDEN);
        try (GgufWriter writer = GgufWriter.create(file, metadata, true);
                Arena arena = Arena.ofConfined()) {
            shapes.forEach((name, shape) -> writer.declare(name, shape, NumberFormat.F32));
            for (float[] values : weights.values()) {
                MemorySegment data = arena.allocate((long) values.length * Float.BYTES);
                MemorySegment.copy(values, 0, data, ValueLayout.JAVA_FLOAT, 0, values.length);
                writer.write(data);
            }
            writer.finish();
        }
        return file;
    }

    private static void add(
            Map<String, float[]> weights, Map<String, long[]> shapes, String name, float[] values, long... shape) {
        weights.put(name, values);
        shapes.put(name, shape);
    }

    private static void matrix(
            Map<String, float[]> weights,
            Map<String, long[]> shapes,
            Random random,
            String name,
            int rows,
            int columns) {
        add(weights, shapes, name, gaussians(random, rows * columns, 0.2f), rows, columns);
    }

    /** The first number is the same for all tokens, so that the output can prefer some whatever was said. */
    private static float[] embedding(Random random, int tokens) {
        float[] values = gaussians(random, tokens * HIDDEN, 0.4f);
        for (int token = 0; token < tokens; token++) {
            values[token * HIDDEN] = token == POISON ? Float.NaN : 4;
        }
        return values;
    }

    private static float[] output(Random random, int tokens) {
        float[] values = gaussians(random, tokens * HIDDEN, 0.5f);
        for (int token = 0; token < tokens; token++) {
            values[token * HIDDEN] = token > END ? 0 : -8;
        }
        Arrays.fill(values, END * HIDDEN, (END + 1) * HIDDEN, 0);
        values[END * HIDDEN] = 1.6f;
        return values;
    }

    private static float[] ones() {
        float[] values = new float[HIDDEN];
        Arrays.fill(values, 1);
        return values;
    }

    private static float[] gaussians(Random random, int count, float deviation) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian() * deviation;
        }
        return values;
    }

    /** All bytes in order, in GPT-2's printable form, two control tokens, a merged pair, and words. */
    private static List<String> tokens() {
        List<String> tokens = new ArrayList<>();
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
            tokens.add(Character.toString(printable ? b : next++));
        }
        tokens.addAll(List.of("<|im_start|>", "<|im_end|>", "th"));
        String consonants = "bdfgklmnprstvz";
        Random random = new Random(9);
        while (tokens.size() < END + 2 + WORDS) {
            StringBuilder word = new StringBuilder("\u0120"); // a blank
            for (int syllable = 1 + random.nextInt(3); syllable >= 0; syllable--) {
                word.append(consonants.charAt(random.nextInt(consonants.length())))
                        .append("aeiou".charAt(random.nextInt(5)));
            }
            if (!tokens.contains(word.toString())) {
                tokens.add(word.toString());
            }
        }
        return tokens;
    }

    private static int[] types(int count) {
        return IntStream.range(0, count)
                .map(i -> i == START || i == END ? 3 : 1)
                .toArray();
    }
}
