package bita.api.store;

import bita.model.ModelFiles;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * SHA-256 of files, kept by path, size and time of change, so that a model is read for its hash only once.
 *
 * <p>The cache is one JSON file, replaced as a whole under a lock: several processes may use it. An unreadable cache
 * counts as empty, and one that cannot be written costs time but no correctness.
 */
public final class HashCache {

    private static final JsonMapper JSON = JsonMapper.shared();

    private final Path file;

    /**
     * @param file the cache's file, made with its folder when there is something to keep
     */
    public HashCache(Path file) {
        this.file = file;
    }

    private record Entry(long bytes, String modified, String sha256) {
        Entry {
            if (!Sha256.isHex(sha256)) {
                throw new IllegalArgumentException("not a SHA-256");
            }
        }

        static Entry of(BasicFileAttributes attributes, String sha256) {
            return new Entry(
                    attributes.size(), attributes.lastModifiedTime().toInstant().toString(), sha256);
        }
    }

    /**
     * SHA-256 of a model's file in lower-case hexadecimal digits; of a model of several files that of a list of theirs, a line
     * "hash  name" for each. Files are read only if they are new or have changed.
     *
     * @throws IOException if a file cannot be read, or changes while it is read
     */
    public String sha256(Path model) throws IOException {
        List<Path> files = ModelFiles.of(model);
        if (files.size() == 1) {
            return sha256OfFile(files.getFirst());
        }
        StringBuilder list = new StringBuilder();
        for (Path file : files) {
            list.append(sha256OfFile(file))
                    .append("  ")
                    .append(file.getFileName())
                    .append('\n');
        }
        return Sha256.of(list.toString());
    }

    private String sha256OfFile(Path model) throws IOException {
        Path path = model.toRealPath();
        BasicFileAttributes before = attributes(path);
        Entry known = read().get(path.toString());
        if (known != null && known.equals(Entry.of(before, known.sha256()))) {
            return known.sha256();
        }
        Entry entry = Entry.of(before, Sha256.of(path));
        if (!entry.equals(Entry.of(attributes(path), entry.sha256()))) {
            throw new IOException("The file " + model + " is being changed by another program; try again later.");
        }
        keep(path, entry);
        return entry.sha256();
    }

    /** Keeps the hash of a file that was computed when it was written. */
    void remember(Path model, String sha256) throws IOException {
        Path path = model.toRealPath();
        keep(path, Entry.of(attributes(path), sha256));
    }

    private static BasicFileAttributes attributes(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class);
    }

    private Map<String, Entry> read() {
        try {
            Map<String, Entry> entries = JSON.readValue(Files.readAllBytes(file), new TypeReference<>() {});
            return entries == null ? Map.of() : entries;
        } catch (IOException | JacksonException e) {
            return Map.of();
        }
    }

    private void keep(Path path, Entry entry) {
        try {
            Files.createDirectories(Siblings.folder(file));
            try (var _ = StoreLock.acquire(Siblings.of(file, ".lock"), () -> {})) {
                Map<String, Entry> entries = new TreeMap<>(read());
                entries.keySet().removeIf(p -> !new File(p).exists());
                entries.put(path.toString(), entry);
                // Only the lock's holder writes, so one name for the new version is enough.
                Path next = Siblings.of(file, ".new");
                Files.write(next, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(entries));
                Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            }
        } catch (IOException e) {
            // The hash itself is right; where nothing can be kept (a read-only home) it is computed again next time.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
