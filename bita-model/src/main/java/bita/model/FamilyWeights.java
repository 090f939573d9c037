package bita.model;

import bita.kernels.Layout;
import bita.model.Weights.Affine;
import bita.model.Weights.Norm;
import bita.model.file.ModelFile;
import bita.model.file.ModelFormatException;
import bita.model.file.ModelTensor;
import bita.model.file.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads the weights of all families by the names that GGUF files give them. */
final class FamilyWeights {
    /** Read with the metadata, or not needed: what they hold is in the metadata too. */
    private static final Set<String> NO_WEIGHTS =
            Set.of("rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight", Transformer.POSITIONS);

    private static final String NO_WEIGHTS_SUFFIX = ".attn_rot_embd";

    private final ModelFile file;
    private final ModelConfig config;
    private final RotaryOrder order;
    private final WeightLoader loader;

    FamilyWeights(ModelFile file, ModelConfig config, Family family, WeightLoader loader) {
        this.file = file;
        this.config = config;
        this.order = family.order(config);
        this.loader = loader;
    }

    Weights read() throws ModelFormatException {
        List<Weights.Layer> layers = new ArrayList<>();
        String output = loader.has(Transformer.OUTPUT) ? Transformer.OUTPUT : Transformer.EMBEDDING;
        loader.readAhead(prefix(0));
        for (int i = 0; i < config.layers(); i++) {
            loader.readAhead(i + 1 < config.layers() ? prefix(i + 1) : output);
            layers.add(layer(prefix(i)));
        }
        Weights weights =
                new Weights(layers, norm("output_norm"), loader.matrix(output, config.vocabulary(), config.hidden()));
        refuseOthers(output);
        return weights;
    }

    private static String prefix(int layer) {
        return "blk." + layer + ".";
    }

    private Weights.Layer layer(String prefix) throws ModelFormatException {
        int hidden = config.hidden();
        int queries = config.queryWidth();
        int keys = config.keyWidth();
        // Falcon's second norm is attention's, the first one then that of the feed-forward network.
        boolean second = config.style().parallel() && loader.has(prefix + "attn_norm_2.weight");
        Norm attentionNorm = norm(prefix + (second ? "attn_norm_2" : "attn_norm"));
        Optional<Norm> feedForwardNorm = second
                ? Optional.of(norm(prefix + "attn_norm"))
                : normIf(!config.style().parallel() || loader.has(prefix + "ffn_norm.weight"), prefix + "ffn_norm");

        String fused = prefix + "attn_qkv";
        boolean isFused = loader.has(fused + ".weight");
        int all = queries + 2 * keys;
        Affine query = isFused
                ? affine(fused, all, hidden, turned(0, queries))
                : affine(prefix + "attn_q", queries, hidden, turned(0, queries));
        Affine key = isFused
                ? affine(fused, all, hidden, turned(queries, keys))
                : affine(prefix + "attn_k", keys, hidden, turned(0, keys));
        Affine value = isFused
                ? affine(fused, all, hidden, straight(queries + keys, keys))
                : affine(prefix + "attn_v", keys, hidden, straight(0, keys));

        int width = config.feedForward();
        boolean separate = loader.has(prefix + "ffn_gate.weight");
        boolean both = config.style().gated() && !separate;
        if (both && width % Layout.LANES != 0) { // each half is packed by itself, which takes whole panels
            throw new ModelFormatException(
                    file.path(),
                    "a fused gate of " + width + " numbers is not supported, only of a multiple of " + Layout.LANES);
        }
        Optional<Affine> gate = !config.style().gated()
                ? Optional.empty()
                : Optional.of(
                        separate
                                ? affine(prefix + "ffn_gate", width, hidden, straight(0, width))
                                : affine(prefix + "ffn_up", 2 * width, hidden, straight(0, width)));
        Affine up = affine(prefix + "ffn_up", both ? 2 * width : width, hidden, straight(both ? width : 0, width));
        return new Weights.Layer(
                attentionNorm,
                query,
                key,
                value,
                headNorm(prefix + "attn_q_norm"),
                headNorm(prefix + "attn_k_norm"),
                affine(prefix + "attn_output", hidden, queries, straight(0, hidden)),
                normIf(config.style().normsBehind(), prefix + "post_attention_norm"),
                feedForwardNorm,
                gate,
                up,
                affine(prefix + "ffn_down", hidden, width, straight(0, hidden)),
                normIf(config.style().normsBehind(), prefix + "post_ffw_norm"));
    }

    private Affine affine(String name, int storedRows, int columns, int[] rows) throws ModelFormatException {
        return new Affine(
                loader.matrix(name + ".weight", storedRows, columns, rows),
                loader.has(name + ".bias")
                        ? Optional.of(loader.vector(name + ".bias", storedRows, rows))
                        : Optional.empty());
    }

    private Norm norm(String name) throws ModelFormatException {
        return new Norm(
                loader.vector(name + ".weight", config.hidden()),
                config.style().layerNorms()
                        ? Optional.of(loader.vector(name + ".bias", config.hidden()))
                        : Optional.empty());
    }

    private Optional<Norm> normIf(boolean used, String name) throws ModelFormatException {
        return used ? Optional.of(norm(name)) : Optional.empty();
    }

    private Optional<Norm> headNorm(String name) throws ModelFormatException {
        if (!config.style().queryKeyNorms()) {
            return Optional.empty();
        }
        int headDim = config.headDim();
        return Optional.of(new Norm(loader.vector(name + ".weight", headDim, turned(0, headDim)), Optional.empty()));
    }

    /** Rows of heads whose pairs are to lie side by side. */
    private int[] turned(int first, int count) {
        int[] rows = new int[count];
        for (int i = 0; i < count; i++) {
            rows[i] = first + order.half(i);
        }
        return rows;
    }

    private static int[] straight(int first, int count) {
        int[] rows = new int[count];
        for (int i = 0; i < count; i++) {
            rows[i] = first + i;
        }
        return rows;
    }

    /** A tensor that is not understood would be left out of the arithmetic. */
    private void refuseOthers(String output) throws ModelFormatException {
        for (ModelTensor tensor : file.tensors()) {
            String name = tensor.name();
            if (!loader.hasRead(name)
                    && !NO_WEIGHTS.contains(name)
                    && !name.contains(NO_WEIGHTS_SUFFIX)
                    && !(name.equals(Transformer.EMBEDDING) && output.equals(Transformer.OUTPUT))) {
                throw new ModelFormatException(
                        file.path(),
                        "tensor " + Text.quote(name) + " is unknown in models of the architecture "
                                + config.architecture() + "; the model is of a variant that is not supported");
            }
        }
    }
}
