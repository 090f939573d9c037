package bita.model.tokenizer;

import bita.model.file.GgufFile;
import bita.model.file.GgufMetadataBuilder;
import bita.model.file.ModelFormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Byte-level BPE and SentencePiece's BPE by Hugging Face's tokenizers. Immutable; encoding may be called from several
 * threads.
 */
public final class Tokenizer implements AutoCloseable {
    private final Path source;
    private final Vocabulary vocabulary;
    private final BitSet literal = new BitSet(); // tokens that are written as they stand in text
    private final NativeTokenizer tokenizer;
    private @Nullable NativeTokenizer plainTokenizer; // guarded by this; knows no control tokens

    private Tokenizer(Path source, Vocabulary vocabulary) throws IOException {
        this.source = source;
        this.vocabulary = vocabulary;
        literal.or(vocabulary.control());
        vocabulary.added().forEach(token -> literal.set(token.id()));
        tokenizer = NativeTokenizer.open(source, TokenizerJson.write(vocabulary, true));
    }

    /**
     * The tokenizer of a GGUF file, which may be closed afterwards.
     *
     * @throws ModelFormatException if it is missing or damaged, or of a kind that is not supported
     * @throws IOException if the native library cannot be loaded
     */
    public static Tokenizer of(GgufFile file) throws IOException {
        return new Tokenizer(file.path(), GgufVocabulary.read(file));
    }

    /**
     * The tokenizer of a folder in Hugging Face's layout.
     *
     * @throws ModelFormatException if it is missing or damaged, or of a kind that is not supported
     * @throws IOException if a file cannot be read, or the native library not be loaded
     */
    public static Tokenizer ofFolder(Path folder) throws IOException {
        return new Tokenizer(folder, FolderVocabulary.read(folder));
    }

    /**
     * Adds the vocabulary to the metadata of a GGUF file.
     *
     * @throws ModelFormatException if GGUF has no name for how this tokenizer splits text
     */
    public void describe(GgufMetadataBuilder metadata) throws ModelFormatException {
        GgufVocabularyWriter.write(source, vocabulary, metadata);
    }

    static Tokenizer of(Path source, Vocabulary vocabulary) throws IOException {
        return new Tokenizer(source, vocabulary);
    }

    /**
     * The tokens of a text; nothing is added to them.
     *
     * @param parseSpecial whether the text of a control token becomes that token; false for text that is not trusted
     */
    public int[] encode(String text, boolean parseSpecial) {
        int[] tokens = tokenizer.encode(text);
        return parseSpecial || isPlain(tokens, text) ? tokens : plainTokenizer().encode(text);
    }

    /** Whether there is no control token, but one for something unknown in the text. */
    private boolean isPlain(int[] tokens, String text) {
        for (int token : tokens) {
            boolean unknown = vocabulary.unknown().equals(OptionalInt.of(token));
            if (isSpecial(token) && (!unknown || text.contains(text(token)))) {
                return false;
            }
        }
        return true;
    }

    private synchronized NativeTokenizer plainTokenizer() {
        if (plainTokenizer == null) {
            try {
                plainTokenizer = NativeTokenizer.open(source, TokenizerJson.write(vocabulary, false));
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
        return vocabulary.ends();
    }

    /** Whether the token steers the model, or stands for something unknown, and is no text. */
    public boolean isSpecial(int id) {
        return vocabulary.control().get(checked(id));
    }

    /** A token as the vocabulary writes it. */
    public String text(int id) {
        return vocabulary.tokens().get(checked(id));
    }

    /** The bytes of a token. */
    public byte[] bytes(int id) {
        String token = text(id);
        if (!literal.get(id)) {
            return vocabulary.form().spelling().bytes(token);
        }
        boolean blanks = vocabulary.form().spelling() == Spelling.SENTENCEPIECE;
        return (blanks ? token.replace(TextForm.BLANK, ' ') : token).getBytes(StandardCharsets.UTF_8);
    }

    /** The text of tokens, without special ones. */
    public String decode(int[] ids) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int id : ids) {
            if (!isSpecial(id)) {
                bytes.writeBytes(bytes(id));
            }
        }
        String text = bytes.toString(StandardCharsets.UTF_8);
        return beginsWithBlank() && text.startsWith(" ") ? text.substring(1) : text;
    }

    /** Whether the first token of a text has a blank in front that is not in the text. */
    boolean beginsWithBlank() {
        return vocabulary.form().blankFirst();
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
