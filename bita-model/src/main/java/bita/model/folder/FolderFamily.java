package bita.model.folder;

import bita.model.file.GgufMetadata;
import bita.model.file.GgufMetadataBuilder;
import bita.model.file.ModelFormatException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The families as Hugging Face's config.json describes them: which GGUF metadata say the same, what tensors are called here and
 * there, and in which order GGUF files have their rows. The correspondence is that of llama.cpp's converter; keys that it does
 * not write, because llama.cpp does not need them, are {@code sliding_window} of Llama's family, {@code attention.scale} of
 * Gemma's, and {@code activation_function}.
 */
enum FolderFamily {
    LLAMA("llama", "llama", "mistral"),
    QWEN2("qwen2", "qwen2"),
    QWEN3("qwen3", "qwen3"),
    PHI3("phi3", "phi3"),
    GEMMA2("gemma2", "gemma2"),
    GEMMA3("gemma3", "gemma3_text"),
    FALCON("falcon", "falcon", "RefinedWeb", "RefinedWebModel"),
    GPT_NEOX("gptneox", "gpt_neox"),
    GPT2("gpt2", "gpt2");

    private static final String PLAIN = "none";

    private final String architecture;

    @SuppressWarnings("ImmutableEnumChecker") // List.of is immutable
    private final List<String> modelTypes;

    FolderFamily(String architecture, String... modelTypes) {
        this.architecture = architecture;
        this.modelTypes = List.of(modelTypes);
    }

    /**
     * The family of a model.
     *
     * @throws ModelFormatException if it is not supported
     */
    static FolderFamily of(ConfigJson config) throws ModelFormatException {
        String type = config.string("model_type").orElse("");
        for (FolderFamily family : values()) {
            if (family.modelTypes.contains(type)) {
                return family;
            }
        }
        config.check(
                false,
                "the model type '" + type + "' is not supported, only "
                        + Arrays.stream(values())
                                .flatMap(family -> family.modelTypes.stream())
                                .collect(Collectors.joining(", ")));
        throw new AssertionError("unreachable");
    }

    String architecture() {
        return architecture;
    }

    private static int heads(ConfigJson config) throws ModelFormatException {
        return positive(config, "attention heads", config.integer("num_attention_heads", "n_head"));
    }

    private static int hidden(ConfigJson config) throws ModelFormatException {
        return positive(config, "numbers of a row", config.integer("hidden_size", "n_embd"));
    }

    private static int positive(ConfigJson config, String what, int number) throws ModelFormatException {
        config.check(number > 0 && number <= 1 << 24, "there are " + number + " " + what);
        return number;
    }

    private int kvHeads(ConfigJson config) throws ModelFormatException {
        if (this == FALCON && !config.bool("new_decoder_architecture", false)) {
            return config.bool("multi_query", true) ? 1 : heads(config);
        }
        OptionalInt said = config.optionalInteger("num_key_value_heads", "num_kv_heads", "n_head_kv");
        return positive(config, "key-value heads", said.orElse(heads(config)));
    }

    private static int headDim(ConfigJson config) throws ModelFormatException {
        OptionalInt said = config.optionalInteger("head_dim");
        return positive(config, "numbers of a head", said.orElse(hidden(config) / heads(config)));
    }

