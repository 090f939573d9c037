package bita.model.tokenizer;

import bita.model.file.ModelFormatException;
import bita.model.file.Text;
import java.nio.file.Path;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The normalizer and the pre-tokenizer of a Hugging Face tokenizer.json, written anew from what is known: steps of no other
 * kind, and none that takes more than a time proportional to the text, reach the library.
 */
final class Pipeline {
    private static final String TYPE = "type";
    private static final String BLANK = String.valueOf(TextForm.BLANK);
    private static final int MAX_STEPS = 16;
    private static final int MAX_PATTERN = 16; // characters

    private final Path path;

    Pipeline(Path path) {
        this.path = path;
    }

    /** The normalizer; null for none. */
    JsonNode normalizer(JsonNode node) throws ModelFormatException {
        if (node.isNull() || node.isMissingNode()) {
            return JsonNodeFactory.instance.nullNode();
        }
        ObjectNode step = step(node);
        switch (type(node)) {
            case "NFC" -> {}
            case "Prepend" ->
                copy(node, step, "prepend", value -> value.asString("").equals(BLANK));
            case "Replace" -> {
                copy(
                        node,
                        step,
                        "pattern",
                        value -> value.path("String").asString("").equals(" ") && value.size() == 1);
                copy(node, step, "content", value -> value.asString("").equals(BLANK));
            }
            case "Sequence" -> {
                ArrayNode steps = step.putArray("normalizers");
                for (JsonNode part : steps(node.path("normalizers"))) {
                    if (type(part).equals("Sequence")) {
                        throw unsupported(part);
                    }
                    steps.add(normalizer(part));
                }
            }
            default -> throw unsupported(node);
        }
        return step;
    }

    /** The pre-tokenizer; null for none. */
    JsonNode preTokenizer(JsonNode node) throws ModelFormatException {
        if (node.isNull() || node.isMissingNode()) {
            return JsonNodeFactory.instance.nullNode();
        }
        ObjectNode step = step(node);
        switch (type(node)) {
            case "ByteLevel" -> {
                copy(node, step, "add_prefix_space", JsonNode::isBoolean);
                step.put("trim_offsets", false);
                step.put("use_regex", node.path("use_regex").asBoolean(true));
            }
            case "Digits" -> copy(node, step, "individual_digits", JsonNode::isBoolean);
            case "Punctuation" -> step.put("behavior", behavior(node));
            case "Split" -> {
                copy(node, step, "pattern", Pipeline::isKnown);
                step.put("behavior", behavior(node));
                step.put("invert", node.path("invert").asBoolean(false));
            }
            case "Metaspace" -> {
                copy(node, step, "replacement", value -> value.asString("").equals(BLANK));
                step.put("prepend_scheme", prependScheme(node));
                step.put("split", node.path("split").asBoolean(true));
            }
            case "Sequence" -> {
                ArrayNode steps = step.putArray("pretokenizers");
                for (JsonNode part : steps(node.path("pretokenizers"))) {
                    if (type(part).equals("Sequence")) {
                        throw unsupported(part);
                    }
                    steps.add(preTokenizer(part));
                }
            }
            default -> throw unsupported(node);
        }
        return step;
    }

    /** Whether a step, or one of its parts, is as sought. */
    static boolean has(JsonNode node, Predicate<JsonNode> sought) {
        if (sought.test(node)) {
            return true;
        }
        for (String parts : new String[] {"normalizers", "pretokenizers", "processors"}) {
            for (JsonNode part : node.path(parts)) {
                if (sought.test(part)) {
                    return true;
                }
            }
        }
        return false;
    }

    static String type(JsonNode node) {
        return node.path(TYPE).asString("");
    }

    private static boolean isKnown(JsonNode pattern) {
        String text = pattern.path("String").asString("");
        boolean isText = !text.isEmpty() && text.length() <= MAX_PATTERN;
        return pattern.size() == 1
                && (isText || Patterns.isKnown(pattern.path("Regex").asString("")));
    }

    private static ObjectNode step(JsonNode node) {
        return JsonNodeFactory.instance.objectNode().put(TYPE, type(node));
    }

    private JsonNode steps(JsonNode list) throws ModelFormatException {
        if (!list.isArray() || list.size() > MAX_STEPS) {
            throw new ModelFormatException(
                    path, "a sequence of the tokenizer's steps is no list of up to " + MAX_STEPS + " of them");
        }
        return list;
    }

    private void copy(JsonNode from, ObjectNode to, String field, Predicate<JsonNode> known)
            throws ModelFormatException {
        if (!known.test(from.path(field))) {
            throw unsupported(from);
        }
        to.set(field, from.path(field));
    }

    private String behavior(JsonNode node) throws ModelFormatException {
        String behavior = node.path("behavior").asString("");
        return switch (behavior) {
            case "Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous" -> behavior;
            default -> throw unsupported(node);
        };
    }

    private String prependScheme(JsonNode node) throws ModelFormatException {
        String scheme = node.path("prepend_scheme")
                .asString(node.path("add_prefix_space").asBoolean(true) ? "always" : "never");
        return switch (scheme) {
            case "always", "first", "never" -> scheme;
            default -> throw unsupported(node);
        };
    }

    private ModelFormatException unsupported(JsonNode node) {
        return new ModelFormatException(
                path, "the tokenizer's step " + Text.quote(node.toString()) + " is not supported; use a GGUF file");
    }
}
