package bita.model.tokenizer;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * How byte-level BPE tokenizers prepare text, under the names that GGUF files use. What stands behind a name is what the
 * tokenizer.json of its models says.
 */
enum PreTokenizer {
    /** GPT-2's split. */
    GPT2(List.of("gpt-2", "gpt2"), false, false, Json.BYTE_LEVEL),
    /** GPT-NeoX and its like: characters composed, then GPT-2's split. */
    NEOX(List.of("olmo", "mpt"), true, false, Json.BYTE_LEVEL),
    /** Each digit alone, then GPT-2's split. */
    SMOLLM(
            List.of("smollm"),
            false,
            false,
            Json.sequence("{\"type\":\"Digits\",\"individual_digits\":true}", Json.BYTE_LEVEL)),
    /** Punctuation apart, GPT-2's split, digits in threes. */
    FALCON(
            List.of("falcon"),
            false,
            false,
            Json.sequence(
                    "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}",
                    Json.BYTE_LEVEL,
                    "{\"type\":\"Digits\",\"individual_digits\":false}",
                    Json.split(Patterns.THREE_DIGITS))),
    /** Words with the character before, digits in threes; whole words need no merges. */
    LLAMA3(List.of("llama-bpe", "llama3", "llama-v3", "falcon3"), false, true, Json.regex(Patterns.LLAMA3)),
    /** As {@link #LLAMA3}, by merges alone: Phi-4. */
    DBRX(List.of("dbrx"), false, false, Json.regex(Patterns.LLAMA3)),
    /** As {@link #LLAMA3} with each digit alone, characters composed. */
    QWEN2(List.of("qwen2"), true, false, Json.regex(Patterns.QWEN2)),
    /** Words split where capitals begin, each digit alone: Mistral. */
    TEKKEN(List.of("tekken"), false, true, Json.regex(Patterns.TEKKEN)),
    /** Words split where capitals begin, digits in threes: Phi-4-mini. */
    GPT4O(List.of("gpt-4o"), false, false, Json.regex(Patterns.GPT4O));

    @SuppressWarnings("ImmutableEnumChecker") // List.of is immutable
    private final List<String> names;

    @SuppressWarnings("ImmutableEnumChecker") // a record of texts
    private final TextForm form;

    PreTokenizer(List<String> names, boolean composed, boolean ignoreMerges, String json) {
        this.names = names;
        form = new TextForm(
                composed ? "{\"type\":\"NFC\"}" : "null", json, Spelling.BYTE_LEVEL, false, false, ignoreMerges, false);
    }

    /** The one that a GGUF file calls so. */
    static Optional<PreTokenizer> named(String name) {
        return Arrays.stream(values()).filter(p -> p.names.contains(name)).findFirst();
    }

    /** The one of a file that does not say, by the architecture of its model. */
    static PreTokenizer ofArchitecture(String architecture) {
        return switch (architecture) {
            case "falcon" -> FALCON;
            case "gptneox" -> NEOX;
            case "qwen2", "qwen3" -> QWEN2;
            default -> GPT2;
        };
    }

    /** What GGUF files call a way to prepare text. */
    static Optional<String> nameOf(TextForm form) {
        return Arrays.stream(values())
                .filter(p -> p.form.equals(form))
                .map(p -> p.names.getFirst())
                .findFirst();
    }

    static String names() {
        return Arrays.stream(values()).flatMap(p -> p.names.stream()).collect(Collectors.joining(", "));
    }

    TextForm form() {
        return form;
    }

    /** Parts of a tokenizer.json. */
    private static final class Json {
        private static final String BYTE_LEVEL =
                "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_regex\":true}";

        private static String sequence(String... parts) {
            return "{\"type\":\"Sequence\",\"pretokenizers\":[" + String.join(",", parts) + "]}";
        }

        private static String split(String pattern) {
            return "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" + pattern.replace("\\", "\\\\")
                    + "\"},\"behavior\":\"Isolated\",\"invert\":false}";
        }

        private static String regex(String pattern) {
            return sequence(split(pattern), BYTE_LEVEL.replace("\"use_regex\":true", "\"use_regex\":false"));
        }
    }
}
