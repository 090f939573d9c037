package bita.model.tokenizer;

import bita.model.file.GgufFile;
import bita.model.file.GgufMetadata;
import bita.model.file.ModelFormatException;
import bita.model.file.Text;
import bita.model.tokenizer.Vocabulary.AddedToken;
import bita.model.tokenizer.Vocabulary.Strip;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;

/** Reads the vocabulary of a GGUF file: byte-level BPE ({@code gpt2}) or SentencePiece's BPE ({@code llama}). */
final class GgufVocabulary {
    static final int UNKNOWN = 2;
    static final int CONTROL = 3;
    static final int USER_DEFINED = 4;
    static final int UNUSED = 5;
    static final int BYTE = 6;

    private static final String PREFIX = "tokenizer.ggml.";

    private final Path path;
    private final GgufMetadata metadata;
    private final List<String> tokens;
    private final int[] types;
    private final String architecture;

    private GgufVocabulary(GgufFile file) throws ModelFormatException {
        path = file.path();
        metadata = file.metadata();
        tokens = metadata.requireStrings(PREFIX + "tokens");
        types = metadata.integers(PREFIX + "token_type").orElseGet(() -> new int[tokens.size()]);
        architecture = metadata.string("general.architecture").orElse("");
        if (tokens.isEmpty() || tokens.size() > Vocabulary.MAX_TOKENS || types.length != tokens.size()) {
            throw wrong("there are " + tokens.size() + " tokens but " + types.length + " token types");
        }
    }

    /**
     * The vocabulary of a model file.
     *
     * @throws ModelFormatException if it is missing or damaged, or of a kind that is not supported
     */
    static Vocabulary read(GgufFile file) throws ModelFormatException {
        String kind = file.metadata().requireString(PREFIX + "model");
        GgufVocabulary reader = new GgufVocabulary(file);
        return switch (kind) {
            case "gpt2" -> reader.byteLevel();
            case "llama" -> reader.sentencePiece();
            default ->
                throw reader.wrong("the tokenizer " + Text.quote(kind)
                        + " is not supported, only byte-level BPE (gpt2) and SentencePiece's BPE (llama)");
        };
    }

    private Vocabulary byteLevel() throws ModelFormatException {
        String name = metadata.string(PREFIX + "pre").orElse("default");
        PreTokenizer preTokenizer = name.equals("default")
                ? PreTokenizer.ofArchitecture(architecture)
                : PreTokenizer.named(name)
                        .orElseThrow(() -> wrong("the pre-tokenizer " + Text.quote(name)
                                + " is not supported, only default, " + PreTokenizer.names()));
        return vocabulary(
                new Merges.Listed(metadata.requireStrings(PREFIX + "merges")),
                preTokenizer.form(),
                token("bos_token_id", OptionalInt.empty()),
                token("eos_token_id", OptionalInt.empty()),
                token("unknown_token_id", OptionalInt.empty()),
                preTokenizer == PreTokenizer.LLAMA3 || preTokenizer == PreTokenizer.TEKKEN);
    }

    private Vocabulary sentencePiece() throws ModelFormatException {
        OptionalInt unknown = token("unknown_token_id", OptionalInt.of(0));
        Optional<List<String>> merges = metadata.strings(PREFIX + "merges");
        return vocabulary(
                merges.isPresent() ? new Merges.Listed(merges.get()) : scoredMerges(),
                TextForm.sentencePiece(
                        metadata.bool(PREFIX + "add_space_prefix").orElse(true)),
                token("bos_token_id", OptionalInt.of(1)),
                token("eos_token_id", OptionalInt.of(2)),
                unknown,
                true);
    }

    private Merges scoredMerges() throws ModelFormatException {
        float[] scores = metadata.requireFloats(PREFIX + "scores");
        if (scores.length != tokens.size()) {
            throw wrong("there are " + tokens.size() + " tokens but " + scores.length + " scores");
        }
        BitSet text = new BitSet();
        for (int id = 0; id < scores.length; id++) {
            int type = types[id];
            if (type != UNKNOWN && type != CONTROL && type != USER_DEFINED && type != BYTE) {
                text.set(id);
                if (tokens.get(id).length() > ScoredMerges.MAX_CHARACTERS) {
                    throw wrong("token " + id + " has more than " + ScoredMerges.MAX_CHARACTERS + " characters");
                }
            }
            if (!Float.isFinite(scores[id])) {
                throw wrong("the score of token " + id + " is not a number");
            }
        }
        return ScoredMerges.of(tokens, text, scores);
    }

    private Vocabulary vocabulary(
            Merges merges, TextForm form, OptionalInt bos, OptionalInt eos, OptionalInt unknown, boolean addsBos)
            throws ModelFormatException {
        Set<Integer> ends = new TreeSet<>();
        eos.ifPresent(ends::add);
        token("eot_token_id", OptionalInt.empty()).ifPresent(ends::add);
        token("eom_token_id", OptionalInt.empty()).ifPresent(ends::add);
        BitSet control = new BitSet();
        ends.forEach(control::set);
        if (!metadata.keys().contains(PREFIX + "token_type")) {
            bos.ifPresent(control::set);
            unknown.ifPresent(control::set);
        }
        List<AddedToken> added = new ArrayList<>();
        for (int id = 0; id < types.length; id++) {
            int type = types[id];
            String token = tokens.get(id);
            if (type == CONTROL || type == UNKNOWN || Ends.isControl(token)) {
                control.set(id);
                if (Ends.isEnd(token)) {
                    ends.add(id);
                }
            }
            if ((control.get(id) || type == USER_DEFINED) && !token.isEmpty()) {
                added.add(added(id, form));
            }
        }
        boolean addBos = metadata.bool(PREFIX + "add_bos_token").orElse(addsBos);
        return new Vocabulary(
                tokens, control, added, merges, form, bos, eos, unknown, addBos, Collections.unmodifiableSet(ends));
    }

    /** Phi-3's tokens take in the blanks behind them, which GGUF files do not say. */
    private AddedToken added(int id, TextForm form) {
        boolean phi3 = architecture.equals("phi3") && form.spelling() == Spelling.SENTENCEPIECE;
        return switch (tokens.get(id)) {
            case "<unk>", "<s>", "<|endoftext|>" -> AddedToken.literal(id);
            default -> phi3 ? new AddedToken(id, false, Strip.RIGHT, false) : AddedToken.literal(id);
        };
    }

    private OptionalInt token(String key, OptionalInt usual) throws ModelFormatException {
        OptionalLong id = metadata.integer(PREFIX + key);
        if (id.isEmpty()) {
            return usual.isPresent() && usual.getAsInt() < tokens.size() ? usual : OptionalInt.empty();
        }
        if (id.getAsLong() < 0 || id.getAsLong() >= tokens.size()) {
            throw wrong(key + " is " + id.getAsLong() + ", but there are only " + tokens.size() + " tokens");
        }
        return OptionalInt.of((int) id.getAsLong());
    }

    private ModelFormatException wrong(String problem) {
        return new ModelFormatException(path, problem);
    }
}
