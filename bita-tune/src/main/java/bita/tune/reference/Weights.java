package bita.tune.reference;

import bita.model.file.JsonFile;
import bita.model.file.ModelFormatException;
import bita.model.file.Text;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * The tensors that tuning has learned, found among the weight files of a checkpoint's folder. Of files with an index
 * only those are opened that hold such a tensor.
 */
final class Weights implements AutoCloseable {
    /** The wanted tensors' names, behind whatever the modules around them are called. */
    private static final Pattern LEARNED = Pattern.compile("(?:.*\\.)?(prefix_encoder\\."
            + "(?:embedding\\.weight|trans\\.[02]\\.(?:weight|bias))|(?:mask_tokens|mask_embeddings)\\.weight)");

    private static final List<String> USUAL = List.of(
            "model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json", "pytorch_model.bin");
    private static final Pattern OTHER = Pattern.compile(".*\\.(?:safetensors|bin|pt|pth)");

    /** What Hugging Face's trainer puts beside the weights. */
    private static final Pattern TRAINER =
            Pattern.compile("training_args\\.bin|optimizer\\.(?:bin|pt)|scheduler\\.(?:bin|pt)|rng_state.*\\.pth");

    private final Path folder;
    private final List<WeightFile> files = new ArrayList<>();
    private final Map<String, StoredTensor> learned = new LinkedHashMap<>();

    private Weights(Path folder) {
        this.folder = folder;
    }

    /**
     * Opens the first of these that has a learned tensor: the index or the single file of safetensors, those of PyTorch,
     * all other weight files together.
     *
     * @throws ModelFormatException if none has, if a file is not sound, or if a tensor is there twice
     */
    static Weights open(Path folder) throws IOException {
        Weights weights = new Weights(folder);
        try {
            List<List<Path>> candidates = candidates(folder);
            for (List<Path> candidate : candidates) {
                weights.add(candidate);
                if (!weights.learned.isEmpty()) {
                    return weights;
                }
                weights.close();
            }
            throw new ModelFormatException(
                    folder,
                    "none of its weight files has prefix_encoder or mask_tokens, which the reference implementation"
                            + " learns: name the folder of a tuned checkpoint");
        } catch (IOException | RuntimeException | Error e) {
            weights.close();
            throw e;
        }
    }

    private static List<List<Path>> candidates(Path folder) throws IOException {
        List<List<Path>> candidates = new ArrayList<>();
        for (String name : USUAL) {
            Path file = folder.resolve(name);
            if (Files.exists(file)) {
                candidates.add(name.endsWith(".json") ? shards(file) : List.of(file));
            }
        }
        List<Path> others;
        try (Stream<Path> files = Files.list(folder)) {
            others = files.filter(file -> {
                        String name = String.valueOf(file.getFileName());
                        return OTHER.matcher(name).matches()
                                && !TRAINER.matcher(name).matches()
                                && !USUAL.contains(name);
                    })
                    .sorted()
                    .toList();
        }
        if (candidates.isEmpty() && others.isEmpty()) {
            throw new NoSuchFileException(
                    folder.toString(), null, "this folder has no weights; name the folder of a checkpoint");
        }
        candidates.add(others);
        return candidates;
    }

    /** Those files of an index that hold a learned tensor. */
    private static List<Path> shards(Path index) throws IOException {
        JsonNode map = JsonFile.require(index).path("weight_map");
        if (!map.isObject()) {
            throw new ModelFormatException(index, "it lacks the weight_map of an index; copy it again");
        }
        TreeSet<String> names = new TreeSet<>();
        for (Map.Entry<String, JsonNode> entry : map.properties()) {
            if (LEARNED.matcher(entry.getKey()).matches()) {
                JsonNode file = entry.getValue();
                if (!file.isString() || !OTHER.matcher(file.stringValue()).matches() || isPath(file.stringValue())) {
                    throw new ModelFormatException(
                            index,
                            "the file of " + Text.quote(entry.getKey()) + " is not a weight file of this folder");
                }
                names.add(file.stringValue());
            }
        }
        return names.stream().map(index::resolveSibling).toList();
    }

    private static boolean isPath(String name) {
        return name.contains("/") || name.contains("\\") || name.indexOf('\0') >= 0;
    }

    private void add(List<Path> paths) throws IOException {
        for (Path path : paths) {
            WeightFile file = WeightFile.open(path);
            files.add(file);
            for (StoredTensor tensor : file.tensors()) {
                var matcher = LEARNED.matcher(tensor.name());
                if (matcher.matches() && learned.putIfAbsent(matcher.group(1), tensor) != null) {
                    throw new ModelFormatException(
                            path,
                            "the tensor " + Text.quote(matcher.group(1))
                                    + " is there twice, under different names or in"
                                    + " different files: leave only one in the folder");
                }
            }
        }
    }

    /** The files that were opened. */
    List<Path> files() {
        return files.stream().map(WeightFile::path).toList();
    }

    /** Whether there is a tensor whose name ends so. */
    boolean has(String name) {
        return learned.containsKey(name);
    }

    /**
     * A tensor by the end of its name, from its module on.
     *
     * @throws ModelFormatException if there is none, or its shape is another one
     */
    StoredTensor require(String name, long... shape) throws ModelFormatException {
        StoredTensor tensor = Optional.ofNullable(learned.get(name))
                .orElseThrow(() -> new ModelFormatException(
                        folder, "its weight files lack the tensor " + name + ", which config.json says they have"));
        if (!Arrays.equals(tensor.shape(), shape)) {
            throw new ModelFormatException(
                    folder,
                    "the tensor " + name + " has the shape " + Arrays.toString(tensor.shape())
                            + " where the numbers of config.json make " + Arrays.toString(shape)
                            + ": weights and config.json have to be of the same checkpoint");
        }
        return tensor;
    }

    @Override
    public void close() throws IOException {
        learned.clear();
        try {
            for (WeightFile file : files) {
                file.close();
            }
        } finally {
            files.clear();
        }
    }
}
