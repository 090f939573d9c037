package bita.api.store;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The cache that the Hugging Face tools keep for this user:
 * {@code models--owner--repo/snapshots/<commit>/<file>}, links to {@code blobs/<SHA-256>} for large files.
 */
final class HubCacheSource implements ModelSource {

    private final Path cache;

    HubCacheSource(Path cache) {
        this.cache = cache;
    }

    @Override
    public String description() {
        return "Hugging Face cache (" + cache + ")";
    }

    @Override
    public boolean needsNetwork() {
        return false;
    }

    @Override
    public boolean offers(Wanted wanted) throws IOException {
        return !copies(wanted).isEmpty();
    }

    /** A copy in the cache, and the hash it must have. */
    private record Copy(Path path, String sha256) {}

    @Override
    public String fetch(Wanted wanted, Path part, PullListener listener) throws IOException {
        String reason = "its copy has gone";
        for (Copy copy : copies(wanted)) {
            OptionalLong bytes = OptionalLong.of(Files.size(copy.path));
            try (InputStream in = Files.newInputStream(copy.path);
                    PartFile out = PartFile.create(part, bytes)) {
                out.append(in, listener);
                return out.complete(Optional.of(copy.sha256));
            } catch (PartFile.MismatchException e) {
                reason = "its copy is damaged: " + e.getMessage();
            }
        }
        throw new IOException(reason);
    }

    private List<Copy> copies(Wanted wanted) throws IOException {
        Path repository = cache.resolve("models--" + wanted.hub().repository().replace("/", "--"));
        Path snapshots = repository.resolve("snapshots");
        if (!Files.isDirectory(snapshots)) {
            return List.of();
        }
        return wanted.model().isPresent()
                ? knownCopies(snapshots, wanted.model().get())
                : mainCopy(repository, wanted.hub()).stream().toList();
    }

    /** Any snapshot will do where the catalogue has the hash. */
    private static List<Copy> knownCopies(Path snapshots, CatalogModel model) throws IOException {
        List<Copy> copies = new ArrayList<>();
        try (DirectoryStream<Path> commits = Files.newDirectoryStream(snapshots)) {
            for (Path commit : commits) {
                Path file = commit.resolve(model.hub().file());
                if (Files.isRegularFile(file) && Files.size(file) == model.bytes()) {
                    copies.add(new Copy(file, model.sha256()));
                }
            }
        }
        Collections.sort(copies, (a, b) -> a.path.compareTo(b.path));
        return copies;
    }

    /** Else the branch {@code main} counts, and the hash is the name of the blob behind the link. */
    private static Optional<Copy> mainCopy(Path repository, HubFile hub) throws IOException {
        Path main = repository.resolve("refs", "main");
        if (!Files.isRegularFile(main)) {
            return Optional.empty();
        }
        Path file =
                repository.resolve("snapshots", Files.readString(main).strip()).resolve(hub.file());
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        Path blob = file.toRealPath();
        String name = blob.getFileName().toString();
        return Sha256.isHex(name) ? Optional.of(new Copy(blob, name)) : Optional.empty();
    }
}
