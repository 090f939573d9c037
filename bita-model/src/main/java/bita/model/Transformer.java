package bita.model;

import bita.kernels.Kernels;
import bita.kernels.NumberFormat;
import bita.kernels.PackedMatrix;
import bita.kernels.ThreadTeam;
import bita.model.file.GgufFile;
import bita.model.file.GgufTensor;
import bita.model.file.ModelFormatException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** A loaded model: immutable, shared by any number of sequences and threads until it is closed. */
public final class Transformer implements AutoCloseable {
    static final String EMBEDDING = "token_embd.weight";
    static final String OUTPUT = "output.weight";

    private static final long VECTOR_ALIGNMENT = 64;
    /** So that sums of memory cannot overflow. */
    private static final long MOST_BYTES = 1L << 61;

    private static final String TOO_LARGE =
            "the weights claim more memory than any machine has; the file is damaged, so"
                    + " download or convert it again";

    private final ModelConfig config;
    private final Weights weights;
    private final Embedding embedding;
    private final RotaryTable rotary;
    private final long weightBytes;
    private final Runnable release;

    /** The token embedding (vocabulary, hidden), as files hold it. */
    private record Embedding(NumberFormat format, MemorySegment data) {}

    private Transformer(ModelConfig config, Weights weights, Embedding embedding, long weightBytes, Runnable release) {
        this.config = config;
        this.weights = weights;
        this.embedding = embedding;
        this.rotary = new RotaryTable(config.headDim(), config.ropeBase());
        this.weightBytes = weightBytes;
        this.release = release;
    }

    /**
     * Packs a file's weights for the kernels. The transformer takes over the file: it reads embeddings from it and
     * closes it. The file's pages are given back as they have been packed, so that a model is not in memory twice.
     *
     * @throws ModelFormatException if a tensor or field is missing, unknown or of the wrong shape
     */
    public static Transformer load(GgufFile file, Kernels kernels, ThreadTeam team) throws IOException {
        ModelConfig config = LlamaFile.config(file);
        Arena arena = Arena.ofShared();
        try {
            Loader loader = new Loader(file, arena, kernels, team);
            GgufTensor embedding = loader.tensor(EMBEDDING, config.vocabulary(), config.hidden());
            Weights weights = LlamaFile.weights(file, config, loader);
            kernels.dropPages(file.bytes());
            return new Transformer(
                    config, weights, new Embedding(embedding.format(), embedding.data()), loader.bytes, () -> {
                        arena.close();
                        file.close();
                    });
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            arena.close();
            throw e;
        }
    }

    /**
     * A model of a given shape with random weights, made directly as the kernels read them: for measurements of models
     * that one does not have.
     *
     * @param progress counts bytes of weights
     * @throws OutOfMemoryError if the weights do not fit the memory
     */
    public static Transformer random(
            ModelConfig config, NumberFormat format, Kernels kernels, ThreadTeam team, ProgressListener progress) {
        Arena arena = Arena.ofShared();
        try {
            RandomWeights random = new RandomWeights(config, format, arena, kernels, team, progress);
            Weights weights = random.weights();
            Embedding embedding = new Embedding(RandomWeights.embeddingFormat(format), random.embedding());
            return new Transformer(config, weights, embedding, weights.bytes(), arena::close);
        } catch (RuntimeException | OutOfMemoryError e) {
            arena.close();
            throw e;
        }
    }

    /**
     * What a file's metadata say about its model.
     *
     * @throws ModelFormatException if a field is missing or not supported
     */
    public static ModelConfig config(GgufFile file) throws ModelFormatException {
        return LlamaFile.config(file);
    }

    /**
     * Bytes that the weights in a file take when they are packed, from its header alone.
     *
     * @throws ModelFormatException if a tensor has a number format that is not supported, or no memory could hold them
     */
    public static long bytes(GgufFile file) throws ModelFormatException {
        boolean ownOutput = file.find(OUTPUT).isPresent();
        long bytes = 0;
        for (GgufTensor tensor : file.tensors()) {
            // Rows of the embedding are read from the file; it is packed only where it is the output head too.
            if (!ownOutput || !tensor.name().equals(EMBEDDING)) {
                bytes += packedBytes(file, tensor);
            }
            if (bytes > MOST_BYTES) {
                throw new ModelFormatException(file.path(), TOO_LARGE);
            }
        }
        return bytes;
    }

