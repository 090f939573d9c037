package bita.model.tokenizer;

import bita.model.file.JsonFile;
import bita.model.file.ModelFormatException;
import bita.model.file.Text;
import bita.model.tokenizer.Vocabulary.AddedToken;
import bita.model.tokenizer.Vocabulary.Strip;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/** A Hugging Face tokenizer.json of byte-level or SentencePiece BPE. */
final class TokenizerFile {
    private static final long MAX_BYTES = 64L << 20;

    private final Path path;
    private final List<String> tokens = new ArrayList<>();
    private final Map<String, Integer> ids = new HashMap<>();
    private final List<AddedToken> added = new ArrayList<>();
    private final List<AddedToken> special = new ArrayList<>();
    private JsonNode normalizer = JsonNodeFactory.instance.nullNode();
    private JsonNode preTokenizer = normalizer;
    private JsonNode postProcessor = normalizer;
    private Optional<String> unknown = Optional.empty();
    private boolean byteFallback;
    private boolean fuseUnknown;
    private boolean ignoreMerges;
    private boolean isBpe;
    private boolean vocabularyRead;
    private int[] pairs = new int[1 << 10];
    private int merges = -1; // not read

    private TokenizerFile(Path path) {
        this.path = path;
    }

    /**
     * Reads a file.
     *
     * @throws ModelFormatException if it is damaged or of a kind that is not supported
     */
    static TokenizerFile read(Path path) throws IOException {
        TokenizerFile file = new TokenizerFile(path);
        JsonFile.read(path, MAX_BYTES, file::readAll);
        if (file.merges < 0) { // they stand before the vocabulary
            JsonFile.read(path, MAX_BYTES, file::readAll);
        }
        if (!file.isBpe || file.tokens.isEmpty() || file.merges < 0) {
            throw file.wrong("the tokenizer is not supported, only BPE with a vocabulary and merges");
        }
        return file;
    }

    /** Texts by number; empty where there is no token. */
    List<String> tokens() {
        return tokens;
    }

    /** The number of a token. */
    OptionalInt id(String token) {
        Integer id = ids.get(token);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** Tokens that are found in text as a whole. */
    List<AddedToken> added() {
        return added;
    }

    /** Those of them that steer the model. */
    List<AddedToken> special() {
        return special;
    }

    Merges merges() {
        return new Merges.Numbered(tokens, Arrays.copyOf(pairs, 2 * merges));
    }

    Optional<String> unknown() {
        return unknown;
    }

    /** What stands before a text's own tokens. */
    Optional<String> first() {
        JsonNode[] template = {JsonNodeFactory.instance.missingNode()};
        Pipeline.has(postProcessor, step -> {
            if (Pipeline.type(step).equals("TemplateProcessing")) {
                template[0] = step.path("single").path(0).path("SpecialToken").path("id");
            }
            return false;
        });
        return template[0].isString() ? Optional.of(template[0].stringValue()) : Optional.empty();
    }

    TextForm form() throws ModelFormatException {
        Pipeline pipeline = new Pipeline(path);
        JsonNode known = pipeline.preTokenizer(preTokenizer);
        return new TextForm(
                pipeline.normalizer(normalizer).toString(),
                known.toString(),
                spelling(),
                byteFallback,
                fuseUnknown,
                ignoreMerges,
                Pipeline.has(normalizer, step -> Pipeline.type(step).equals("Prepend"))
                        || Pipeline.has(
                                known,
                                step -> Pipeline.type(step).equals("Metaspace")
                                        && !step.path("prepend_scheme")
                                                .asString("")
                                                .equals("never")));
    }

    private Spelling spelling() throws ModelFormatException {
        if (Pipeline.has(preTokenizer, step -> Pipeline.type(step).equals("ByteLevel"))) {
            return Spelling.BYTE_LEVEL;
        }
        if (Pipeline.has(normalizer, step -> Pipeline.type(step).equals("Replace"))
                || Pipeline.has(preTokenizer, step -> Pipeline.type(step).equals("Metaspace"))) {
            return Spelling.SENTENCEPIECE;
        }
        throw wrong("the tokenizer is not supported, only byte-level BPE and SentencePiece's BPE");
    }

    private TokenizerFile readAll(JsonParser parser) throws ModelFormatException {
        boolean again = vocabularyRead;
        expect(parser.nextToken(), JsonToken.START_OBJECT, "the file");
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String field = parser.currentName();
            parser.nextToken();
            switch (field) {
                case "model" -> readModel(parser, again);
                case "added_tokens" -> {
                    if (again) {
                        parser.skipChildren();
                    } else {
                        readAdded(tree(parser));
                    }
                }
                case "normalizer" -> normalizer = tree(parser);
                case "pre_tokenizer" -> preTokenizer = tree(parser);
                case "post_processor" -> postProcessor = tree(parser);
                default -> parser.skipChildren();
            }
        }
        return this;
    }

