package bita.api.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What must still hold for an unfinished download to be continued; kept in a small file beside it.
 *
 * @param etag the server's strong name for this version of the content
 * @param bytes size of the whole file
 */
record ResumePoint(String etag, long bytes) {

    ResumePoint {
        if (etag.isBlank() || bytes <= 0) {
            throw new IllegalArgumentException("not a resume point");
        }
    }

    private static final JsonMapper JSON = JsonMapper.shared();

    /** What is known about {@code part}, if it is worth continuing. */
    static Optional<ResumePoint> of(Path part) throws IOException {
        try {
            ResumePoint point = JSON.readValue(Files.readAllBytes(file(part)), ResumePoint.class);
            long size = Files.size(part);
            return size > 0 && size < point.bytes ? Optional.of(point) : Optional.empty();
        } catch (NoSuchFileException | JacksonException e) {
            return Optional.empty();
        }
    }

    void save(Path part) throws IOException {
        Files.write(file(part), JSON.writeValueAsBytes(this));
    }

    static void forget(Path part) throws IOException {
        Files.deleteIfExists(file(part));
    }

    private static Path file(Path part) {
        return Siblings.of(part, ".json");
    }
}