    /** Bytes of memory that {@link #random} takes for weights and token embedding. */
    public static long bytes(ModelConfig config, NumberFormat format) {
        NumberFormat embedding = RandomWeights.embeddingFormat(format);
        return RandomWeights.bytes(config, format) + embedding.bytes((long) config.vocabulary() * config.hidden());
    }

    private static long packedBytes(GgufFile file, GgufTensor tensor) throws ModelFormatException {
        long[] shape = tensor.shape();
        try {
            long bytes = shape.length == 2
                    ? PackedMatrix.bytes(tensor.format(), shape[0], shape[1])
                    : Math.multiplyExact(
                            Math.ceilDiv(tensor.elements(), VECTOR_ALIGNMENT / Float.BYTES), VECTOR_ALIGNMENT);
            return Math.min(bytes, MOST_BYTES + 1);
        } catch (ArithmeticException e) {
            throw new ModelFormatException(file.path(), TOO_LARGE, e);
        }
    }

    public ModelConfig config() {
        return config;
    }

    /** Bytes of the packed weights in memory. */
    public long weightBytes() {
        return weightBytes;
    }

    Weights weights() {
        return weights;
    }

    RotaryTable rotary() {
        return rotary;
    }

    /**
     * Reads a token's embedding.
     *
     * @param target (hidden)
     */
    public void embedding(int token, float[] target) {
        int hidden = config.hidden();
        embedding.format().decode(embedding.data(), embedding.format().bytes((long) token * hidden), target, 0, hidden);
    }

    /** Writes the embedding of a token, f32 (hidden), to {@code target}. */
    void embed(int token, float[] buffer, MemorySegment target, long targetIndex) {
        embedding(token, buffer);
        MemorySegment.copy(buffer, 0, target, ValueLayout.JAVA_FLOAT, targetIndex * Float.BYTES, config.hidden());
    }

    /** Frees the weights and closes the file. No forward pass may be running or follow. */
    @Override
    public void close() {
        release.run();
    }

    /** Reads tensors of expected shapes into packed memory. */
    static final class Loader {
        private final GgufFile file;
        private final Kernels kernels;
        private final ThreadTeam team;
        private final SegmentAllocator memory;
        private long bytes;

        Loader(GgufFile file, Arena arena, Kernels kernels, ThreadTeam team) throws ModelFormatException {
            this.file = file;
            this.kernels = kernels;
            this.team = team;
            this.memory = kernels.weightMemory(arena, bytes(file));
        }

        boolean has(String name) {
            return file.find(name).isPresent();
        }

        GgufTensor tensor(String name, long... shape) throws ModelFormatException {
            GgufTensor tensor = file.require(name);
            if (!java.util.Arrays.equals(tensor.shape(), shape)) {
                throw new ModelFormatException(
                        file.path(),
                        "tensor " + name + " has the shape "
                                + java.util.Arrays.toString(tensor.shape()) + " where the model's metadata asks for "
                                + java.util.Arrays.toString(shape));
            }
            return tensor;
        }

        PackedMatrix matrix(String name, int rows, int columns) throws ModelFormatException {
            GgufTensor tensor = tensor(name, rows, columns);
            NumberFormat format = tensor.format();
            PackedMatrix matrix = PackedMatrix.allocate(memory, format, rows, columns);
            MemorySegment data = tensor.data();
            kernels.readAhead(data);
            team.run(member ->
                    kernels.pack(format, data, matrix, member.from(matrix.panels()), member.to(matrix.panels())));
            kernels.dropPages(data);
            bytes += matrix.bytes();
            return matrix;
        }

        /** A vector of f32. */
        MemorySegment vector(String name, int length) throws ModelFormatException {
            GgufTensor tensor = tensor(name, length);
            float[] values = new float[length];
            tensor.format().decode(tensor.data(), 0, values, 0, length);
            MemorySegment segment = memory.allocate((long) length * Float.BYTES, VECTOR_ALIGNMENT);
            MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_FLOAT, 0, length);
            bytes += segment.byteSize();
            return segment;
        }

        List<Weights.Layer> layers(int count, LayerReader reader) throws ModelFormatException {
            List<Weights.Layer> layers = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                layers.add(reader.read("blk." + i + "."));
            }
            return layers;
        }
    }

    /** Reads one block's tensors, whose names begin with {@code prefix}. */
    @FunctionalInterface
    interface LayerReader {
        Weights.Layer read(String prefix) throws ModelFormatException;
    }
}
