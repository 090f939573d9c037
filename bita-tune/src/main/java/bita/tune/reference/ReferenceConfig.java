package bita.tune.reference;

import bita.decode.AdapterShape;
import bita.model.file.JsonFile;
import bita.model.file.ModelFormatException;
import bita.model.file.Text;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/**
 * What a checkpoint's {@code config.json} says: Hugging Face's names for the model, and those that the reference
 * implementation adds in {@code src/llmtuner/tuner/core/loader.py}.
 *
 * @param shape      from {@code model_type}, {@code num_hidden_layers}, {@code num_attention_heads}, {@code hidden_size},
 *                   {@code prompt_num} and {@code mask_num}; the size of a head is that of the hidden state divided by
 *                   the heads, as in {@code get_prompt}
 * @param sharedMask whether one embedding serves all mask tokens: {@code mask_diff} is false or absent
 * @param projection {@code prefix_hidden_size} if {@code prefix_projection} is true: the width of the network that makes
 *                   keys and values from an embedding per prompt token; empty if they were learned themselves
 */
public record ReferenceConfig(AdapterShape shape, boolean sharedMask, OptionalInt projection) {
    /** Keys and values of 64 prompt tokens for a model of 70B parameters are two thirds of it. */
    private static final int MOST_NUMBERS = 1 << 27;

    static ReferenceConfig read(Path file) throws IOException {
        return new Reader(file, JsonFile.require(file)).read();
    }

    private record Reader(Path file, JsonNode json) {
        ReferenceConfig read() throws ModelFormatException {
            int heads = integer("num_attention_heads");
            int hidden = integer("hidden_size");
            if (hidden % heads != 0) {
                throw new ModelFormatException(
                        file, "hidden_size, " + hidden + ", is not a multiple of num_attention_heads, " + heads);
            }
            AdapterShape shape = shape(heads, hidden);
            OptionalInt projection =
                    truth("prefix_projection") ? OptionalInt.of(integer("prefix_hidden_size")) : OptionalInt.empty();
            long perPrompt = Math.max(2L * shape.layers() * hidden, projection.orElse(0));
            if (perPrompt > MOST_NUMBERS / shape.prompts() || hidden > MOST_NUMBERS / shape.masks()) {
                throw new ModelFormatException(
                        file,
                        "its sizes make an adapter of more than " + MOST_NUMBERS + " numbers, which no model needs");
            }
            return new ReferenceConfig(shape, !truth("mask_diff"), projection);
        }

        private AdapterShape shape(int heads, int hidden) throws ModelFormatException {
            String architecture = architecture();
            int layers = integer("num_hidden_layers");
            int prompts = tokens("prompt_num");
            int masks = tokens("mask_num");
            try {
                return new AdapterShape(architecture, layers, heads, hidden / heads, hidden, prompts, masks);
            } catch (IllegalArgumentException e) {
                throw new ModelFormatException(file, String.valueOf(e.getMessage()), e);
            }
        }

        /** The reference has a Llama, which serves for Vicuna too, and a Falcon; GGUF files call them the same. */
        private String architecture() throws ModelFormatException {
            String type = Optional.ofNullable(json.get("model_type"))
                    .filter(JsonNode::isString)
                    .map(JsonNode::stringValue)
                    .orElse("");
            if (!type.equals("llama") && !type.equals("falcon")) {
                throw new ModelFormatException(
                        file,
                        "model_type is " + Text.quote(type)
                                + ", and the reference implementation has only \"llama\" and \"falcon\"");
            }
            return type;
        }

        private int tokens(String key) throws ModelFormatException {
            if (!json.has(key)) {
                throw new ModelFormatException(
                        file,
                        "it lacks " + key + ", which the reference implementation writes when it tunes: name the folder"
                                + " of a tuned checkpoint, with the config.json that was saved in it");
            }
            return integer(key);
        }

        private int integer(String key) throws ModelFormatException {
            JsonNode value = json.get(key);
            if (value == null || !value.isInt() || value.intValue() < 1) {
                throw new ModelFormatException(
                        file,
                        key + " has to be a whole number of at least 1"
                                + (value == null ? ", and is missing" : ", not " + shown(value)));
            }
            return value.intValue();
        }

        private boolean truth(String key) throws ModelFormatException {
            JsonNode value = json.get(key);
            if (value == null) {
                return false;
            }
            if (!value.isBoolean()) {
                throw new ModelFormatException(file, key + " has to be true or false, not " + shown(value));
            }
            return value.booleanValue();
        }

        private static String shown(JsonNode value) {
            return value.isContainer() ? "a list or an object" : Text.quote(value.asString());
        }
    }
}
