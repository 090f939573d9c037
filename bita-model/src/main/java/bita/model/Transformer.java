package bita.model;

import bita.kernels.Kernels;
import bita.kernels.NumberFormat;
import bita.kernels.PackedMatrix;
import bita.kernels.ThreadTeam;
import bita.model.file.ModelFile;
import bita.model.file.ModelFormatException;
import bita.model.file.ModelTensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** A loaded model: immutable, shared by any number of sequences and threads until it is closed. */
public final class Transformer implements AutoCloseable {
    static final String EMBEDDING = "token_embd.weight";
    static final String OUTPUT = "output.weight";
    static final String POSITIONS = "position_embd.weight";

    /** So that sums of memory cannot overflow. */
    private static final long MOST_BYTES = 1L << 61;

    private static final String TOO_LARGE =
            "the weights claim more memory than any machine has; the file is damaged, so"
                    + " download or convert it again";

    private final ModelConfig config;
    private final Weights weights;
    private final Embedding embedding;
    private final Optional<Embedding> positions;
    private final List<RotaryTable> rotaries;
    private final long weightBytes;
    private final Runnable release;

    /** Vectors of tokens or positions (count, hidden), as files hold them. */
    private record Embedding(NumberFormat format, MemorySegment data, int count, int hidden) {
        void read(int index, float[] target) {
            format.decode(data, format.bytes((long) index * hidden), target, 0, hidden);
        }
    }

    private Transformer(
            ModelConfig config,
            Weights weights,
            Embedding embedding,
            Optional<Embedding> positions,
            long weightBytes,
            Runnable release) {
        this.config = config;
        this.weights = weights;
        this.embedding = embedding;
        this.positions = positions;
        List<RotaryTable> tables = new ArrayList<>();
        tables.add(new RotaryTable(config.headDim(), config.positions().rotary()));
        config.positions()
                .windows()
                .ifPresent(windows -> tables.add(new RotaryTable(config.headDim(), windows.rotary())));
        rotaries = List.copyOf(tables);
        this.weightBytes = weightBytes;
        this.release = release;
    }

    /** As {@link #load(ModelFile, OptionalInt, Kernels, ThreadTeam)}, for the context that the model was trained for. */
    public static Transformer load(ModelFile file, Kernels kernels, ThreadTeam team) throws IOException {
        return load(file, OptionalInt.empty(), kernels, team);
    }

    /**
     * Packs a file's weights for the kernels. The transformer takes over the file: it reads embeddings from it and
     * closes it. The file's pages are given back as they have been packed, so that a model is not in memory twice.
     *
     * @param context that sessions will have, which decides how some models scale positions; empty for what the model was
     *                trained for
     * @throws ModelFormatException if a tensor or field is missing, unknown or of the wrong shape
     */
    public static Transformer load(ModelFile file, OptionalInt context, Kernels kernels, ThreadTeam team)
            throws IOException {
        Family family = Family.of(file);
        ModelConfig config = family.config(file, context);
        Arena arena = Arena.ofShared();
        try {
            WeightLoader loader = new WeightLoader(file, arena, kernels, team);
            Weights weights = new FamilyWeights(file, config, family, loader).read();
            Embedding embedding = embedding(loader, EMBEDDING, config.vocabulary(), config);
            Optional<Embedding> positions = config.positions().learned()
                    ? Optional.of(embedding(loader, POSITIONS, config.contextLength(), config))
                    : Optional.empty();
            file.mappings().forEach(kernels::dropPages);
            return new Transformer(config, weights, embedding, positions, loader.bytes(), () -> {
                arena.close();
                file.close();
            });
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            arena.close();
            throw e;
        }
    }

    private static Embedding embedding(WeightLoader loader, String name, int count, ModelConfig config)
            throws ModelFormatException {
        ModelTensor tensor = loader.tensor(name, count, config.hidden());
        return new Embedding(tensor.format(), tensor.data(), count, config.hidden());
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
            Embedding embedding = new Embedding(
                    RandomWeights.embeddingFormat(format), random.embedding(), config.vocabulary(), config.hidden());
            return new Transformer(config, weights, embedding, Optional.empty(), weights.bytes(), arena::close);
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
    public static ModelConfig config(ModelFile file) throws ModelFormatException {
        return Family.of(file).config(file, OptionalInt.empty());
    }

    /**
     * Bytes that the weights in a file take when they are packed, from its header alone.
     *
     * @throws ModelFormatException if a tensor has a number format that is not supported, or no memory could hold them
     */
    public static long bytes(ModelFile file) throws ModelFormatException {
        boolean ownOutput = file.find(OUTPUT).isPresent();
        long bytes = 0;
        for (ModelTensor tensor : file.tensors()) {
            // Rows of embeddings are read from the file; that of tokens is packed only where it is the output head too.
            if (!tensor.name().equals(POSITIONS) && !(ownOutput && tensor.name().equals(EMBEDDING))) {
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

    private static long packedBytes(ModelFile file, ModelTensor tensor) throws ModelFormatException {
        long[] shape = tensor.shape();
        try {
            long bytes = shape.length == 2
                    ? PackedMatrix.bytes(tensor.format(), shape[0], shape[1])
                    : Math.multiplyExact(
                            Math.ceilDiv(tensor.elements(), WeightLoader.VECTOR_ALIGNMENT / Float.BYTES),
                            WeightLoader.VECTOR_ALIGNMENT);
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

    /** That of the layers that see everything, then that of those with windows, if there are any. */
    List<RotaryTable> rotaries() {
        return rotaries;
    }

    /**
     * Reads a token's embedding, as it enters the first layer.
     *
     * @param target (hidden)
     */
    public void embedding(int token, float[] target) {
        embedding.read(token, target);
        if (config.embeddingScale() != 1) {
            for (int i = 0; i < config.hidden(); i++) {
                target[i] *= config.embeddingScale();
            }
        }
    }

    /** Writes the embedding of a token, f32 (hidden), to {@code target}. */
    void embed(int token, float[] buffer, MemorySegment target, long targetIndex) {
        embedding(token, buffer);
        MemorySegment.copy(buffer, 0, target, ValueLayout.JAVA_FLOAT, targetIndex * Float.BYTES, config.hidden());
    }

    /**
     * Adds a position's learned vector, if the model has them; behind the last one, where only drafts are, the last one's.
     *
     * @param target f32 (hidden) from {@code targetIndex} on
     */
    void addPosition(int position, float[] buffer, MemorySegment target, long targetIndex) {
        if (positions.isPresent()) {
            positions.get().read(Math.min(position, positions.get().count() - 1), buffer);
            for (int i = 0; i < config.hidden(); i++) {
                long at = targetIndex + i;
                target.setAtIndex(
                        ValueLayout.JAVA_FLOAT, at, target.getAtIndex(ValueLayout.JAVA_FLOAT, at) + buffer[i]);
            }
        }
    }

    /** Frees the weights and closes the file. No forward pass may be running or follow. */
    @Override
    public void close() {
        release.run();
    }
}
