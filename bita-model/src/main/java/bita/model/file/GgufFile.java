package bita.model.file;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A GGUF file, version 2 or 3, little endian, mapped into memory and readable by any thread.
 *
 * <p>Opening checks the whole header against itself and against the size of the file, so that afterwards every tensor's
 * data is known to lie inside the file. The tensors' numbers are not read. While the file is open it must not be
 * shortened or rewritten in place.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">The GGUF format</a>
 */
public final class GgufFile implements ModelFile {
    private static final String PARTS = "split.count";
    private static final String PART = "split.no";
    private static final String ALL_TENSORS = "split.tensors.count";
    /** What says that a file is one of several. */
    static final List<String> SPLIT_KEYS = List.of(PARTS, PART, ALL_TENSORS);

    private static final int MOST_PARTS = 99_999;
    private static final Pattern PART_NAME = Pattern.compile("(.*-)\\d{5}(-of-\\d{5}\\.gguf)");

    private final Path path;
    private final List<MappedFile> files;
    private final GgufMetadata metadata;
    private final Map<String, ModelTensor> tensors;

    private GgufFile(Path path, List<MappedFile> files, GgufMetadata metadata, Map<String, ModelTensor> tensors) {
        this.path = path;
        this.files = List.copyOf(files);
        this.metadata = metadata;
        this.tensors = Collections.unmodifiableMap(tensors);
    }

    /**
     * Opens a file, and with one part of a model that was split (by llama.cpp's gguf-split) all others, which lie beside it.
     *
     * @throws ModelFormatException if it is not a sound GGUF file, or if a part is missing
     * @throws IOException if it cannot be read
     */
    public static GgufFile open(Path path) throws IOException {
        List<MappedFile> files = new ArrayList<>();
        try {
            files.add(MappedFile.open(path, "GGUF"));
            GgufParser.Header header = GgufParser.parse(files.getFirst());
            long parts = header.metadata().integer(PARTS).orElse(1);
            if (parts <= 1) {
                return new GgufFile(path, files, header.metadata(), header.tensors());
            }
            close(files);
            files.clear();
            return openParts(path, parts, files);
        } catch (IOException | RuntimeException | Error e) {
            close(files);
            throw e;
        }
    }

    private static GgufFile openParts(Path path, long parts, List<MappedFile> files) throws IOException {
        Matcher name = PART_NAME.matcher(String.valueOf(path.getFileName()));
        if (!name.matches() || parts > MOST_PARTS) {
            throw new ModelFormatException(
                    path,
                    "the file is one of " + parts
                            + " parts of a model, which are found by their names: NAME-00001-of-0000N.gguf");
        }
        Map<String, ModelTensor> tensors = new LinkedHashMap<>();
        List<GgufMetadata> metadata = new ArrayList<>();
        for (int part = 0; part < parts; part++) {
            Path file = path.resolveSibling(name.group(1) + String.format("%05d", part + 1) + name.group(2));
            if (!Files.exists(file)) {
                throw new ModelFormatException(
                        path,
                        "the model was split into " + parts + " files, and " + file.getFileName() + " is missing");
            }
            files.add(MappedFile.open(file, "GGUF"));
            GgufParser.Header header = GgufParser.parse(files.getLast());
            if (header.metadata().integer(PARTS).orElse(1) != parts
                    || header.metadata().integer(PART).orElse(-1) != part) {
                throw new ModelFormatException(file, "the file is not part " + (part + 1) + " of " + parts);
            }
            metadata.add(header.metadata());
            for (Map.Entry<String, ModelTensor> tensor : header.tensors().entrySet()) {
                if (tensors.putIfAbsent(tensor.getKey(), tensor.getValue()) != null) {
                    throw new ModelFormatException(
                            file, "tensor " + Text.quote(tensor.getKey()) + " is in another part of the model too");
                }
            }
        }
        long expected = metadata.getFirst().integer(ALL_TENSORS).orElse(tensors.size());
        if (expected != tensors.size()) {
            throw new ModelFormatException(
                    path, "the parts hold " + tensors.size() + " tensors, where the model has " + expected);
        }
        return new GgufFile(path, files, metadata.getFirst(), tensors);
    }

    private static void close(List<MappedFile> files) {
        for (MappedFile file : files) {
            if (file.arena().scope().isAlive()) {
                file.arena().close();
            }
        }
    }

    /** The files of a model that was split, by their names, of which one is given; that one alone if it was not. */
    public static List<Path> parts(Path path) throws IOException {
        Matcher name = PART_NAME.matcher(String.valueOf(path.getFileName()));
        if (!name.matches()) {
            return List.of(path);
        }
        Pattern others = Pattern.compile(Pattern.quote(name.group(1)) + "\\d{5}" + Pattern.quote(name.group(2)));
        try (Stream<Path> files = Files.list(path.toAbsolutePath().getParent())) {
            return files.filter(file ->
                            others.matcher(file.getFileName().toString()).matches())
                    .sorted()
                    .toList();
        }
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public List<MemorySegment> mappings() {
        return files.stream().map(MappedFile::bytes).toList();
    }

    @Override
    public GgufMetadata metadata() {
        return metadata;
    }

    /** In the order of the file, or of the parts. */
    @Override
    public List<ModelTensor> tensors() {
        return List.copyOf(tensors.values());
    }

    @Override
    public Optional<ModelTensor> find(String name) {
        return Optional.ofNullable(tensors.get(name));
    }

    @Override
    public void close() {
        close(files);
    }
}
