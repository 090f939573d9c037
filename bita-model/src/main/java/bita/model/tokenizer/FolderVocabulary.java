package bita.model.tokenizer;

import bita.model.file.JsonFile;
import bita.model.file.ModelFormatException;
import bita.model.file.Text;
import bita.model.tokenizer.Vocabulary.AddedToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * Reads the vocabulary of a folder in Hugging Face's layout: tokenizer.json, or else SentencePiece's tokenizer.model, and
 * what tokenizer_config.json, special_tokens_map.json, generation_config.json and config.json say about its tokens.
 */
final class FolderVocabulary {
    private static final String EOS_ID = "eos_token_id";

    private final Path folder;
    private final JsonNode settings;
    private final JsonNode specialTokens;

    private FolderVocabulary(Path folder) throws IOException {
        this.folder = folder;
        settings = settings("tokenizer_config.json");
        specialTokens = settings("special_tokens_map.json");
    }

    /**
     * The vocabulary of a model's folder.
     *
     * @throws ModelFormatException if it is missing or damaged, or of a kind that is not supported
     */
    static Vocabulary read(Path folder) throws IOException {
        FolderVocabulary reader = new FolderVocabulary(folder);
        Path tokenizer = folder.resolve("tokenizer.json");
        Path pieces = folder.resolve("tokenizer.model");
        if (Files.exists(tokenizer)) {
            return reader.vocabulary(Parts.of(TokenizerFile.read(tokenizer)));
        }
        if (Files.exists(pieces)) {
            return reader.vocabulary(
                    SentencePieceFile.read(pieces, reader.settings, reader.settings("added_tokens.json")));
        }
        throw new ModelFormatException(
                folder,
                "there is neither a tokenizer.json nor a tokenizer.model in the folder; download the whole model");
    }

    /** What either kind of tokenizer has. */
    record Parts(
            List<String> tokens,
            List<AddedToken> added,
            BitSet special,
            Merges merges,
            TextForm form,
            Optional<String> unknown,
            Optional<String> first) {
        static Parts of(TokenizerFile file) throws ModelFormatException {
            BitSet special = new BitSet();
            file.special().forEach(token -> special.set(token.id()));
            return new Parts(
                    file.tokens(), file.added(), special, file.merges(), file.form(), file.unknown(), file.first());
        }
    }

    private Vocabulary vocabulary(Parts parts) throws IOException {
        OptionalInt bos = token(parts, "bos_token");
        OptionalInt eos = token(parts, "eos_token");
        OptionalInt unknown =
                parts.unknown().isPresent() ? id(parts, parts.unknown().get()) : OptionalInt.empty();
        Set<Integer> ends = ends(parts.tokens().size());
        eos.ifPresent(ends::add);
        BitSet control = (BitSet) parts.special().clone();
        for (AddedToken token : parts.added()) {
            if (Ends.isControl(parts.tokens().get(token.id()))) {
                control.set(token.id());
            }
        }
        control.stream().filter(id -> Ends.isEnd(parts.tokens().get(id))).forEach(ends::add);
        ends.forEach(control::set);
        bos.ifPresent(control::set);
        unknown.ifPresent(control::set);
        return new Vocabulary(
                parts.tokens(),
                control,
                parts.added(),
                parts.merges(),
                parts.form(),
                bos,
                eos,
                unknown,
                addsBos(parts, bos),
                Collections.unmodifiableSet(ends));
    }

    /** What the settings say; else what the tokenizer puts before a text, as Llama's and Gemma's always do. */
    private boolean addsBos(Parts parts, OptionalInt bos) {
        JsonNode said = settings.path("add_bos_token");
        if (said.isBoolean()) {
            return said.booleanValue();
        }
        String kind = settings.path("tokenizer_class").asString("");
        boolean first = bos.isPresent()
                && parts.first().equals(Optional.of(parts.tokens().get(bos.getAsInt())));
        return first || kind.startsWith("Llama") || kind.startsWith("Gemma");
    }

    /** The tokens that end an answer by the settings for generation, or by those of the model. */
    private Set<Integer> ends(int size) throws IOException {
        Set<Integer> ends = new TreeSet<>();
        for (String name : List.of("generation_config.json", "config.json")) {
            JsonNode said = settings(name).path(EOS_ID);
            Iterable<JsonNode> all = said.isArray() ? said : said.isNumber() ? List.of(said) : List.of();
            for (JsonNode id : all) {
                if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0 || id.intValue() >= size) {
                    throw new ModelFormatException(
                            folder.resolve(name),
                            EOS_ID + " is " + Text.quote(id.toString()) + ", but there are only " + size + " tokens");
                }
                ends.add(id.intValue());
            }
            if (!ends.isEmpty()) {
                break;
            }
        }
        return ends;
    }

    /** A token that the settings name, as a text or as an object with one. */
    private OptionalInt token(Parts parts, String name) throws ModelFormatException {
        for (JsonNode where : List.of(settings, specialTokens)) {
            JsonNode token = where.path(name);
            JsonNode text = token.isObject() ? token.path("content") : token;
            if (text.isString()) {
                OptionalInt id = id(parts, text.stringValue());
                if (id.isEmpty()) {
                    throw new ModelFormatException(
                            folder, name + " is " + Text.quote(text.stringValue()) + ", which is not a token");
                }
                return id;
            }
        }
        return OptionalInt.empty();
    }

    private static OptionalInt id(Parts parts, String token) {
        int id = token.isEmpty() ? -1 : parts.tokens().indexOf(token);
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }

    private JsonNode settings(String name) throws IOException {
        return JsonFile.settings(folder.resolve(name)).orElse(JsonNodeFactory.instance.objectNode());
    }
}