    private void readModel(JsonParser parser, boolean again) throws ModelFormatException {
        expect(parser.currentToken(), JsonToken.START_OBJECT, "the model");
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (field) {
                case "type" ->
                    isBpe = value == JsonToken.VALUE_STRING
                            && parser.getString().equals("BPE");
                case "unk_token" ->
                    unknown = value == JsonToken.VALUE_STRING ? Optional.of(parser.getString()) : Optional.empty();
                case "byte_fallback" -> byteFallback = value == JsonToken.VALUE_TRUE;
                case "fuse_unk" -> fuseUnknown = value == JsonToken.VALUE_TRUE;
                case "ignore_merges" -> ignoreMerges = value == JsonToken.VALUE_TRUE;
                case "dropout", "continuing_subword_prefix", "end_of_word_suffix" -> {
                    boolean none = value == JsonToken.VALUE_NULL
                            || (value == JsonToken.VALUE_STRING
                                    && parser.getString().isEmpty());
                    if (!none) {
                        throw wrong("the tokenizer's " + field + " is not supported");
                    }
                }
                case "vocab" -> {
                    if (again) {
                        parser.skipChildren();
                    } else {
                        readVocabulary(parser);
                    }
                }
                case "merges" -> {
                    if (vocabularyRead) {
                        readMerges(parser);
                    } else {
                        parser.skipChildren();
                    }
                }
                default -> parser.skipChildren();
            }
        }
    }

    private void readVocabulary(JsonParser parser) throws ModelFormatException {
        expect(parser.currentToken(), JsonToken.START_OBJECT, "the vocabulary");
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String token = parser.currentName();
            expect(parser.nextToken(), JsonToken.VALUE_NUMBER_INT, "the number of token " + Text.quote(token));
            put(token, parser.getLongValue());
        }
        vocabularyRead = true;
    }

    private void put(String token, long id) throws ModelFormatException {
        if (id < 0 || id >= Vocabulary.MAX_TOKENS) {
            throw wrong("token " + Text.quote(token) + " has the number " + id + ", and 0 to "
                    + (Vocabulary.MAX_TOKENS - 1) + " are allowed");
        }
        while (tokens.size() <= id) {
            tokens.add("");
        }
        String before = tokens.get((int) id);
        Integer other = ids.put(token, (int) id);
        if ((!before.isEmpty() && !before.equals(token)) || (other != null && other != id)) {
            throw wrong("token " + id + " is there twice, or " + Text.quote(token) + " is");
        }
        tokens.set((int) id, token);
    }

    private void readMerges(JsonParser parser) throws ModelFormatException {
        expect(parser.currentToken(), JsonToken.START_ARRAY, "the list of merges");
        merges = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            String left;
            String right;
            if (parser.currentToken() == JsonToken.START_ARRAY) {
                expect(parser.nextToken(), JsonToken.VALUE_STRING, "a merge");
                left = parser.getString();
                expect(parser.nextToken(), JsonToken.VALUE_STRING, "a merge");
                right = parser.getString();
                expect(parser.nextToken(), JsonToken.END_ARRAY, "a merge");
            } else {
                expect(parser.currentToken(), JsonToken.VALUE_STRING, "a merge");
                String pair = parser.getString();
                int blank = pair.indexOf(' ');
                if (blank < 0) {
                    throw wrong("the merge " + Text.quote(pair) + " is no pair of tokens");
                }
                left = pair.substring(0, blank);
                right = pair.substring(blank + 1);
            }
            if (2 * merges == pairs.length) {
                pairs = Arrays.copyOf(pairs, 2 * pairs.length);
            }
            pairs[2 * merges] = known(left);
            pairs[2 * merges + 1] = known(right);
            merges++;
        }
    }

    private int known(String token) throws ModelFormatException {
        return id(token)
                .orElseThrow(
                        () -> wrong("a merge has the token " + Text.quote(token) + ", which is not in the vocabulary"));
    }

    private void readAdded(JsonNode list) throws ModelFormatException {
        for (JsonNode token : list) {
            String content = token.path("content").asString("");
            JsonNode id = token.path("id");
            if (content.isEmpty() || !id.isIntegralNumber() || !id.canConvertToInt()) {
                throw wrong("an added token has no text or no number");
            }
            put(content, id.intValue());
            AddedToken known = new AddedToken(
                    id.intValue(),
                    token.path("single_word").asBoolean(false),
                    Strip.of(
                            token.path("lstrip").asBoolean(false),
                            token.path("rstrip").asBoolean(false)),
                    token.path("normalized").asBoolean(true));
            added.add(known);
            if (token.path("special").asBoolean(false)) {
                special.add(known);
            }
        }
    }

    private static JsonNode tree(JsonParser parser) {
        return parser.readValueAsTree();
    }

    private void expect(JsonToken found, JsonToken expected, String what) throws ModelFormatException {
        if (found != expected) {
            throw wrong(what + " is not what it should be in a tokenizer.json (" + expected + ")");
        }
    }

    private ModelFormatException wrong(String problem) {
        return new ModelFormatException(path, problem);
    }
}
