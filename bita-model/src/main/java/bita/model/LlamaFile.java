package bita.model;

import bita.kernels.PackedMatrix;
import bita.model.file.GgufFile;
import bita.model.file.GgufMetadata;
import bita.model.file.ModelFormatException;
import java.util.List;

/** The Llama family as it stands in GGUF files: metadata keys, tensor names, and what is not supported of them. */
final class LlamaFile {
    private static final String ARCHITECTURE = "llama";

    private LlamaFile() {}

    static ModelConfig config(GgufFile file) throws ModelFormatException {
        GgufMetadata metadata = file.metadata();
        String architecture = metadata.requireString("general.architecture");
        if (!architecture.equals(ARCHITECTURE)) {
            throw new ModelFormatException(
                    file.path(), "the architecture " + architecture + " is not supported, only " + ARCHITECTURE);
        }
        int hidden = size(file, "llama.embedding_length", 1 << 20);
        int heads = size(file, "llama.attention.head_count", 1 << 12);
        int kvHeads = metadata.integer("llama.attention.head_count_kv").isPresent()
                ? size(file, "llama.attention.head_count_kv", heads)
                : heads;
        int headDim = metadata.integer("llama.attention.key_length").isPresent()
                ? size(file, "llama.attention.key_length", 256)
                : hidden / heads;
        check(file, heads % kvHeads == 0, heads + " attention heads cannot share " + kvHeads + " key-value heads");
        check(
                file,
                headDim >= 16 && headDim <= 256 && headDim % 16 == 0,
                "the head dimension " + headDim + " is not supported, only multiples of 16 up to 256");
        check(
                file,
                metadata.integer("llama.rope.dimension_count").orElse(headDim) == headDim,
                "rotary embedding on a part of the head dimension is not supported");
        check(
                file,
                metadata.string("llama.rope.scaling.type").orElse("none").equals("none")
                        && file.find("rope_freqs.weight").isEmpty(),
                "scaled rotary embedding is not supported");
        check(
                file,
                metadata.integer("llama.expert_count").orElse(0) == 0,
                "mixture-of-experts models are not supported");
        double ropeBase = metadata.number("llama.rope.freq_base").orElse(10_000);
        check(file, ropeBase > 0 && Double.isFinite(ropeBase), "llama.rope.freq_base is " + ropeBase);
        double epsilon = metadata.requireNumber("llama.attention.layer_norm_rms_epsilon");
        check(file, epsilon >= 0 && epsilon < 1, "llama.attention.layer_norm_rms_epsilon is " + epsilon);
        long[] embedding = file.require(Transformer.EMBEDDING).shape();
        check(
                file,
                embedding.length == 2 && embedding[0] <= Integer.MAX_VALUE,
                Transformer.EMBEDDING + " is not a matrix");
        return new ModelConfig(
                architecture,
                size(file, "llama.block_count", 1 << 12),
                hidden,
                size(file, "llama.feed_forward_length", 1 << 22),
                heads,
                kvHeads,
                headDim,
                (int) embedding[0],
                size(file, "llama.context_length", 1 << 26),
                ropeBase,
                (float) epsilon);
    }

    static Weights weights(GgufFile file, ModelConfig c, Transformer.Loader loader) throws ModelFormatException {
        int queries = c.heads() * c.headDim();
        int keys = c.kvHeads() * c.headDim();
        for (String bias : List.of("blk.0.attn_q.bias", "blk.0.attn_output.bias")) {
            check(file, !loader.has(bias), "biases (" + bias + ") are not supported");
        }
        List<Weights.Layer> layers = loader.layers(
                c.layers(),
                prefix -> new Weights.Layer(
                        loader.vector(prefix + "attn_norm.weight", c.hidden()),
                        loader.matrix(prefix + "attn_q.weight", queries, c.hidden()),
                        loader.matrix(prefix + "attn_k.weight", keys, c.hidden()),
                        loader.matrix(prefix + "attn_v.weight", keys, c.hidden()),
                        loader.matrix(prefix + "attn_output.weight", c.hidden(), queries),
                        loader.vector(prefix + "ffn_norm.weight", c.hidden()),
                        loader.matrix(prefix + "ffn_gate.weight", c.feedForward(), c.hidden()),
                        loader.matrix(prefix + "ffn_up.weight", c.feedForward(), c.hidden()),
                        loader.matrix(prefix + "ffn_down.weight", c.hidden(), c.feedForward())));
        PackedMatrix output = loader.matrix(
                loader.has(Transformer.OUTPUT) ? Transformer.OUTPUT : Transformer.EMBEDDING,
                c.vocabulary(),
                c.hidden());
        return new Weights(layers, loader.vector("output_norm.weight", c.hidden()), output);
    }

    private static int size(GgufFile file, String key, int most) throws ModelFormatException {
        long value = file.metadata().requireInteger(key);
        check(file, value >= 1 && value <= most, key + " is " + value + ", not between 1 and " + most);
        return (int) value;
    }

    private static void check(GgufFile file, boolean condition, String problem) throws ModelFormatException {
        if (!condition) {
            throw new ModelFormatException(file.path(), problem);
        }
    }
}
