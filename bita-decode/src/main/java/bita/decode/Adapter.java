package bita.decode;

import bita.kernels.NumberFormat;
import bita.model.Linear;
import bita.model.LowRank;
import bita.model.MaskTokens;
import bita.model.ModelConfig;
import bita.model.RotaryOrder;
import bita.model.file.ModelFormatException;
import bita.model.file.SafetensorsFile;
import bita.model.file.SafetensorsTensor;
import bita.model.file.SafetensorsWriter;
import bita.model.file.Text;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A tuned adapter as it is stored: one safetensors file with the tensors {@code prompt.key} and {@code prompt.value}
 * (layers, prompts, heads, headDim; head dimensions in Hugging Face's order, keys without rotary embedding) and
 * {@code mask.embedding} (masks, hidden), and metadata that says which model it was tuned for. The part
 * {@code low-rank} adds matrices for the linear layers where mask rows pass (see {@link LowRank}): {@code low_rank.a.} with
 * the name of an input (layers, rank, columns) and {@code low_rank.b.} with that of a linear layer (layers, rows, rank),
 * the rows of queries and keys in Hugging Face's order. The part {@code bigrams} is a tensor of that name, I32 (rows, 3):
 * see {@link Bigrams}. Immutable.
 */
public final class Adapter {
    /** The value of the metadata key {@code format}. */
    public static final String FORMAT = "bita-adapter-1";

    private static final String KEY = "prompt.key";
    private static final String VALUE = "prompt.value";
    private static final String MASK = "mask.embedding";
    private static final Set<String> TENSORS = Set.of(KEY, VALUE, MASK);
    private static final String LOW_RANK = "low-rank";
    private static final String LOW_RANK_A = "low_rank.a.";
    private static final String LOW_RANK_B = "low_rank.b.";
    private static final String BIGRAMS = "bigrams"; // the part and its tensor
    private static final Set<String> PARTS = Set.of(LOW_RANK, BIGRAMS);
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    private static final Set<String> LOW_RANK_TENSORS = Stream.concat(
                    Arrays.stream(Linear.Input.values()).map(Adapter::name),
                    Arrays.stream(Linear.values()).map(Adapter::name))
            .collect(Collectors.toUnmodifiableSet());

    private final String origin;
    private final AdapterShape shape;
    private final Optional<String> modelSha256;
    private final Calibration calibration;
    private final float[] promptKeys;
    private final float[] promptValues;
    private final float[] maskEmbeddings;
    private final Optional<LowRank> lowRank;
    private final Bigrams bigrams;

    private Adapter(
            String origin,
            AdapterShape shape,
            Optional<String> modelSha256,
            Calibration calibration,
            float[] promptKeys,
            float[] promptValues,
            float[] maskEmbeddings,
            Optional<LowRank> lowRank,
            Bigrams bigrams) {
        this.origin = origin;
        this.shape = shape;
        this.modelSha256 = modelSha256;
        this.calibration = calibration;
        this.promptKeys = promptKeys;
        this.promptValues = promptValues;
        this.maskEmbeddings = maskEmbeddings;
        this.lowRank = lowRank;
        this.bigrams = bigrams;
    }

    /**
     * An adapter made of learned numbers, which are copied.
     *
     * @param origin         where it comes from, for messages
     * @param modelSha256    SHA-256, 64 digits of lower-case hex, of the model file it was tuned on; empty if unknown
     * @param calibration    how often its masks are right
     * @param promptKeys     (layers, prompts, heads, headDim), head dimensions in Hugging Face's order, without rotary
     *                       embedding
     * @param promptValues   (layers, prompts, heads, headDim)
     * @param maskEmbeddings (masks, hidden)
     * @param lowRank        what is added to linear layers, rows of queries and keys in Hugging Face's order
     * @throws IllegalArgumentException if an array does not have the length that the shape needs, or if the hash is none
     */
    public static Adapter of(
            String origin,
            AdapterShape shape,
            Optional<String> modelSha256,
            Calibration calibration,
            float[] promptKeys,
            float[] promptValues,
            float[] maskEmbeddings,
            Optional<LowRank> lowRank) {
        if (promptKeys.length != shape.promptNumbers()
                || promptValues.length != shape.promptNumbers()
                || maskEmbeddings.length != shape.maskNumbers()) {
            throw new IllegalArgumentException("an adapter of this shape has " + shape.promptNumbers()
                    + " numbers in prompt keys and values each and " + shape.maskNumbers()
                    + " in mask embeddings, not " + promptKeys.length + ", " + promptValues.length + " and "
                    + maskEmbeddings.length);
        }
        modelSha256.filter(hash -> !SHA256.matcher(hash).matches()).ifPresent(hash -> {
            throw new IllegalArgumentException("a SHA-256 has 64 digits of lower-case hex, not " + hash);
        });
        return new Adapter(
                origin,
                shape,
                modelSha256,
                calibration,
                promptKeys.clone(),
                promptValues.clone(),
                maskEmbeddings.clone(),
                lowRank,
                Bigrams.none());
    }

    /** The same adapter with other bigrams. */
    public Adapter withBigrams(Bigrams counted) {
        return new Adapter(
                origin, shape, modelSha256, calibration, promptKeys, promptValues, maskEmbeddings, lowRank, counted);
    }

    private static Adapter of(String origin, SafetensorsFile file) throws ModelFormatException {
        if (!metadata(file, "format").equals(FORMAT)) {
            throw new ModelFormatException(
                    file.path(), "this is not an adapter of the format " + FORMAT + " but " + metadata(file, "format"));
        }
        Set<String> parts = parts(file);
        for (SafetensorsTensor tensor : file.tensors()) {
            boolean known = TENSORS.contains(tensor.name())
                    || (parts.contains(LOW_RANK) && LOW_RANK_TENSORS.contains(tensor.name()))
                    || (parts.contains(BIGRAMS) && tensor.name().equals(BIGRAMS));
            if (!known) {
                throw unknownPart(file, tensor.name());
            }
        }
        AdapterShape shape = shape(file);
        return new Adapter(
                origin,
                shape,
                modelSha256(file),
                calibration(file, shape.masks()),
                file.floats(KEY),
                file.floats(VALUE),
                file.floats(MASK),
                parts.contains(LOW_RANK) ? Optional.of(lowRank(file, shape)) : Optional.empty(),
                parts.contains(BIGRAMS) ? bigrams(file) : Bigrams.none());
    }

    private static Set<String> parts(SafetensorsFile file) throws ModelFormatException {
        String listed = file.metadata().getOrDefault("parts", "");
        List<String> parts = listed.isEmpty() ? List.of() : List.of(listed.split(",", -1));
        for (String part : parts) {
            if (!PARTS.contains(part)) {
                throw unknownPart(file, Text.quote(part));
            }
        }
        return Set.copyOf(parts);
    }

    private static Bigrams bigrams(SafetensorsFile file) throws ModelFormatException {
        long[] dimensions = file.require(BIGRAMS).shape();
        check(file, BIGRAMS, dimensions.length == 2 && dimensions[1] == Bigrams.ROW);
        try {
            return Bigrams.of(file.integers(BIGRAMS));
        } catch (IllegalArgumentException e) {
            throw new ModelFormatException(file.path(), "the adapter's bigrams cannot be used: " + e.getMessage(), e);
        }
    }

    private static LowRank lowRank(SafetensorsFile file, AdapterShape shape) throws ModelFormatException {
        Map<Linear.Input, float[]> a = new EnumMap<>(Linear.Input.class);
        Map<Linear, float[]> b = new EnumMap<>(Linear.class);
        long rank = dimensions(file, name(Linear.Input.ATTENTION))[1];
        for (Linear.Input input : Linear.Input.values()) {
            String name = name(input);
            long[] dimensions = dimensions(file, name);
            check(file, name, dimensions[0] == shape.layers() && dimensions[1] == rank);
            a.put(input, file.floats(name));
        }
        for (Linear linear : Linear.values()) {
            String name = name(linear);
            if (linear == Linear.GATE && file.find(name).isEmpty()) {
                continue; // the model's feed-forward network has no gate
            }
            long[] dimensions = dimensions(file, name);
            check(file, name, dimensions[0] == shape.layers() && dimensions[2] == rank);
            b.put(linear, file.floats(name));
        }
        check(file, name(Linear.QUERY), dimensions(file, name(Linear.QUERY))[1] % shape.headDim() == 0);
        check(file, name(Linear.KEY), dimensions(file, name(Linear.KEY))[1] % shape.headDim() == 0);
        try {
            return new LowRank(Math.toIntExact(rank), a, b);
        } catch (ArithmeticException | IllegalArgumentException e) {
            throw new ModelFormatException(file.path(), "the adapter's matrices cannot be used: " + e.getMessage(), e);
        }
    }

    private static long[] dimensions(SafetensorsFile file, String name) throws ModelFormatException {
        long[] dimensions = file.require(name).shape();
        check(file, name, dimensions.length == 3);
        return dimensions;
    }

    private static void check(SafetensorsFile file, String name, boolean fits) throws ModelFormatException {
        if (!fits) {
            throw new ModelFormatException(
                    file.path(), "the adapter's tensor " + name + " has another shape than the" + " others need");
        }
    }

    private static String name(Linear.Input input) {
        return LOW_RANK_A + input.name().toLowerCase(Locale.ROOT);
    }

    private static String name(Linear linear) {
        return LOW_RANK_B + linear.name().toLowerCase(Locale.ROOT);
    }

    private static AdapterShape shape(SafetensorsFile file) throws ModelFormatException {
        String architecture = metadata(file, "architecture");
        long[] prompt = file.require(KEY).shape(); // layers, prompts, heads, headDim
        long[] mask = file.require(MASK).shape(); // masks, hidden
        String problem = "the adapter's tensors do not have the shapes of an adapter";
        if (prompt.length != 4
                || mask.length != 2
                || !Arrays.equals(prompt, file.require(VALUE).shape())) {
            throw new ModelFormatException(file.path(), problem);
        }
        try {
            return new AdapterShape(
                    architecture,
                    Math.toIntExact(prompt[0]),
                    Math.toIntExact(prompt[2]),
                    Math.toIntExact(prompt[3]),
                    Math.toIntExact(mask[1]),
                    Math.toIntExact(prompt[1]),
                    Math.toIntExact(mask[0]));
        } catch (ArithmeticException | IllegalArgumentException e) {
            throw new ModelFormatException(file.path(), problem + ": " + e.getMessage(), e);
        }
    }

    private static Optional<String> modelSha256(SafetensorsFile file) throws ModelFormatException {
        String hash = metadata(file, "model_sha256");
        if (hash.isEmpty()) {
            return Optional.empty();
        }
        if (!SHA256.matcher(hash).matches()) {
            throw new ModelFormatException(
                    file.path(),
                    "the adapter's model_sha256 is " + Text.quote(hash)
                            + ", neither a SHA-256 in lower-case hex nor empty: make or import it again");
        }
        return Optional.of(hash);
    }

    private static Calibration calibration(SafetensorsFile file, int masks) throws ModelFormatException {
        try {
            return Calibration.parse(
                    file.metadata()
                            .getOrDefault("calibration", Calibration.none().json()),
                    masks);
        } catch (IllegalArgumentException e) {
            throw new ModelFormatException(
                    file.path(), "the adapter's calibration cannot be used: " + e.getMessage(), e);
        }
    }

    private static ModelFormatException unknownPart(SafetensorsFile file, String part) {
        return new ModelFormatException(
                file.path(), "the adapter has the part " + part + ", which this version does not know");
    }

    private static String metadata(SafetensorsFile file, String key) throws ModelFormatException {
        return Optional.ofNullable(file.metadata().get(key))
                .orElseThrow(() -> new ModelFormatException(
                        file.path(), "this is not an adapter: its metadata lacks the key " + key));
    }

    /**
     * Reads an adapter file.
     *
     * @throws ModelFormatException if it is not an adapter, damaged, or has a part that this version does not know
     */
    public static Adapter read(Path path) throws IOException {
        return read(path, path.toString());
    }

    /** As {@link #read(Path)}, under a name for messages. */
    static Adapter read(Path path, String origin) throws IOException {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            return of(origin, file);
        }
    }

    /**
     * Writes an adapter file, which appears when it is complete. The same adapter in the same format makes the same
     * bytes.
     *
     * @param format F16, or F32 where no number may be rounded
     * @param overwrite whether an existing file is replaced rather than refused
     * @throws IllegalArgumentException if the format is another one, or a finite number is beyond its range
     * @throws java.nio.file.FileAlreadyExistsException if the file exists and must not be overwritten
     * @throws IOException if it cannot be written
     */
    public void write(Path target, NumberFormat format, boolean overwrite) throws IOException {
        if (format != NumberFormat.F16 && format != NumberFormat.F32) {
            throw new IllegalArgumentException("an adapter is stored in F16 or F32, not " + format);
        }
        file(format).write(target, overwrite);
    }

    private SafetensorsWriter file(NumberFormat format) {
        try {
            SafetensorsWriter writer = new SafetensorsWriter()
                    .metadata("format", FORMAT)
                    .metadata("architecture", shape.architecture())
                    .metadata("layers", String.valueOf(shape.layers()))
                    .metadata("heads", String.valueOf(shape.heads()))
                    .metadata("head_dim", String.valueOf(shape.headDim()))
                    .metadata("hidden", String.valueOf(shape.hidden()))
                    .metadata("prompts", String.valueOf(shape.prompts()))
                    .metadata("masks", String.valueOf(shape.masks()))
                    .metadata("model_sha256", modelSha256.orElse(""))
                    .metadata("calibration", calibration.json())
                    .metadata("parts", parts())
                    .tensor(MASK, format, shape.maskDimensions(), maskEmbeddings)
                    .tensor(KEY, format, shape.promptDimensions(), promptKeys)
                    .tensor(VALUE, format, shape.promptDimensions(), promptValues);
            lowRank.ifPresent(added -> {
                for (Linear.Input input : Linear.Input.values()) {
                    float[] numbers = added.a(input);
                    long columns = numbers.length / ((long) shape.layers() * added.rank());
                    writer.tensor(name(input), format, new long[] {shape.layers(), added.rank(), columns}, numbers);
                }
                for (Linear linear : added.linear()) {
                    float[] numbers = added.b(linear);
                    long rows = numbers.length / ((long) shape.layers() * added.rank());
                    writer.tensor(name(linear), format, new long[] {shape.layers(), rows, added.rank()}, numbers);
                }
            });
            if (bigrams.tokens() > 0) {
                int[] rows = bigrams.rows();
                writer.tensor(BIGRAMS, new long[] {rows.length / Bigrams.ROW, Bigrams.ROW}, rows);
            }
            return writer;
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(e.getMessage() + ": store the adapter in F32", e);
        }
    }

    private String parts() {
        List<String> parts = new ArrayList<>();
        lowRank.ifPresent(_ -> parts.add(LOW_RANK));
        if (bigrams.tokens() > 0) {
            parts.add(BIGRAMS);
        }
        return String.join(",", parts);
    }

    /** Where it came from, for messages. */
    public String origin() {
        return origin;
    }

    /** Which model it is for, and the number of its tokens. */
    public AdapterShape shape() {
        return shape;
    }

    /** SHA-256, in lower-case hex, of the model file it was tuned on; empty if that is not known. */
    public Optional<String> modelSha256() {
        return modelSha256;
    }

    /** How often its masks are right, as far as that is known. */
    public Calibration calibration() {
        return calibration;
    }

    /** What follows what in the model's own answers; {@link Bigrams#none} if that was not counted. */
    public Bigrams bigrams() {
        return bigrams;
    }

    /** Number of prompt tokens. */
    public int prompts() {
        return shape.prompts();
    }

    /** Number of mask tokens. */
    public int masks() {
        return shape.masks();
    }

    /** Learned numbers. */
    public long parameters() {
        return (long) promptKeys.length
                + promptValues.length
                + maskEmbeddings.length
                + lowRank.map(LowRank::count).orElse(0L);
    }

    /** Why the adapter does not fit a model; empty if it does. */
    public Optional<String> misfit(ModelConfig model) {
        if (!shape.fits(model)) {
            return Optional.of("the adapter " + origin + " is for " + shape.model() + ", but the model is "
                    + AdapterShape.describe(
                            model.architecture(), model.layers(), model.heads(), model.headDim(), model.hidden())
                    + ": tune one for this model, or use --adapter none");
        }
        if (bigrams.largestToken() >= model.vocabulary()) {
            return Optional.of("the adapter " + origin + " is for another model, since it knows token "
                    + bigrams.largestToken() + " and the model has " + model.vocabulary()
                    + " tokens: tune one for this model, or use --adapter none");
        }
        try {
            lowRank.ifPresent(added -> added.check(model));
            return Optional.empty();
        } catch (IllegalArgumentException e) {
            return Optional.of("the adapter " + origin + " is for another model, since " + e.getMessage()
                    + ": tune one for this model, or use --adapter none");
        }
    }

    /**
     * The learned tensors for a model in memory, whose query and key rows hold the two numbers of a rotary pair side by side,
     * while Hugging Face, and the adapter, keep them apart.
     *
     * @throws IllegalArgumentException if the adapter does not fit the model
     */
    public MaskTokens maskTokens(ModelConfig model) {
        misfit(model).ifPresent(reason -> {
            throw new IllegalArgumentException(reason);
        });
        RotaryOrder order = RotaryOrder.of(model);
        return MaskTokens.of(
                model,
                prompts(),
                masks(),
                order.pairs(promptKeys, 1),
                promptValues,
                maskEmbeddings,
                lowRank.map(added -> added.withHeads(rows -> order.pairs(rows, added.rank()))));
    }
}
