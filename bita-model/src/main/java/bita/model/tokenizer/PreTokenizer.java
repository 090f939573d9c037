package bita.model.tokenizer;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** How byte-level BPE tokenizers split text before merging, under the names that GGUF files use. */
public enum PreTokenizer {
    /** GPT-2's split. */
    GPT2(
            List.of("gpt-2", "gpt2", "default"),
            "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_regex\":true}"),
    /** Each digit alone, then GPT-2's split. */
    SMOLLM(List.of("smollm"), """
            {"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},\
            {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":false,"use_regex":true}]}""");

    @SuppressWarnings("ImmutableEnumChecker") // List.of is immutable
    private final List<String> names;

    private final String json;

    PreTokenizer(List<String> names, String json) {
        this.names = names;
        this.json = json;
    }

    /** The one that a GGUF file calls so. */
    public static Optional<PreTokenizer> named(String name) {
        return Arrays.stream(values()).filter(p -> p.names.contains(name)).findFirst();
    }

    static String names() {
        return Arrays.stream(values()).flatMap(p -> p.names.stream()).collect(Collectors.joining(", "));
    }

    /** As it stands in a Hugging Face tokenizer.json. */
    String json() {
        return json;
    }
}
