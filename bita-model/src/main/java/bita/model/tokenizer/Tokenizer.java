package bita.model.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Byte-level BPE by Hugging Face's tokenizers. Immutable; encoding may be called from several threads.
 */
public final class Tokenizer implements AutoCloseable {
    /** How well-known models end a turn; their files do not always name all of these as end-of-sequence tokens. */
    private static final Set<String> ENDS =
            Set.of("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", "<end_of_turn>", "<|end|>", "</s>");

    private final Vocabulary vocabulary;
    private final List<String> specials;
    private final Set<Integer> ends;
    private final HuggingFaceTokenizer tokenizer;
    private @Nullable HuggingFaceTokenizer plainTokenizer; // guarded by this; knows no special tokens

    private Tokenizer(Vocabulary vocabulary, HuggingFaceTokenizer tokenizer) {
        this.vocabulary = vocabulary;
        this.tokenizer = tokenizer;
        specials = new java.util.ArrayList<>();
        ends = new TreeSet<>();
        vocabulary.eos().ifPresent(ends::add);
        for (int id = 0; id < vocabulary.types().length; id++) {
            int type = vocabulary.types()[id];
            if (type == Vocabulary.CONTROL || type == Vocabulary.USER_DEFINED) {
                specials.add(vocabulary.tokens().get(id));
            }
            if (type == Vocabulary.CONTROL && ENDS.contains(vocabulary.tokens().get(id))) {
                ends.add(id);
            }
        }
    }

    /**
     * The tokenizer of a vocabulary.
     *
     * @throws IOException if vocabulary and merges do not fit together, or the native library cannot be loaded
     */
    public static Tokenizer of(Vocabulary vocabulary) throws IOException {
        return new Tokenizer(vocabulary, open(vocabulary, true));
    }

    private static HuggingFaceTokenizer open(Vocabulary vocabulary, boolean special) throws IOException {
        // The library reports its use to its makers unless told not to,
        setUnlessSet("OPT_OUT_TRACKING", "true");
        // and where there is an NVIDIA GPU it downloads a build for it, which a tokenizer has no use for.
        setUnlessSet("RUST_FLAVOR", "cpu");
        byte[] json = TokenizerJson.write(vocabulary, special);
        try {
            return HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(json), Map.of("truncation", "false", "padding", "false"));
        } catch (RuntimeException | UnsatisfiedLinkError e) {
            throw new IOException("the tokenizer cannot be made from the model's vocabulary: " + e.getMessage(), e);
        }
    }

    private static void setUnlessSet(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    /**
     * The tokens of a text; nothing is added to them.
     *
     * @param parseSpecial whether the text of a special token becomes that token; false for text that is not trusted
     */
    public int[] encode(String text, boolean parseSpecial) {
        boolean plain = !parseSpecial && specials.stream().anyMatch(text::contains);
        // Lone surrogates have no UTF-8 form; the encoder's replacement keeps them from reaching native code.
        String valid = new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
        long[] ids = (plain ? plainTokenizer() : tokenizer)
                .encode(valid, false, false)
                .getIds();
        int[] tokens = new int[ids.length];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = (int) ids[i];
        }
        return tokens;
    }

    private synchronized HuggingFaceTokenizer plainTokenizer() {
        if (plainTokenizer == null) {
            try {
                plainTokenizer = open(vocabulary, false);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return plainTokenizer;
    }

    /** Number of tokens. */
    public int size() {
        return vocabulary.tokens().size();
    }

    /** The token a text begins with. */
    public OptionalInt bos() {
        return vocabulary.bos();
    }

    /** The token a text ends with. */
    public OptionalInt eos() {
        return vocabulary.eos();
    }

    /** Whether a prompt of plain text begins with {@link #bos}. */
    public boolean addsBos() {
        return vocabulary.addBos() && vocabulary.bos().isPresent();
    }

    /** Tokens that end the model's turn. */
    public Set<Integer> endOfGeneration() {
        return ends;
    }

    /** Whether the token steers the model and is no text. */
    public boolean isSpecial(int id) {
        return vocabulary.types()[checked(id)] == Vocabulary.CONTROL;
    }

    /** A token as the vocabulary writes it. */
    public String text(int id) {
        return vocabulary.tokens().get(checked(id));
    }

    /** The bytes of a token. */
    public byte[] bytes(int id) {
        int type = vocabulary.types()[checked(id)];
        String token = vocabulary.tokens().get(id);
        return type == Vocabulary.CONTROL || type == Vocabulary.USER_DEFINED
                ? token.getBytes(StandardCharsets.UTF_8)
                : ByteLevel.bytes(token);
    }

    /** The text of tokens, without special ones. */
    public String decode(int[] ids) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int id : ids) {
            if (!isSpecial(id)) {
                bytes.writeBytes(bytes(id));
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private int checked(int id) {
        if (id < 0 || id >= size()) {
            throw new IllegalArgumentException("token " + id + " is not among the vocabulary's " + size());
        }
        return id;
    }

    @Override
    public synchronized void close() {
        tokenizer.close();
        if (plainTokenizer != null) {
            plainTokenizer.close();
        }
    }
}
