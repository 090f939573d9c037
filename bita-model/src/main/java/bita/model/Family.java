package bita.model;

import bita.kernels.Activation;
import bita.model.file.ModelFile;
import bita.model.file.ModelFormatException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/**
 * The families of models as they stand in GGUF files: what their metadata say about blocks and positions, and what of it is not
 * supported. Keys are those of llama.cpp's converter; where it leaves something out that the family needs, such as the scale of
 * attention, the value of the family's published models is taken.
 */
enum Family {
    /** Llama 1 to 3, Vicuna, Mistral, SmolLM. */
    LLAMA(true),
    QWEN2(false),
    QWEN3(false) {
        @Override
        BlockStyle style(FamilyFields fields) throws ModelFormatException {
            BlockStyle llama = super.style(fields);
            return new BlockStyle(
                    llama.epsilon(), false, false, false, true, Activation.SILU, true, llama.scoreScale(), 0);
        }
    },
    PHI3(false),
    GEMMA2(false) {
        @Override
        BlockStyle style(FamilyFields fields) throws ModelFormatException {
            return gemma(fields, false, 46, (float) fields.number("attn_logit_softcapping", 50));
        }

        @Override
        Optional<Positions.Windows> windows(FamilyFields fields, Rotary rotary) throws ModelFormatException {
            return Optional.of(new Positions.Windows(fields.size("attention.sliding_window", MOST_CONTEXT), 2, rotary));
        }

        @Override
        float embeddingScale(int hidden) {
            return (float) Math.sqrt(hidden);
        }

        @Override
        float logitCap(FamilyFields fields) throws ModelFormatException {
            return (float) fields.number("final_logit_softcapping", 30);
        }
    },
    GEMMA3(false) {
        @Override
        BlockStyle style(FamilyFields fields) throws ModelFormatException {
            return gemma(fields, true, 62, 0);
        }

        @Override
        Optional<Positions.Windows> windows(FamilyFields fields, Rotary rotary) throws ModelFormatException {
            Rotary near = Rotary.of(rotary.dimensions(), fields.number("rope.freq_base_swa", 10_000));
            int period = fields.optionalSize("attention.sliding_window_pattern", 1 << 12)
                    .orElse(6);
            int size = fields.size("attention.sliding_window", MOST_CONTEXT);
            return Optional.of(new Positions.Windows(size, period, near));
        }

        @Override
        double ropeBase() {
            return 1_000_000;
        }

        @Override
        float embeddingScale(int hidden) {
            return (float) Math.sqrt(hidden);
        }
    },
    FALCON(false) {
        @Override
        BlockStyle style(FamilyFields fields) throws ModelFormatException {
            return withLayerNorms(fields, true, Activation.GELU_ERF);
        }
    },
    GPTNEOX(false) {
        @Override
        BlockStyle style(FamilyFields fields) throws ModelFormatException {
            return withLayerNorms(fields, fields.bool("use_parallel_residual", true), Activation.GELU_ERF);
        }
    },
    GPT2(false) {
        @Override
        BlockStyle style(FamilyFields fields) throws ModelFormatException {
            return withLayerNorms(fields, false, Activation.GELU_TANH);
        }

        @Override
        Positions positions(FamilyFields fields) {
            return new Positions(true, Rotary.NONE, Optional.empty());
        }
    };

    private static final int MOST_CONTEXT = 1 << 26;

    private final boolean pairs;

    /** @param pairs whether files hold the two numbers of a rotary pair side by side */
    Family(boolean pairs) {
        this.pairs = pairs;
    }

    /**
     * The family of a file's model.
     *
     * @throws ModelFormatException if it is not supported
     */
    static Family of(ModelFile file) throws ModelFormatException {
        String architecture = file.metadata().requireString("general.architecture");
        return Arrays.stream(values())
                .filter(family -> family.architecture().equals(architecture))
                .findFirst()
                .orElseThrow(() -> new ModelFormatException(
                        file.path(),
                        "the architecture " + architecture + " is not supported, only "
                                + Arrays.stream(values())
                                        .map(Family::architecture)
                                        .collect(Collectors.joining(", "))));
    }

    private String architecture() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * What a file's metadata say about its model.
     *
     * @param context that sessions will have; empty for what the model was trained for
     * @throws ModelFormatException if a field is missing or not supported
     */
    ModelConfig config(ModelFile file, OptionalInt context) throws ModelFormatException {
        FamilyFields fields = new FamilyFields(file, architecture(), context);
        fields.check(
                fields.optionalSize("expert_count", 1 << 16).orElse(0) == 0,
                "mixture-of-experts models are not supported");
        int hidden = fields.hidden();
        try {
            return new ModelConfig(
                    architecture(),
                    fields.size("block_count", 1 << 12),
                    hidden,
                    fields.size("feed_forward_length", 1 << 22),
                    fields.heads(),
                    fields.kvHeads(),
                    fields.headDim(),
                    fields.vocabulary(),
                    fields.contextLength(),
                    fields.withActivation(style(fields)),
                    positions(fields),
                    embeddingScale(hidden),
                    logitCap(fields));
        } catch (IllegalArgumentException e) {
            throw new ModelFormatException(file.path(), "the model's metadata make no sense: " + e.getMessage(), e);
        }
    }

    /** The order of a head's dimensions in files of this family. */
    RotaryOrder order(ModelConfig config) {
        return pairs ? new RotaryOrder(config.headDim(), 0) : RotaryOrder.of(config);
    }

    BlockStyle style(FamilyFields fields) throws ModelFormatException {
        return BlockStyle.llama(fields.headDim(), (float) fields.number("attention.layer_norm_rms_epsilon"));
    }

    Positions positions(FamilyFields fields) throws ModelFormatException {
        Rotary rotary = fields.rotary(ropeBase());
        return new Positions(false, rotary, windows(fields, rotary));
    }

    Optional<Positions.Windows> windows(FamilyFields fields, Rotary rotary) throws ModelFormatException {
        OptionalInt size = fields.optionalSize("attention.sliding_window", MOST_CONTEXT);
        return size.isPresent() ? Optional.of(new Positions.Windows(size.getAsInt(), 0, rotary)) : Optional.empty();
    }

    double ropeBase() {
        return 10_000;
    }

    float embeddingScale(int hidden) {
        return 1;
    }

    float logitCap(FamilyFields fields) throws ModelFormatException {
        return 0;
    }

    /** @param largeLayers blocks of the family's largest model, which scales by its hidden size instead of the head's */
    private static BlockStyle gemma(FamilyFields fields, boolean queryKeyNorms, int largeLayers, float cap)
            throws ModelFormatException {
        boolean large = fields.size("block_count", 1 << 12) == largeLayers;
        double scaledBy = large ? (double) fields.hidden() / fields.heads() : fields.headDim();
        return new BlockStyle(
                (float) fields.number("attention.layer_norm_rms_epsilon"),
                false,
                false,
                true,
                queryKeyNorms,
                Activation.GELU_TANH,
                true,
                (float) fields.number("attention.scale", 1 / Math.sqrt(scaledBy)),
                cap);
    }

    private static BlockStyle withLayerNorms(FamilyFields fields, boolean parallel, Activation activation)
            throws ModelFormatException {
        return new BlockStyle(
                (float) fields.number("attention.layer_norm_epsilon"),
                true,
                parallel,
                false,
                false,
                activation,
                false,
                (float) (1 / Math.sqrt(fields.headDim())),
                0);
    }
}
