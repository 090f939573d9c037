package bita.model.tokenizer;

import bita.model.file.GgufFile;
import bita.model.file.GgufMetadata;
import bita.model.file.ModelFormatException;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The vocabulary of a byte-level BPE tokenizer, as a GGUF file holds it.
 *
 * @param tokens       (vocabulary) texts, bytes written as GPT-2's printable characters
 * @param types        (vocabulary) kinds of tokens; see {@link #CONTROL} and {@link #USER_DEFINED}
 * @param merges       pairs of token texts with a blank between, the best first
 * @param preTokenizer how text is split before merging
 * @param addBos       whether a prompt begins with the token {@code bos}
 */
@SuppressWarnings("ArrayRecordComponent") // fifty thousand boxed numbers would slow every start
public record Vocabulary(
        List<String> tokens,
        int[] types,
        List<String> merges,
        PreTokenizer preTokenizer,
        OptionalInt bos,
        OptionalInt eos,
        OptionalInt unknown,
        boolean addBos) {
    /** The type of tokens that steer the model and are no text. */
    public static final int CONTROL = 3;
    /** The type of tokens that are found in text as a whole, before merging. */
    public static final int USER_DEFINED = 4;

    private static final String PREFIX = "tokenizer.ggml.";

    public Vocabulary {
        if (tokens.isEmpty() || types.length != tokens.size()) {
            throw new IllegalArgumentException(
                    "a vocabulary of " + tokens.size() + " tokens cannot have " + types.length + " token types");
        }
    }

    /**
     * Reads the vocabulary of a model file.
     *
     * @throws ModelFormatException if it is missing or of a kind that is not supported
     */
    public static Vocabulary of(GgufFile file) throws ModelFormatException {
        GgufMetadata metadata = file.metadata();
        String kind = metadata.requireString(PREFIX + "model");
        if (!kind.equals("gpt2")) {
            throw new ModelFormatException(
                    file.path(), "the tokenizer " + kind + " is not supported, only byte-level BPE (gpt2)");
        }
        String name = metadata.string(PREFIX + "pre").orElse("default");
        PreTokenizer preTokenizer = PreTokenizer.named(name)
                .orElseThrow(() -> new ModelFormatException(
                        file.path(), "the pre-tokenizer " + name + " is not supported, only " + PreTokenizer.names()));
        List<String> tokens = metadata.requireStrings(PREFIX + "tokens");
        int[] types = metadata.integers(PREFIX + "token_type").orElseGet(() -> new int[tokens.size()]);
        if (tokens.isEmpty() || types.length != tokens.size()) {
            throw new ModelFormatException(
                    file.path(), "there are " + tokens.size() + " tokens but " + types.length + " token types");
        }
        return new Vocabulary(
                tokens,
                types,
                metadata.requireStrings(PREFIX + "merges"),
                preTokenizer,
                token(file, "bos_token_id", tokens.size()),
                token(file, "eos_token_id", tokens.size()),
                token(file, "unknown_token_id", tokens.size()),
                metadata.bool(PREFIX + "add_bos_token").orElse(false));
    }

    private static OptionalInt token(GgufFile file, String key, int size) throws ModelFormatException {
        OptionalLong id = file.metadata().integer(PREFIX + key);
        if (id.isEmpty()) {
            return OptionalInt.empty();
        }
        if (id.getAsLong() < 0 || id.getAsLong() >= size) {
            throw new ModelFormatException(
                    file.path(), key + " is " + id.getAsLong() + ", but there are only " + size + " tokens");
        }
        return OptionalInt.of((int) id.getAsLong());
    }
}
