package bita.decode;

import bita.model.MaskTokens;
import bita.model.ModelConfig;
import bita.model.file.ModelFormatException;
import bita.model.file.SafetensorsFile;
import bita.model.file.SafetensorsTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * A tuned adapter as it is stored: one safetensors file with the tensors {@code prompt.key} and {@code prompt.value}
 * (layers, prompts, heads, headDim; head dimensions in Hugging Face's order, keys without rotary embedding) and
 * {@code mask.embedding} (masks, hidden), and metadata that says which model it was tuned for.
 */
public final class Adapter {
    /** The value of the metadata key {@code format}. */
    public static final String FORMAT = "bita-adapter-1";

    private static final String KEY = "prompt.key";
    private static final String VALUE = "prompt.value";
    private static final String MASK = "mask.embedding";
    private static final Set<String> TENSORS = Set.of(KEY, VALUE, MASK);
    private static final int MOST_TOKENS = 1024;

    private final String origin;
    private final String architecture;
    private final String modelSha256;
    private final long[] shape; // layers, prompts, heads, headDim
    private final int masks;
    private final int hidden;
    private final float[] promptKeys;
    private final float[] promptValues;
    private final float[] maskEmbeddings;

    private Adapter(String origin, SafetensorsFile file) throws ModelFormatException {
        this.origin = origin;
        if (!metadata(file, "format").equals(FORMAT)) {
            throw new ModelFormatException(
                    file.path(), "this is not an adapter of the format " + FORMAT + " but " + metadata(file, "format"));
        }
        for (SafetensorsTensor tensor : file.tensors()) {
            if (!TENSORS.contains(tensor.name())) {
                throw new ModelFormatException(
                        file.path(),
                        "the adapter has the part " + tensor.name() + ", which this version does not know");
            }
        }
        architecture = metadata(file, "architecture");
        modelSha256 = metadata(file, "model_sha256");
        shape = file.require(KEY).shape();
        long[] maskShape = file.require(MASK).shape();
        boolean fits = shape.length == 4
                && maskShape.length == 2
                && java.util.Arrays.equals(shape, file.require(VALUE).shape())
                && shape[1] <= MOST_TOKENS
                && maskShape[0] >= 1
                && maskShape[0] <= MOST_TOKENS;
        if (!fits) {
            throw new ModelFormatException(file.path(), "the adapter's tensors do not have the shapes of an adapter");
        }
        masks = (int) maskShape[0];
        hidden = (int) maskShape[1];
        promptKeys = file.floats(KEY);
        promptValues = file.floats(VALUE);
        maskEmbeddings = file.floats(MASK);
    }

    private static String metadata(SafetensorsFile file, String key) throws ModelFormatException {
        return Optional.ofNullable(file.metadata().get(key))
                .orElseThrow(() -> new ModelFormatException(
                        file.path(), "this is not an adapter: its metadata lacks the key " + key));
    }

    /**
     * Reads an adapter file.
     *
     * @throws ModelFormatException if it is not an adapter, damaged, or has a part that this version does not know
     */
    public static Adapter read(Path path) throws IOException {
        return read(path, path.toString());
    }

    /** As {@link #read(Path)}, under a name for messages. */
    static Adapter read(Path path, String origin) throws IOException {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            return new Adapter(origin, file);
        }
    }

    /** Where it came from, for messages. */
    public String origin() {
        return origin;
    }

    /** SHA-256, in lower-case hex, of the model file it was tuned on. */
    public String modelSha256() {
        return modelSha256;
    }

    /** Number of prompt tokens. */
    public int prompts() {
        return (int) shape[1];
    }

    /** Number of mask tokens. */
    public int masks() {
        return masks;
    }

    /** Learned numbers. */
    public long parameters() {
        return (long) promptKeys.length + promptValues.length + maskEmbeddings.length;
    }

    /** Why the adapter does not fit a model; empty if it does. */
    public Optional<String> misfit(ModelConfig model) {
        String own = describe(architecture, shape[0], shape[2], shape[3], hidden);
        String other = describe(model.architecture(), model.layers(), model.heads(), model.headDim(), model.hidden());
        return own.equals(other)
                ? Optional.empty()
                : Optional.of("the adapter " + origin + " is for " + own + ", but the model is " + other
                        + ": tune one for this model, or use --adapter none");
    }

    private static String describe(String architecture, long layers, long heads, long headDim, long hidden) {
        return architecture + " with " + layers + " layers, " + heads + " heads of " + headDim + ", hidden size "
                + hidden;
    }

    /**
     * The learned tensors for a model in a GGUF file of the Llama family, whose query and key rows hold the two numbers
     * of a rotary pair side by side, while Hugging Face keeps them half a head apart.
     *
     * @throws IllegalArgumentException if the adapter does not fit the model
     */
    public MaskTokens maskTokens(ModelConfig model) {
        misfit(model).ifPresent(reason -> {
            throw new IllegalArgumentException(reason);
        });
        int headDim = model.headDim();
        float[] paired = new float[promptKeys.length];
        for (int head = 0; head < paired.length; head += headDim) {
            for (int i = 0; i < headDim / 2; i++) {
                paired[head + 2 * i] = promptKeys[head + i];
                paired[head + 2 * i + 1] = promptKeys[head + i + headDim / 2];
            }
        }
        return MaskTokens.of(model, prompts(), masks, paired, promptValues, maskEmbeddings);
    }
}
