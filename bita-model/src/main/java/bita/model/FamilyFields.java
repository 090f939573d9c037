package bita.model;

import bita.kernels.Activation;
import bita.kernels.NumberFormat;
import bita.model.file.GgufMetadata;
import bita.model.file.ModelFile;
import bita.model.file.ModelFormatException;
import bita.model.file.ModelTensor;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** The metadata of a model file under its family's prefix, checked as they are read. */
final class FamilyFields {
    private static final int MOST_HEAD_DIM = 256;

    private final ModelFile file;
    private final GgufMetadata metadata;
    private final String prefix;
    private final OptionalInt context;

    FamilyFields(ModelFile file, String architecture, OptionalInt context) {
        this.file = file;
        this.context = context;
        metadata = file.metadata();
        prefix = architecture + ".";
    }

    int size(String key, int most) throws ModelFormatException {
        return checked(key, metadata.requireInteger(prefix + key), most);
    }

    OptionalInt optionalSize(String key, int most) throws ModelFormatException {
        OptionalLong value = metadata.integer(prefix + key);
        return value.isEmpty() || value.getAsLong() == 0
                ? OptionalInt.empty()
                : OptionalInt.of(checked(key, value.getAsLong(), most));
    }

    private int checked(String key, long value, int most) throws ModelFormatException {
        check(value >= 1 && value <= most, prefix + key + " is " + value + ", not between 1 and " + most);
        return (int) value;
    }

    double number(String key) throws ModelFormatException {
        return metadata.requireNumber(prefix + key);
    }

    double number(String key, double otherwise) throws ModelFormatException {
        return metadata.number(prefix + key).orElse(otherwise);
    }

    boolean bool(String key, boolean otherwise) throws ModelFormatException {
        return metadata.bool(prefix + key).orElse(otherwise);
    }

    void check(boolean condition, String problem) throws ModelFormatException {
        if (!condition) {
            throw new ModelFormatException(file.path(), problem);
        }
    }

    int hidden() throws ModelFormatException {
        return size("embedding_length", 1 << 20);
    }

    int heads() throws ModelFormatException {
        return size("attention.head_count", 1 << 12);
    }

    int kvHeads() throws ModelFormatException {
        int heads = heads();
        int kvHeads = optionalSize("attention.head_count_kv", heads).orElse(heads);
        check(heads % kvHeads == 0, heads + " attention heads cannot share " + kvHeads + " key-value heads");
        return kvHeads;
    }

    int headDim() throws ModelFormatException {
        int headDim = optionalSize("attention.key_length", MOST_HEAD_DIM).orElse(hidden() / heads());
        check(
                headDim >= 16 && headDim <= MOST_HEAD_DIM && headDim % 16 == 0,
                "the head dimension " + headDim + " is not supported, only multiples of 16 up to " + MOST_HEAD_DIM);
        check(
                optionalSize("attention.value_length", MOST_HEAD_DIM).orElse(headDim) == headDim,
                "values that are not as long as keys are not supported");
        return headDim;
    }

    int vocabulary() throws ModelFormatException {
        long[] embedding = file.require(Transformer.EMBEDDING).shape();
        check(embedding.length == 2 && embedding[0] <= Integer.MAX_VALUE, Transformer.EMBEDDING + " is not a matrix");
        return (int) embedding[0];
    }

    int contextLength() throws ModelFormatException {
        int length = size("context_length", 1 << 26);
        check(length >= 2, prefix + "context_length is " + length + "; a context holds at least 2 tokens");
        return length;
    }

    /** A style with the activation that the metadata name, which llama.cpp's converter does not: it is the family's usual one then. */
    BlockStyle withActivation(BlockStyle style) throws ModelFormatException {
        Optional<String> name = metadata.string(prefix + "activation_function");
        if (name.isEmpty()) {
            return style;
        }
        return style.with(
                switch (name.get()) {
                    case "silu" -> Activation.SILU;
                    case "gelu" -> Activation.GELU_ERF;
                    case "gelu_tanh" -> Activation.GELU_TANH;
                    default ->
                        throw new ModelFormatException(
                                file.path(),
                                prefix + "activation_function is " + name.get() + ", not silu, gelu or gelu_tanh");
                });
    }

    /** The rotary embedding of the layers that see everything. */
    Rotary rotary(double usualBase) throws ModelFormatException {
        int headDim = headDim();
        int dimensions = optionalSize("rope.dimension_count", MOST_HEAD_DIM).orElse(headDim);
        check(
                dimensions <= headDim && dimensions % 2 == 0,
                "rotary embedding on " + dimensions + " of " + headDim + " numbers of a head is not supported");
        double base = number("rope.freq_base", usualBase);
        check(base > 0 && Double.isFinite(base), prefix + "rope.freq_base is " + base);
        Rotary rotary = Rotary.of(dimensions, base);
        Optional<float[]> factors = factors("rope_freqs.weight");
        if (factors.isPresent()) {
            rotary = rotary.dividedBy(factors.get());
        }
        return scaled(rotary, base);
    }

    private Rotary scaled(Rotary rotary, double base) throws ModelFormatException {
        OptionalDouble linear = metadata.number(prefix + "rope.scale_linear");
        String type = metadata.string(prefix + "rope.scaling.type").orElse(linear.isPresent() ? "linear" : "none");
        double factor = number("rope.scaling.factor", linear.orElse(1));
        check(factor > 0 && Double.isFinite(factor), prefix + "rope.scaling.factor is " + factor);
        return switch (type) {
            case "none" -> longRope(rotary);
            case "linear" -> rotary.dividedBy(factor);
            case "yarn" ->
                rotary.yarn(
                                base,
                                factor,
                                number("rope.scaling.original_context_length"),
                                number("rope.scaling.yarn_beta_fast", 32),
                                number("rope.scaling.yarn_beta_slow", 1))
                        .withMagnitude(number("rope.scaling.attn_factor", 1) * (1 + 0.1 * StrictMath.log(factor)));
            case "longrope" -> longRope(rotary);
            default ->
                throw new ModelFormatException(
                        file.path(),
                        "the rotary embedding's scaling " + type
                                + " is not supported, only none, linear, yarn and longrope");
        };
    }

    /** LongRoPE (arXiv 2402.13753): other factors for contexts that are longer than the original one. */
    private Rotary longRope(Rotary rotary) throws ModelFormatException {
        Optional<float[]> near = factors("rope_factors_short.weight");
        Optional<float[]> far = factors("rope_factors_long.weight");
        if (near.isEmpty() || far.isEmpty()) {
            return rotary;
        }
        int original = size("rope.scaling.original_context_length", 1 << 26);
        boolean longer = context.orElse(contextLength()) > original;
        return rotary.dividedBy(longer ? far.get() : near.get()).withMagnitude(number("rope.scaling.attn_factor", 1));
    }

    private Optional<float[]> factors(String name) throws ModelFormatException {
        Optional<ModelTensor> tensor = file.find(name);
        if (tensor.isEmpty()) {
            return Optional.empty();
        }
        check(
                tensor.get().format() == NumberFormat.F32 && tensor.get().elements() <= MOST_HEAD_DIM,
                name + " does not hold the factors of a head's pairs");
        float[] factors = new float[(int) tensor.get().elements()];
        NumberFormat.F32.decode(tensor.get().data(), 0, factors, 0, factors.length);
        return Optional.of(factors);
    }
}
