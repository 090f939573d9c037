package bita.model.file;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads the JSON files of model folders, which are not trusted: their sizes and depths are bounded. */
public final class JsonFile {
    private static final int MAX_DEPTH = 64;

    /** Above what settings have; a template may be long. */
    private static final int MAX_STRING = 4 << 20;

    private static final long MAX_SETTINGS = 32L << 20;
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxStringLength(MAX_STRING)
                            .maxNameLength(MAX_STRING)
                            .maxNumberLength(100)
                            .build())
                    // A vocabulary has too many names for a table of names.
                    .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
                    .build())
            .build();

    private JsonFile() {}

    /** What is read from a file. */
    @FunctionalInterface
    public interface Reader<T> {
        /** Reads all that is of interest; damaged JSON may end it with a {@link JacksonException}. */
        T read(JsonParser parser) throws ModelFormatException;
    }

    /**
     * Reads a file of settings, which must be an object.
     *
     * @return empty if there is no such file
     * @throws ModelFormatException if it is no such JSON
     */
    public static Optional<JsonNode> settings(Path file) throws IOException {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        JsonNode node = read(file, MAX_SETTINGS, parser -> MAPPER.readTree(parser));
        if (node == null || !node.isObject()) {
            throw new ModelFormatException(file, "the file must hold a JSON object; download it again");
        }
        return Optional.of(node);
    }

    /**
     * Reads a file of settings that must be there.
     *
     * @throws NoSuchFileException  if it is not
     * @throws ModelFormatException if it is no such JSON
     */
    public static JsonNode require(Path file) throws IOException {
        return settings(file)
                .orElseThrow(() -> new NoSuchFileException(
                        file.toString(), null, "there is no such file; name the folder that holds it, whole"));
    }

    /**
     * Reads a file token by token.
     *
     * @param most bytes that the file may have
     * @throws ModelFormatException if it is larger, no regular file, or no such JSON
     */
    public static <T> T read(Path file, long most, Reader<T> reader) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new ModelFormatException(file, "this is no file; name a folder that holds a whole model");
        }
        if (Files.size(file) > most) {
            throw new ModelFormatException(
                    file, "the file has " + Files.size(file) + " bytes, and at most " + most + " are read");
        }
        try (InputStream bytes = Files.newInputStream(file);
                JsonParser parser = MAPPER.createParser(bytes)) {
            return reader.read(parser);
        } catch (JacksonException e) {
            throw new ModelFormatException(
                    file, "this is not the JSON it should be (" + oneLine(e) + "); download the file again", e);
        }
    }

    private static String oneLine(JacksonException e) {
        String quoted = Text.quote(String.valueOf(e.getOriginalMessage()));
        return quoted.substring(1, quoted.length() - 1);
    }
}
