package bita.model;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A tiny model of a family or in a number format, as files, and what an independent implementation computes for it; made by
 * make_family_models.py, which describes them.
 *
 * @param name for example {@code llama-3.1}, or {@code format-q4-k} for a Llama in one format
 * @param safetensors the files of the folder with its configuration; none for number formats
 * @param gguf the GGUF files, of which a split one has several; none where such files cannot describe the model
 * @param cases what is computed
 */
public record FamilyModel(String name, List<String> safetensors, List<String> gguf, List<Case> cases) {
    private static final JsonMapper JSON = new JsonMapper();

    /** The files a model comes in. */
    public enum Kind {
        SAFETENSORS,
        GGUF
    }

    /**
     * A prompt and the reference for it.
     *
     * @param name tells the cases of a model apart
     * @param kinds the files that the reference holds for
     * @param prompt token ids, without a begin token
     * @param logits the logits behind some of the prompt's tokens, the first and the last among them
     * @param continuation the tokens that greedy decoding appends, end tokens included
     * @param margins how much the first logit is ahead of the second at each step of the continuation; above 0.02
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record Case(
            String name, List<Kind> kinds, int[] prompt, List<Logits> logits, int[] continuation, float[] margins) {}

    /**
     * The logits behind a token.
     *
     * @param position its place in the prompt, from 0
     * @param values one a token of the vocabulary
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record Logits(int position, float[] values) {}

    /** All families and number formats. */
    public static List<FamilyModel> all() throws IOException {
        List<FamilyModel> models = new ArrayList<>();
        for (JsonNode name : read("models.json")) {
            models.add(named(name.asString()));
        }
        return models;
    }

    /** The model of a name. */
    public static FamilyModel named(String name) throws IOException {
        JsonNode reference = read(name + "/reference.json");
        List<Case> cases = new ArrayList<>();
        for (JsonNode node : reference.required("cases")) {
            List<Kind> kinds = strings(node.required("files")).stream()
                    .map(kind -> Kind.valueOf(kind.toUpperCase(Locale.ROOT)))
                    .toList();
            int[] positions = integers(node.required("positions"));
            List<Logits> logits = new ArrayList<>();
            for (int i = 0; i < positions.length; i++) {
                logits.add(new Logits(
                        positions[i], floats(node.required("logits").required(i).asString())));
            }
            float[] margins = new float[node.required("margins").size()];
            for (int i = 0; i < margins.length; i++) {
                margins[i] = (float) node.required("margins").required(i).asDouble();
            }
            cases.add(new Case(
                    node.required("name").asString(),
                    kinds,
                    integers(node.required("prompt")),
                    List.copyOf(logits),
                    integers(node.required("continuation")),
                    margins));
        }
        return new FamilyModel(
                name, strings(reference.path("safetensors")), strings(reference.path("gguf")), List.copyOf(cases));
    }

    /** The cases that hold for a kind of files. */
    public List<Case> cases(Kind kind) {
        return cases.stream().filter(c -> c.kinds().contains(kind)).toList();
    }

    /** Writes the configuration and the safetensors files to a new folder in {@code parent}; returns that folder. */
    public Path copySafetensors(Path parent) throws IOException {
        return copy(safetensors, parent);
    }

    /** Writes the GGUF files to a folder in {@code parent}; returns the file, or the first one where it is split. */
    public Path copyGguf(Path parent) throws IOException {
        return copy(gguf, parent).resolve(gguf.getFirst());
    }

    @Override
    public String toString() {
        return name;
    }

    private Path copy(List<String> files, Path parent) throws IOException {
        Path folder = Files.createDirectories(parent.resolve(name));
        for (String file : files) {
            try (InputStream stream = open(name + "/" + file)) {
                Files.copy(stream, folder.resolve(file), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        return folder;
    }

    private static InputStream open(String resource) throws IOException {
        InputStream stream = FamilyModel.class.getResourceAsStream("family/" + resource);
        if (stream == null) {
            throw new FileNotFoundException("family/" + resource);
        }
        return stream;
    }

    private static JsonNode read(String resource) throws IOException {
        try (InputStream stream = open(resource)) {
            return JSON.readTree(stream);
        }
    }

    private static List<String> strings(JsonNode array) {
        List<String> values = new ArrayList<>();
        for (JsonNode value : array) {
            values.add(value.asString());
        }
        return List.copyOf(values);
    }

    private static int[] integers(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.required(i).asInt();
        }
        return values;
    }

    private static float[] floats(String base64) {
        ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(base64)).order(ByteOrder.LITTLE_ENDIAN);
        float[] values = new float[bytes.remaining() / Float.BYTES];
        bytes.asFloatBuffer().get(values);
        return values;
    }
}
