package bita.server;

import bita.api.GenerationOptions;
import bita.api.json.JsonFormat;
import bita.api.json.JsonSchemaException;
import bita.decode.LogitAdjustments;
import bita.decode.SamplingSettings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ThreadLocalRandom;
import tools.jackson.databind.JsonNode;

/** Reads the fields that requests for answers have in common. */
final class AnsweringReader {
    private static final String SCHEMA = "json_schema";
    private static final double MOST_TEMPERATURE = 2;
    private static final double MOST_BIAS = 100;
    private static final int MOST_BIASES = 1024;
    private static final double MOST_PENALTY = 2;
    private static final double MOST_REPETITION_PENALTY = 10;
    private static final int MOST_STOPS = 4;
    private static final int MOST_STOP_LENGTH = 1000;
    private static final int MOST_USER_LENGTH = 256;
    /** Seeds that any client's numbers can hold. */
    private static final long SEEDS = 1L << 32;

    private final SamplingSettings defaults;
    private final int vocabulary;
    private final int mostChoices;

    AnsweringReader(SamplingSettings defaults, int vocabulary, int mostChoices) {
        this.defaults = defaults;
        this.vocabulary = vocabulary;
        this.mostChoices = mostChoices;
    }

    /**
     * Reads all but what to answer.
     *
     * @param fewTokens most tokens of an answer where the request does not say; empty for as many as the context holds
     * @param logprobs  likeliest tokens to report; empty for no report
     */
    Answering read(Fields fields, OptionalInt fewTokens, OptionalInt logprobs) {
        OptionalInt most = mostTokens(fields);
        GenerationOptions generation = GenerationOptions.of(
                        most.isPresent() ? most : fewTokens, sampling(fields), stops(fields))
                .withAdjustments(adjustments(fields));
        if (logprobs.isPresent()) {
            generation = generation.withLogprobs(logprobs.getAsInt());
        }
        if (!fields.flag("acceleration", true)) {
            generation = generation.withoutDrafting();
        }
        generation = withFormat(generation, fields);
        boolean stream = fields.flag("stream", false);
        return new Answering(
                generation,
                fields.whole("n", 1, mostChoices).orElse(1),
                stream,
                usage(fields, stream),
                fields.flag("show_drafts", false),
                user(fields));
    }

    private static OptionalInt mostTokens(Fields fields) {
        OptionalInt most = fields.whole("max_completion_tokens", 1, Integer.MAX_VALUE);
        OptionalInt old = fields.whole("max_tokens", 1, Integer.MAX_VALUE);
        if (most.isPresent() && old.isPresent() && most.getAsInt() != old.getAsInt()) {
            throw fields.wrong("max_tokens", "the same as 'max_completion_tokens', or missing");
        }
        return most.isPresent() ? most : old;
    }

    private SamplingSettings sampling(Fields fields) {
        double temperature = fields.number("temperature", 0, MOST_TEMPERATURE).orElse(defaults.temperature());
        if (temperature > 0 && temperature < SamplingSettings.MIN_TEMPERATURE) {
            throw fields.wrong("temperature", "0, or a number from " + SamplingSettings.MIN_TEMPERATURE + " to 2");
        }
        double topP = fields.number("top_p", 0, 1).orElse(defaults.topP());
        if (topP == 0) {
            throw fields.wrong("top_p", "a number above 0, up to 1");
        }
        return new SamplingSettings(
                temperature,
                fields.whole("top_k", 0, Integer.MAX_VALUE).orElse(defaults.topK()),
                topP,
                fields.number("min_p", 0, 1).orElse(defaults.minP()),
                fields.wholeOf64Bits("seed")
                        .orElseGet(() -> ThreadLocalRandom.current().nextLong(SEEDS)));
    }

