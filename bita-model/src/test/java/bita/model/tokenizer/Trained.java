package bita.model.tokenizer;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Small tokenizers, trained by the reference libraries (src/test/python/tokenizers_data.py), and what these make of texts. */
final class Trained {
    private static final JsonMapper MAPPER = new JsonMapper();

    /** A text with its tokens, and those where no control token is looked for. */
    record Case(String text, List<Integer> tokens, List<Integer> plain) {}

    private Trained() {}

    static byte[] bytes(String name) throws IOException {
        try (InputStream stream = Objects.requireNonNull(Trained.class.getResourceAsStream(name), name)) {
            return stream.readAllBytes();
        }
    }

    static JsonNode json(String name) throws IOException {
        return MAPPER.readTree(bytes(name));
    }

    static List<Case> cases(String tokenizer) throws IOException {
        JsonNode expected = json("expected.json");
        List<Case> cases = new ArrayList<>();
        JsonNode rows = expected.path("tokenizers").path(tokenizer);
        for (int i = 0; i < rows.size(); i++) {
            List<Integer> ids = integers(rows.path(i).path("ids"));
            JsonNode plain = rows.path(i).path("plain");
            cases.add(new Case(
                    expected.path("texts").path(i).stringValue(), ids, plain.isArray() ? integers(plain) : ids));
        }
        return cases;
    }

    private static List<Integer> integers(JsonNode list) {
        return list.valueStream().map(JsonNode::intValue).toList();
    }

    /** A folder with the tokenizer.json of a name, and the settings given. */
    static Path folder(Path parent, String tokenizer, String settings) throws IOException {
        Path folder = Files.createDirectories(parent.resolve("folder-" + tokenizer));
        Files.write(folder.resolve("tokenizer.json"), bytes("tokenizer-" + tokenizer + ".json"));
        Files.writeString(folder.resolve("tokenizer_config.json"), settings);
        return folder;
    }

    /** The byte-level tokenizer of a name as a GGUF file has it. */
    static Tokenizer byteLevel(Path folder, String tokenizer) throws IOException {
        JsonNode json = json("tokenizer-" + tokenizer + ".json");
        JsonNode model = json.path("model");
        List<String> tokens = new ArrayList<>();
        model.path("vocab")
                .propertyStream()
                .forEach(entry -> put(tokens, entry.getValue().intValue(), entry.getKey()));
        json.path("added_tokens")
                .forEach(t ->
                        put(tokens, t.path("id").intValue(), t.path("content").stringValue()));
        int[] types = tokens.stream().mapToInt(t -> 1).toArray();
        json.path("added_tokens")
                .forEach(t -> types[t.path("id").intValue()] =
                        t.path("special").booleanValue() ? GgufVocabulary.CONTROL : GgufVocabulary.USER_DEFINED);
        List<String> merges = model.path("merges")
                .valueStream()
                .map(m -> m.path(0).stringValue() + " " + m.path(1).stringValue())
                .toList();
        return TokenizerGguf.open(folder, TokenizerGguf.byteLevel(tokenizer, tokens, types, merges));
    }

    private static void put(List<String> tokens, int id, String token) {
        while (tokens.size() <= id) {
            tokens.add("");
        }
        tokens.set(id, token);
    }

    /** The SentencePiece tokenizer of a name as a GGUF file has it. */
    static Tokenizer sentencePiece(Path folder, String tokenizer, Optional<Boolean> prefix) throws IOException {
        JsonNode json = json(tokenizer + ".json");
        int size = json.path("tokens").size();
        List<String> tokens = new ArrayList<>(Collections.nCopies(size, ""));
        int[] types = new int[size];
        float[] scores = new float[size];
        for (int id = 0; id < size; id++) {
            tokens.set(id, json.path("tokens").path(id).stringValue());
            types[id] = json.path("types").path(id).intValue();
            scores[id] = json.path("scores").path(id).floatValue();
        }
        var metadata = TokenizerGguf.sentencePiece(tokens, types, scores);
        prefix.ifPresent(value -> metadata.bool("tokenizer.ggml.add_space_prefix", value));
        return TokenizerGguf.open(folder, metadata);
    }
}