    /**
     * The metadata of a GGUF file of the model.
     *
     * @throws ModelFormatException if a field is missing, or says something that is not supported
     */
    GgufMetadata metadata(ConfigJson config) throws ModelFormatException {
        String prefix = architecture + ".";
        GgufMetadataBuilder metadata = GgufMetadata.builder().string("general.architecture", architecture);
        metadata.uint32(prefix + "block_count", config.integer("num_hidden_layers", "n_layer"));
        metadata.uint32(
                prefix + "context_length",
                config.optionalInteger("max_position_embeddings", "n_positions").orElse(2048)); // Falcon's has none
        metadata.uint32(prefix + "embedding_length", hidden(config));
        metadata.uint32(
                prefix + "feed_forward_length",
                config.optionalInteger("intermediate_size", "n_inner", "ffn_hidden_size")
                        .orElse(4 * hidden(config)));
        metadata.uint32(prefix + "attention.head_count", heads(config));
        metadata.uint32(prefix + "attention.head_count_kv", kvHeads(config));
        metadata.uint32(prefix + "attention.key_length", headDim(config));
        boolean layerNorm = this == FALCON || this == GPT2 || this == GPT_NEOX;
        metadata.float32(
                prefix + (layerNorm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"),
                (float) config.optionalNumber("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon")
                        .orElse(layerNorm ? 1e-5 : 1e-6));
        metadata.string(prefix + "activation_function", activation(config));
        if (this != GPT2) {
            rotary(config, metadata);
        }
        particulars(config, metadata);
        return metadata.build();
    }

    private String activation(ConfigJson config) throws ModelFormatException {
        String usual = switch (this) {
            case GEMMA2, GEMMA3 -> "gelu_pytorch_tanh";
            case FALCON, GPT_NEOX -> "gelu";
            case GPT2 -> "gelu_new";
            default -> "silu";
        };
        String name = config.string("hidden_activation", "hidden_act", "activation_function", "activation")
                .orElse(usual);
        // Gemma's first configurations say gelu and mean the other one.
        boolean gemma = this == GEMMA2 || this == GEMMA3;
        return switch (gemma && name.equals("gelu") ? usual : name) {
            case "silu", "swish" -> "silu";
            case "gelu" -> "gelu";
            case "gelu_new", "gelu_pytorch_tanh", "gelu_fast" -> "gelu_tanh";
            default -> {
                config.check(false, "the activation function " + name + " is not supported");
                yield "";
            }
        };
    }

    private void rotary(ConfigJson config, GgufMetadataBuilder metadata) throws ModelFormatException {
        String prefix = architecture + ".";
        ConfigJson parameters = config.object("rope_parameters");
        if (parameters.has("full_attention")) {
            parameters = parameters.object("full_attention");
        }
        double base = parameters
                .optionalNumber("rope_theta")
                .orElse(config.optionalNumber("rope_theta", "rotary_emb_base").orElse(10_000));
        metadata.float32(prefix + "rope.freq_base", (float) base);
        double part = parameters
                .optionalNumber("partial_rotary_factor")
                .orElse(config.optionalNumber("partial_rotary_factor", "rotary_pct")
                        .orElse(1));
        metadata.uint32(prefix + "rope.dimension_count", (int) (headDim(config) * part));
        ConfigJson scaling = config.has("rope_scaling") ? config.object("rope_scaling") : parameters;
        String type = scalingType(scaling);
        if (type.equals("linear") || type.equals("yarn")) {
            metadata.string(prefix + "rope.scaling.type", type);
            metadata.float32(prefix + "rope.scaling.factor", (float) scaling.number("factor"));
        }
        if (type.equals("yarn")) {
            metadata.uint32(
                    prefix + "rope.scaling.original_context_length",
                    scaling.optionalInteger("original_max_position_embeddings")
                            .orElse(config.integer("max_position_embeddings")));
            metadata.float32(prefix + "rope.scaling.yarn_beta_fast", (float)
                    scaling.optionalNumber("beta_fast").orElse(32));
            metadata.float32(prefix + "rope.scaling.yarn_beta_slow", (float)
                    scaling.optionalNumber("beta_slow").orElse(1));
            scaling.check(
                    !scaling.has("mscale") && !scaling.has("mscale_all_dim"), "YaRN with mscale is not supported");
            if (scaling.has("attention_factor")) {
                double usual = 1 + 0.1 * StrictMath.log(scaling.number("factor"));
                metadata.float32(
                        prefix + "rope.scaling.attn_factor", (float) (scaling.number("attention_factor") / usual));
            }
        }
        if (type.equals("longrope")) {
            int context = config.integer("max_position_embeddings");
            int original = scaling.optionalInteger("original_max_position_embeddings")
                    .orElse(config.optionalInteger("original_max_position_embeddings")
                            .orElse(context));
            double longer = (double) context / original;
            double usual = longer <= 1 ? 1 : Math.sqrt(1 + StrictMath.log(longer) / StrictMath.log(original));
            metadata.uint32(prefix + "rope.scaling.original_context_length", original);
            metadata.float32(prefix + "rope.scaling.attn_factor", (float)
                    scaling.optionalNumber("attention_factor").orElse(usual));
        }
    }

    private static String scalingType(ConfigJson scaling) throws ModelFormatException {
        String type = scaling.string("rope_type", "type").orElse("default");
        return switch (type) {
            case "default" -> PLAIN;
            case "linear", "yarn", "llama3", "longrope" -> type;
            case "su" -> "longrope";
            default -> {
                scaling.check(
                        false,
                        "the rotary embedding's scaling " + type
                                + " is not supported, only default, linear, llama3, yarn and longrope");
                yield "";
            }
        };
    }

    private void particulars(ConfigJson config, GgufMetadataBuilder metadata) throws ModelFormatException {
        String prefix = architecture + ".";
        switch (this) {
            case LLAMA, PHI3 -> {
                OptionalInt window = config.optionalInteger("sliding_window");
                if (window.isPresent()) {
                    metadata.uint32(prefix + "attention.sliding_window", window.getAsInt());
                }
            }
            case QWEN2, QWEN3 ->
                config.check(
                        !config.bool("use_sliding_window", false), "sliding windows in this family are not supported");
            case GEMMA2 -> {
                gemma(config, metadata);
                windows(config, 2);
                metadata.float32(prefix + "attn_logit_softcapping", (float)
                        config.optionalNumber("attn_logit_softcapping").orElse(0));
                metadata.float32(prefix + "final_logit_softcapping", (float)
                        config.optionalNumber("final_logit_softcapping").orElse(0));
            }
            case GEMMA3 -> {
                gemma(config, metadata);
                config.check(
                        !config.has("attn_logit_softcapping") && !config.has("final_logit_softcapping"),
                        "soft caps in this family are not supported");
                int period = config.optionalInteger("sliding_window_pattern", "_sliding_window_pattern")
                        .orElse(6);
                windows(config, period);
                metadata.uint32(prefix + "attention.sliding_window_pattern", period);
                metadata.float32(prefix + "rope.freq_base_swa", (float) config.object("rope_parameters")
                        .object("sliding_attention")
                        .optionalNumber("rope_theta")
                        .orElse(config.optionalNumber("rope_local_base_freq").orElse(10_000)));
            }
            case FALCON -> {
                config.check(!config.bool("alibi", false), "positions by ALiBi are not supported");
                config.check(
                        config.bool("parallel_attn", true) || config.bool("new_decoder_architecture", false),
                        "Falcon models whose feed-forward network stands behind attention are not supported");
            }
            case GPT_NEOX ->
                metadata.bool(prefix + "use_parallel_residual", config.bool("use_parallel_residual", true));
            case GPT2 ->
                config.check(
                        config.bool("scale_attn_weights", true)
                                && !config.bool("scale_attn_by_inverse_layer_idx", false),
                        "attention that is scaled otherwise than by the head's size is not supported");
        }
    }

    private void gemma(ConfigJson config, GgufMetadataBuilder metadata) throws ModelFormatException {
        config.check(
                !config.bool("use_bidirectional_attention", false), "attention in both directions is not supported");
        metadata.uint32(architecture + ".attention.sliding_window", config.integer("sliding_window"));
        metadata.float32(architecture + ".attention.scale", (float)
                (1 / Math.sqrt(config.optionalNumber("query_pre_attn_scalar").orElse(headDim(config)))));
    }

    /** Files of later versions list the kind of each layer instead of a period. */
    private static void windows(ConfigJson config, int period) throws ModelFormatException {
        List<String> kinds = config.strings("layer_types").orElse(List.of());
        for (int i = 0; i < kinds.size(); i++) {
            config.check(
                    kinds.get(i).equals((i + 1) % period == 0 ? "full_attention" : "sliding_attention"),
                    "layer " + i + " is of the kind " + kinds.get(i)
                            + ", which is not supported in this place: each layer of " + period + " sees everything");
        }
    }

    /**
     * Small tensors that GGUF files have and folders say in config.json.
     *
     * @return f32 by name
     */
    Map<String, float[]> factors(ConfigJson config) throws ModelFormatException {
        ConfigJson scaling =
                config.has("rope_scaling") ? config.object("rope_scaling") : config.object("rope_parameters");
        return switch (scalingType(scaling)) {
            case "llama3" -> Map.of("rope_freqs.weight", llama3(config, scaling));
            case "longrope" ->
                Map.of(
                        "rope_factors_short.weight",
                        scaling.numbers("short_factor"),
                        "rope_factors_long.weight",
                        scaling.numbers("long_factor"));
            default -> Map.of();
        };
    }

    /** By how much Llama 3 divides each pair's angle: long waves by the factor, short ones not, with a ramp between. */
    private static float[] llama3(ConfigJson config, ConfigJson scaling) throws ModelFormatException {
        double base = config.object("rope_parameters")
                .optionalNumber("rope_theta")
                .orElse(config.optionalNumber("rope_theta").orElse(10_000));
        double factor = scaling.number("factor");
        double low = scaling.number("low_freq_factor");
        double high = scaling.number("high_freq_factor");
        double original = scaling.number("original_max_position_embeddings");
        int headDim = headDim(config);
        float[] factors = new float[headDim / 2];
        for (int i = 0; i < factors.length; i++) {
            double waves = original / (2 * Math.PI * StrictMath.pow(base, 2.0 * i / headDim)); // in the context
            double kept = Math.clamp((waves - low) / (high - low), 0.0, 1.0);
            factors[i] = (float) (1 / ((1 - kept) / factor + kept));
        }
        return factors;
    }

    /**
     * What tensors are called in GGUF files, without {@code .weight} or {@code .bias}, by what they are called here; block
     * numbers are {@code #}.
     */
    Map<String, String> names() {
        Map<String, String> names = new LinkedHashMap<>();
        switch (this) {
            case FALCON -> {
                names.put("transformer.word_embeddings", "token_embd");
                names.put("transformer.ln_f", "output_norm");
                names.put("lm_head", "output");
                String block = "transformer.h.#.";
                names.put(block + "input_layernorm", "blk.#.attn_norm");
                names.put(block + "ln_mlp", "blk.#.attn_norm");
                names.put(block + "ln_attn", "blk.#.attn_norm_2");
                names.put(block + "self_attention.query_key_value", "blk.#.attn_qkv");
                names.put(block + "self_attention.dense", "blk.#.attn_output");
                names.put(block + "mlp.dense_h_to_4h", "blk.#.ffn_up");
                names.put(block + "mlp.dense_4h_to_h", "blk.#.ffn_down");
            }
            case GPT_NEOX -> {
                names.put("gpt_neox.embed_in", "token_embd");
                names.put("gpt_neox.final_layer_norm", "output_norm");
                names.put("embed_out", "output");
                names.put("lm_head", "output");
                String block = "gpt_neox.layers.#.";
                names.put(block + "input_layernorm", "blk.#.attn_norm");
                names.put(block + "post_attention_layernorm", "blk.#.ffn_norm");
                names.put(block + "attention.query_key_value", "blk.#.attn_qkv");
                names.put(block + "attention.dense", "blk.#.attn_output");
                names.put(block + "mlp.dense_h_to_4h", "blk.#.ffn_up");
                names.put(block + "mlp.dense_4h_to_h", "blk.#.ffn_down");
            }
            case GPT2 -> {
                names.put("transformer.wte", "token_embd");
                names.put("transformer.wpe", "position_embd");
                names.put("transformer.ln_f", "output_norm");
                names.put("lm_head", "output");
                String block = "transformer.h.#.";
                names.put(block + "ln_1", "blk.#.attn_norm");
                names.put(block + "attn.c_attn", "blk.#.attn_qkv");
                names.put(block + "attn.c_proj", "blk.#.attn_output");
                names.put(block + "ln_2", "blk.#.ffn_norm");
                names.put(block + "mlp.c_fc", "blk.#.ffn_up");
                names.put(block + "mlp.c_proj", "blk.#.ffn_down");
                // Files of the first models lack the prefix.
                Map<String, String> bare = new LinkedHashMap<>();
                names.forEach((name, gguf) -> bare.put(name.replace("transformer.", ""), gguf));
                names.putAll(bare);
            }
            default -> {
                boolean gemma = this == GEMMA2 || this == GEMMA3;
                names.put("model.embed_tokens", "token_embd");
                names.put("model.norm", "output_norm");
                names.put("lm_head", "output");
                String block = "model.layers.#.";
                names.put(block + "input_layernorm", "blk.#.attn_norm");
                names.put(block + "self_attn.q_proj", "blk.#.attn_q");
                names.put(block + "self_attn.k_proj", "blk.#.attn_k");
                names.put(block + "self_attn.v_proj", "blk.#.attn_v");
                names.put(block + "self_attn.qkv_proj", "blk.#.attn_qkv");
                names.put(block + "self_attn.q_norm", "blk.#.attn_q_norm");
                names.put(block + "self_attn.k_norm", "blk.#.attn_k_norm");
                names.put(block + "self_attn.o_proj", "blk.#.attn_output");
                names.put(block + "post_attention_layernorm", gemma ? "blk.#.post_attention_norm" : "blk.#.ffn_norm");
                names.put(block + "pre_feedforward_layernorm", "blk.#.ffn_norm");
                names.put(block + "post_feedforward_layernorm", "blk.#.post_ffw_norm");
                names.put(block + "mlp.gate_proj", "blk.#.ffn_gate");
                names.put(block + "mlp.up_proj", "blk.#.ffn_up");
                names.put(block + "mlp.gate_up_proj", "blk.#.ffn_up");
                names.put(block + "mlp.down_proj", "blk.#.ffn_down");
            }
        }
        return names;
    }

    /** Whether the output head has the token embedding's weights where nothing is said. */
    boolean tiesEmbeddings() {
        return this == GPT2 || this == GEMMA2 || this == GEMMA3 || this == FALCON;
    }

    /** Tables of masks and angles that old files hold beside the weights. */
    boolean isNoWeight(String name) {
        return name.endsWith(".rotary_emb.inv_freq")
                || name.endsWith(".attn.bias")
                || name.endsWith(".attn.masked_bias")
                || name.endsWith(".attention.bias")
                || name.endsWith(".attention.masked_bias");
    }

    /** Whether the weights of linear layers are stored with columns first. */
    boolean isTransposed(String ggufName) {
        return this == GPT2
                && ggufName.endsWith(".weight")
                && (ggufName.contains(".attn_qkv") || ggufName.contains(".attn_output") || ggufName.contains(".ffn_"))
                && !ggufName.contains("_norm");
    }

    /** Gemma's norms multiply by one more than their weights, which GGUF files contain. */
    boolean addsOne(String ggufName) {
        return (this == GEMMA2 || this == GEMMA3) && ggufName.endsWith("norm.weight");
    }

    /**
     * Which row of the stored tensor each of the GGUF file's rows is.
     *
     * @param rows of the tensor
     * @return empty if they are the same
     */
    int[] rows(String ggufName, int rows, ConfigJson config) throws ModelFormatException {
        int headDim = headDim(config);
        if (this == LLAMA && (ggufName.contains(".attn_q.") || ggufName.contains(".attn_k."))) {
            config.check(rows % headDim == 0, ggufName + " does not hold whole heads");
            return IntStream.range(0, rows)
                    .map(row -> row - row % headDim + row % headDim / 2 + row % 2 * (headDim / 2))
                    .toArray();
        }
        if (ggufName.contains(".attn_qkv.") && this == GPT_NEOX) {
            return apart(heads(config), 1, headDim, rows, config);
        }
        if (ggufName.contains(".attn_qkv.") && this == FALCON && config.bool("new_decoder_architecture", false)) {
            return apart(kvHeads(config), heads(config) / kvHeads(config), headDim, rows, config);
        }
        return new int[0];
    }

    /** From the queries, the key and the value of each group side by side to all queries, all keys and all values. */
    private static int[] apart(int groups, int queries, int headDim, int rows, ConfigJson config)
            throws ModelFormatException {
        config.check(
                rows == (long) groups * (queries + 2) * headDim,
                "queries, keys and values together have " + rows + " rows, which are not those of " + groups
                        + " groups");
        List<Integer> heads = new ArrayList<>();
        for (int i = 0; i < groups * queries; i++) {
            heads.add(i / queries * (queries + 2) + i % queries);
        }
        for (int kind = queries; kind < queries + 2; kind++) {
            for (int group = 0; group < groups; group++) {
                heads.add(group * (queries + 2) + kind);
            }
        }
        return heads.stream()
                .flatMapToInt(head -> IntStream.range(head * headDim, (head + 1) * headDim))
                .toArray();
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