    private static List<String> stops(Fields fields) {
        Optional<JsonNode> value = fields.any("stop");
        if (value.isEmpty()) {
            return List.of();
        }
        List<JsonNode> nodes = new ArrayList<>();
        if (value.get().isArray()) {
            value.get().forEach(nodes::add);
        } else {
            nodes.add(value.get());
        }
        boolean right = nodes.size() <= MOST_STOPS
                && nodes.stream()
                        .allMatch(node -> node.isString()
                                && !node.stringValue().isEmpty()
                                && node.stringValue().length() <= MOST_STOP_LENGTH);
        if (!right) {
            throw fields.wrong(
                    "stop",
                    "a text, or a list of up to " + MOST_STOPS + ", of 1 to " + MOST_STOP_LENGTH + " characters each");
        }
        return nodes.stream().map(JsonNode::stringValue).toList();
    }

    private LogitAdjustments adjustments(Fields fields) {
        double repetition =
                fields.number("repetition_penalty", 0, MOST_REPETITION_PENALTY).orElse(1);
        if (!((float) repetition > 0)) {
            throw fields.wrong("repetition_penalty", "a number above 0, up to 10");
        }
        return new LogitAdjustments(
                bias(fields),
                fields.number("presence_penalty", -MOST_PENALTY, MOST_PENALTY).orElse(0),
                fields.number("frequency_penalty", -MOST_PENALTY, MOST_PENALTY).orElse(0),
                repetition);
    }

    private Map<Integer, Float> bias(Fields fields) {
        Optional<JsonNode> value = fields.any("logit_bias");
        if (value.isEmpty()) {
            return Map.of();
        }
        if (!value.get().isObject() || value.get().size() > MOST_BIASES) {
            throw fields.wrong("logit_bias", "an object of up to " + MOST_BIASES + " token ids and their biases");
        }
        Fields biases = Fields.of(value.get(), "logit_bias");
        Map<Integer, Float> bias = new LinkedHashMap<>();
        for (String name : value.get().propertyNames()) {
            // No other spelling of a number, so that no token comes twice.
            if (!name.matches("0|[1-9][0-9]{0,8}") || Integer.parseInt(name) >= vocabulary) {
                throw fields.wrong("logit_bias", "an object of token ids, which are 0 to " + (vocabulary - 1));
            }
            biases.number(name, -MOST_BIAS, MOST_BIAS)
                    .ifPresent(amount -> bias.put(Integer.parseInt(name), (float) amount));
        }
        return bias;
    }

    private static boolean usage(Fields fields, boolean stream) {
        Optional<JsonNode> value = fields.any("stream_options");
        if (value.isEmpty()) {
            return false;
        }
        if (!stream) {
            throw fields.wrong("stream_options", "missing where 'stream' is not true");
        }
        Fields options = Fields.of(value.get(), "stream_options");
        boolean usage = options.flag("include_usage", false);
        options.end();
        return usage;
    }

    private static Optional<String> user(Fields fields) {
        Optional<String> user = fields.text("user");
        if (user.isPresent() && user.get().length() > MOST_USER_LENGTH) {
            throw fields.wrong("user", "a text of up to " + MOST_USER_LENGTH + " characters");
        }
        return user;
    }

    private static GenerationOptions withFormat(GenerationOptions generation, Fields fields) {
        Optional<JsonNode> value = fields.any("response_format");
        if (value.isEmpty()) {
            return generation;
        }
        Fields format = Fields.of(value.get(), fields.path("response_format"));
        String type = format.text("type").orElse("");
        GenerationOptions result = switch (type) {
            case "text" -> generation;
            case "json_object" -> generation.withFormat(JsonFormat.anyObject());
            case SCHEMA -> generation.withFormat(schema(format));
            default -> throw format.wrong("type", "'text', 'json_object' or 'json_schema'");
        };
        format.end();
        return result;
    }

    private static JsonFormat schema(Fields format) {
        Fields named = Fields.of(format.required(SCHEMA), format.path(SCHEMA));
        String _ = named.text("name").orElseThrow(() -> named.wrong("name", "a text"));
        Optional<String> _ = named.text("description");
        boolean _ = named.flag("strict", true); // every answer satisfies its schema
        JsonNode schema = named.required("schema");
        named.end();
        try {
            return JsonFormat.schema(schema);
        } catch (JsonSchemaException e) {
            throw ApiError.field(
                    named.path("schema"), "'" + named.path("schema") + "' cannot be used: " + e.getMessage());
        }
    }
}
