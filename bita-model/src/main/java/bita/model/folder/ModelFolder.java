package bita.model.folder;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import bita.kernels.NumberFormat;
import bita.model.file.GgufMetadata;
import bita.model.file.JsonFile;
import bita.model.file.ModelFile;
import bita.model.file.ModelFormatException;
import bita.model.file.ModelTensor;
import bita.model.file.SafetensorsFile;
import bita.model.file.SafetensorsTensor;
import bita.model.file.Text;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * A model in Hugging Face's layout: a folder with config.json and its weights in model.safetensors, or in several such files
 * that model.safetensors.index.json lists. Seen as a GGUF file of it would be.
 */
public final class ModelFolder implements ModelFile {
    private static final String CONFIG = "config.json";
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final Pattern BLOCK = Pattern.compile("\\.(\\d{1,6})\\.");

    private final Path path;
    private final GgufMetadata metadata;
    private final List<SafetensorsFile> files;
    private final Arena arena; // of what is not in the files as it is
    private final Map<String, ModelTensor> tensors;

    private ModelFolder(
            Path path,
            GgufMetadata metadata,
            List<SafetensorsFile> files,
            Arena arena,
            Map<String, ModelTensor> tensors) {
        this.path = path;
        this.metadata = metadata;
        this.files = files;
        this.arena = arena;
        this.tensors = Collections.unmodifiableMap(tensors);
    }

    /** Whether a path is a folder that may hold a model. */
    public static boolean is(Path path) {
        return Files.isDirectory(path);
    }

    /**
     * Opens a folder.
     *
     * @throws ModelFormatException if it does not hold a sound model of a family that is supported
     * @throws IOException if it cannot be read
     */
    public static ModelFolder open(Path path) throws IOException {
        Path file = path.resolve(CONFIG);
        JsonNode json = JsonFile.settings(file)
                .orElseThrow(() -> new ModelFormatException(
                        path, "there is no " + CONFIG + " in this folder; name a GGUF file, or the folder of a model"));
        ConfigJson config = new ConfigJson(file, json);
        FolderFamily family = FolderFamily.of(config);
        GgufMetadata metadata;
        try {
            metadata = family.metadata(config);
        } catch (ArithmeticException | IllegalArgumentException e) {
            throw new ModelFormatException(file, "the model's configuration makes no sense: " + e.getMessage(), e);
        }
        List<SafetensorsFile> files = new ArrayList<>();
        Arena arena = Arena.ofShared();
        try {
            for (Path part : parts(path)) {
                files.add(SafetensorsFile.open(part));
            }
            Map<String, ModelTensor> tensors = new Reader(path, family, config, arena).read(files);
            return new ModelFolder(path, metadata, List.copyOf(files), arena, tensors);
        } catch (IOException | RuntimeException | Error e) {
            files.forEach(SafetensorsFile::close);
            arena.close();
            throw e;
        }
    }

    /** The files that hold a folder's configuration and weights. */
    public static List<Path> files(Path folder) throws IOException {
        List<Path> files = new ArrayList<>(parts(folder));
        files.addFirst(folder.resolve(CONFIG));
        return files;
    }

    private static List<Path> parts(Path folder) throws IOException {
        Path index = folder.resolve(INDEX);
        Optional<JsonNode> json = JsonFile.settings(index);
        if (json.isEmpty()) {
            if (!Files.exists(folder.resolve(SINGLE))) {
                throw new ModelFormatException(
                        folder,
                        "there is neither a " + SINGLE + " nor a " + INDEX
                                + " in this folder; download the whole model, with weights in safetensors files");
            }
            return List.of(folder.resolve(SINGLE));
        }
        TreeSet<String> names = new TreeSet<>();
        for (JsonNode name : json.get().path("weight_map")) {
            // A name, not a path: the index may come from anywhere.
            if (!name.isString() || !name.stringValue().matches("[\\w.-]+\\.safetensors")) {
                throw new ModelFormatException(index, "the index names something else than safetensors files");
            }
            if (!Files.exists(folder.resolve(name.stringValue()))) {
                throw new ModelFormatException(
                        index, name.stringValue() + ", which the index names, is missing; download the whole model");
            }
            names.add(name.stringValue());
        }
        if (names.isEmpty()) {
            throw new ModelFormatException(index, "the index names no files; download it again");
        }
        return names.stream().map(folder::resolve).toList();
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public GgufMetadata metadata() {
        return metadata;
    }

    @Override
    public List<ModelTensor> tensors() {
        return List.copyOf(tensors.values());
    }

    @Override
    public Optional<ModelTensor> find(String name) {
        return Optional.ofNullable(tensors.get(name));
    }

    @Override
    public List<MemorySegment> mappings() {
        return files.stream().map(SafetensorsFile::bytes).toList();
    }

    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }

    /** Gives the tensors GGUF's names, shapes and order. */
    private static final class Reader {
        private final Path folder;
        private final FolderFamily family;
        private final ConfigJson config;
        private final Arena arena;
        private final Map<String, String> names;
        private final Map<String, ModelTensor> tensors = new LinkedHashMap<>();

        Reader(Path folder, FolderFamily family, ConfigJson config, Arena arena) {
            this.folder = folder;
            this.family = family;
            this.config = config;
            this.arena = arena;
            names = family.names();
        }

        Map<String, ModelTensor> read(List<SafetensorsFile> files) throws ModelFormatException {
            boolean tied = config.bool("tie_word_embeddings", family.tiesEmbeddings());
            for (SafetensorsFile file : files) {
                for (SafetensorsTensor tensor : file.tensors()) {
                    if (!family.isNoWeight(tensor.name())) {
                        String name = name(tensor.name());
                        if (!(tied && name.equals("output.weight"))) {
                            add(file, tensor, name);
                        }
                    }
                }
            }
            for (Map.Entry<String, float[]> factors : family.factors(config).entrySet()) {
                MemorySegment data = arena.allocateFrom(JAVA_FLOAT_UNALIGNED, factors.getValue());
                long[] shape = {factors.getValue().length};
                tensors.put(
                        factors.getKey(),
                        ModelTensor.of(folder, factors.getKey(), shape, NumberFormat.F32, data.asReadOnly()));
            }
            return tensors;
        }

        private String name(String name) throws ModelFormatException {
            int end = Math.max(0, name.lastIndexOf('.'));
            Matcher block = BLOCK.matcher(name.substring(0, end));
            String number = block.find() ? block.group(1) : "";
            String gguf = names.get(block.replaceFirst(".#."));
            if (gguf == null || !(name.endsWith(".weight") || name.endsWith(".bias"))) {
                throw new ModelFormatException(
                        folder,
                        "tensor " + Text.quote(name) + " is unknown in models of the family " + family
                                + "; the model is of a variant that is not supported");
            }
            return gguf.replace("#", number) + name.substring(end);
        }

        private void add(SafetensorsFile file, SafetensorsTensor tensor, String name) throws ModelFormatException {
            NumberFormat format = file.format(tensor);
            long[] shape = tensor.shape();
            MemorySegment data = tensor.data();
            config.check(shape.length == 1 || shape.length == 2, tensor.name() + " is neither a matrix nor a vector");
            if (shape.length == 2 && family.isTransposed(name)) {
                data = transposed(data, format, shape);
                shape = new long[] {shape[1], shape[0]};
            }
            if (shape.length == 1 && family.addsOne(name)) {
                data = oneMore(data, format, shape[0]);
                format = NumberFormat.F32;
            }
            ModelTensor read = ModelTensor.of(file.path(), name, shape, format, data);
            config.check(shape[0] <= Integer.MAX_VALUE, tensor.name() + " has too many rows");
            int[] order = family.rows(name, (int) shape[0], config);
            if (tensors.put(name, order.length > 0 ? read.withRows(order) : read) != null) {
                throw new ModelFormatException(folder, "two tensors stand for " + name + "; download the model again");
            }
        }

        private MemorySegment transposed(MemorySegment data, NumberFormat format, long[] shape) {
            long size = format.blockBytes();
            MemorySegment turned = arena.allocate(data.byteSize(), 64);
            for (long row = 0; row < shape[0]; row++) {
                for (long column = 0; column < shape[1]; column++) {
                    MemorySegment.copy(
                            data, (row * shape[1] + column) * size, turned, (column * shape[0] + row) * size, size);
                }
            }
            return turned.asReadOnly();
        }

        private MemorySegment oneMore(MemorySegment data, NumberFormat format, long count) {
            float[] values = new float[Math.toIntExact(count)];
            format.decode(data, 0, values, 0, values.length);
            for (int i = 0; i < values.length; i++) {
                values[i] += 1;
            }
            return arena.allocateFrom(JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), values)
                    .asReadOnly();
        }
    }
}
