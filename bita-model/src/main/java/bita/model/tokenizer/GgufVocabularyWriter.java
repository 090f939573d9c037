package bita.model.tokenizer;

import bita.model.file.GgufMetadataBuilder;
import bita.model.file.ModelFormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Writes a vocabulary as GGUF files hold it; what {@link GgufVocabulary} makes of that has the same tokens. */
final class GgufVocabularyWriter {
    private static final String PREFIX = "tokenizer.ggml.";
    private static final int NORMAL = 1;

    private final Path source;
    private final Vocabulary vocabulary;
    private final GgufMetadataBuilder metadata;

    private GgufVocabularyWriter(Path source, Vocabulary vocabulary, GgufMetadataBuilder metadata) {
        this.source = source;
        this.vocabulary = vocabulary;
        this.metadata = metadata;
    }

    /**
     * Adds a vocabulary to a file's metadata.
     *
     * @throws ModelFormatException if GGUF has no name for how the tokenizer splits text
     */
    static void write(Path source, Vocabulary vocabulary, GgufMetadataBuilder metadata) throws ModelFormatException {
        new GgufVocabularyWriter(source, vocabulary, metadata).write();
    }

    private void write() throws ModelFormatException {
        boolean sentencePiece = vocabulary.form().spelling() == Spelling.SENTENCEPIECE;
        if (sentencePiece) {
            metadata.string(PREFIX + "model", "llama").string(PREFIX + "pre", "default");
            metadata.bool(PREFIX + "add_space_prefix", vocabulary.form().blankFirst());
            metadata.floats(PREFIX + "scores", scores());
        } else {
            String pre = PreTokenizer.nameOf(vocabulary.form())
                    .orElseThrow(
                            () -> new ModelFormatException(
                                    source,
                                    "GGUF has no name for the way in which this tokenizer splits text; use the folder as it is"));
            metadata.string(PREFIX + "model", "gpt2").string(PREFIX + "pre", pre);
        }
        metadata.strings(PREFIX + "merges", merges());
        metadata.strings(PREFIX + "tokens", tokens());
        metadata.integers(PREFIX + "token_type", types(sentencePiece));
        token("bos_token_id", vocabulary.bos());
        token("eos_token_id", vocabulary.eos());
        token("unknown_token_id", vocabulary.unknown());
        vocabulary.ends().stream()
                .filter(end -> !OptionalInt.of(end).equals(vocabulary.eos()))
                .findFirst()
                .ifPresent(end -> token("eot_token_id", OptionalInt.of(end)));
        metadata.bool(PREFIX + "add_bos_token", vocabulary.addBos());
    }

    private void token(String key, OptionalInt id) {
        id.ifPresent(token -> metadata.uint32(PREFIX + key, token));
    }

    /** Numbers without a token get a text of their own, as converters give them. */
    private List<String> tokens() {
        List<String> tokens = new ArrayList<>(vocabulary.tokens());
        for (int id = 0; id < tokens.size(); id++) {
            if (tokens.get(id).isEmpty()) {
                tokens.set(id, "[PAD" + id + "]");
            }
        }
        return tokens;
    }

    private int[] types(boolean sentencePiece) {
        BitSet added = new BitSet();
        vocabulary.added().forEach(token -> added.set(token.id()));
        int[] types = new int[vocabulary.tokens().size()];
        for (int id = 0; id < types.length; id++) {
            String token = vocabulary.tokens().get(id);
            if (vocabulary.unknown().equals(OptionalInt.of(id))) {
                types[id] = GgufVocabulary.UNKNOWN;
            } else if (vocabulary.control().get(id)) {
                types[id] = GgufVocabulary.CONTROL;
            } else if (added.get(id)) {
                types[id] = GgufVocabulary.USER_DEFINED;
            } else if (token.isEmpty()) {
                types[id] = GgufVocabulary.UNUSED;
            } else if (sentencePiece && token.matches("<0x[0-9A-F]{2}>")) {
                types[id] = GgufVocabulary.BYTE;
            } else {
                types[id] = NORMAL;
            }
        }
        return types;
    }

    private List<String> merges() {
        Merges merges = vocabulary.merges();
        List<String> lines = new ArrayList<>(merges.size());
        for (int i = 0; i < merges.size(); i++) {
            lines.add(merges.left(i) + " " + merges.right(i));
        }
        return lines;
    }

    /** For programs that merge by scores: a token is as good as the first merge that makes it. */
    private float[] scores() {
        Map<String, Integer> ranks = new HashMap<>();
        Merges merges = vocabulary.merges();
        for (int i = 0; i < merges.size(); i++) {
            ranks.putIfAbsent(merges.left(i) + merges.right(i), i);
        }
        float[] scores = new float[vocabulary.tokens().size()];
        for (int id = 0; id < scores.length; id++) {
            scores[id] = -ranks.getOrDefault(vocabulary.tokens().get(id), merges.size());
        }
        return scores;
    }
}
