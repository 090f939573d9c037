package bita.tune.reference;

import bita.model.file.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A checkpoint's small JSON files. */
final class JsonFile {
    /** The index of the largest published models has less than 1 MB. */
    private static final int LONGEST = 16 << 20;

    private static final JsonMapper MAPPER = new JsonMapper();

    private JsonFile() {}

    /**
     * Reads a file that holds one object.
     *
     * @throws ModelFormatException if it holds anything else
     */
    static JsonNode read(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new NoSuchFileException(
                    file.toString(), null, "there is no such file; name the folder of a checkpoint");
        }
        if (Files.size(file) > LONGEST) {
            throw new ModelFormatException(file, "it has more than " + LONGEST + " bytes, too many for a JSON file");
        }
        try {
            JsonNode json = MAPPER.readTree(Files.readAllBytes(file));
            if (json.isObject()) {
                return json;
            }
        } catch (JacksonException e) {
            throw new ModelFormatException(file, "this is not JSON; copy it again", e);
        }
        throw new ModelFormatException(file, "this is not a JSON object; copy it again");
    }
}
