package bita.model.file;

import bita.kernels.NumberFormat;
import bita.model.ProgressListener;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Rewrites a model in another number format.
 *
 * <ul>
 *   <li>Matrices, that is tensors of two dimensions, are converted if their rows are a multiple of the format's block.
 *       Token embedding and output matrix are no exception.
 *   <li>Vectors, that is tensors of one dimension, become F32: they are small, and norms need the precision.
 *   <li>Everything else, such as tensors of three dimensions, of integers or of f64, is copied as it is, and so is a
 *       tensor that already has the wanted format.
 *   <li>A matrix or vector in a quantized format that cannot be decoded here is an error.
 *   <li>The metadata is copied, with {@code general.file_type} set, and with {@code general.quantization_version} set
 *       for a quantized format.
 * </ul>
 *
 * <p>Converting a quantized model to a wider format, or to another quantized one, restores nothing that its first
 * quantization lost.
 */
public final class Quantizer {
    private static final int QUANTIZATION_VERSION = 2;
    /** Elements that a thread converts at a time, a multiple of every block size. */
    private static final int CHUNK = 1 << 17;
    /** Chunks that are converted, by all processors, before they are written. */
    private static final int CHUNKS = 16;

    private Quantizer() {}

    private record Step(ModelTensor tensor, Optional<NumberFormat> conversion) {
        long bytes() {
            return conversion
                    .map(format -> format.bytes(tensor.elements()))
                    .orElse(tensor.data().byteSize());
        }
    }

    /**
     * Writes a model in another number format.
     *
     * @param source the model
     * @param description the metadata to write
     * @param format the format of the matrices, one that is {@link NumberFormat#writable}
     * @param target the file to write, which appears when it is complete; it may be the source's own file
     * @param overwrite whether an existing target is replaced rather than refused
     * @param progress is told the bytes of tensor data written, and to write
     * @throws IllegalArgumentException if the format is not writable
     * @throws ModelFormatException if a tensor cannot be decoded, or holds what the format cannot represent
     * @throws IOException if the target cannot be written
     */
    public static void quantize(
            ModelFile source,
            GgufMetadata description,
            NumberFormat format,
            Path target,
            boolean overwrite,
            ProgressListener progress)
            throws IOException {
        int fileType = fileType(format);
        List<Step> steps = new ArrayList<>();
        for (ModelTensor tensor : source.tensors()) {
            steps.add(new Step(tensor, conversion(tensor, format)));
        }
        GgufMetadataBuilder metadata = description.toBuilder().uint32("general.file_type", fileType);
        GgufFile.SPLIT_KEYS.forEach(metadata::remove); // the parts become one file
        if (format.quantized()) {
            metadata.uint32("general.quantization_version", QUANTIZATION_VERSION);
        }
        try (GgufWriter writer = GgufWriter.create(target, metadata.build(), overwrite);
                Arena arena = Arena.ofShared()) {
            for (Step step : steps) {
                if (step.conversion().isPresent()) {
                    writer.declare(
                            step.tensor().name(),
                            step.tensor().shape(),
                            step.conversion().get());
                } else {
                    writer.declare(step.tensor());
                }
            }
            MemorySegment buffer = arena.allocate((long) CHUNKS * CHUNK * Float.BYTES);
            Output output = new Output(
                    source.path(),
                    writer,
                    buffer,
                    progress,
                    steps.stream().mapToLong(Step::bytes).sum());
            for (Step step : steps) {
                try (Arena own = Arena.ofShared()) {
                    MemorySegment data = step.tensor().dataInOrder(own);
                    if (step.conversion().isPresent()) {
                        output.convert(step.tensor(), data, step.conversion().get());
                    } else {
                        output.copy(data);
                    }
                }
            }
            writer.finish();
        }
    }

    /** The format to convert a tensor to; empty if it is copied. */
    private static Optional<NumberFormat> conversion(ModelTensor tensor, NumberFormat format)
            throws ModelFormatException {
        long[] shape = tensor.shape();
        NumberFormat wanted = shape.length == 1 ? NumberFormat.F32 : format;
        boolean kept = switch (tensor.type()) {
            case I8, I16, I32, I64, F64 -> true;
            default -> shape.length > 2 || shape[shape.length - 1] % wanted.blockSize() != 0;
        };
        return kept || tensor.format() == wanted ? Optional.empty() : Optional.of(wanted);
    }

    /** The id of llama.cpp's enum llama_ftype. */
    private static int fileType(NumberFormat format) {
        return switch (format) {
            case F32 -> 0;
            case F16 -> 1;
            case Q4_0 -> 2;
            case Q4_1 -> 3;
            case Q8_0 -> 7;
            case Q5_0 -> 8;
            case Q5_1 -> 9;
            case BF16 -> 32;
            case Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS ->
                throw new IllegalArgumentException(format + " can be read but not written; choose another format");
        };
    }

    private static final class Output {
        private final Path source;
        private final GgufWriter writer;
        private final MemorySegment buffer;
        private final ProgressListener progress;
        private final long total;
        private long done;

        Output(Path source, GgufWriter writer, MemorySegment buffer, ProgressListener progress, long total) {
            this.source = source;
            this.writer = writer;
            this.buffer = buffer;
            this.progress = progress;
            this.total = total;
        }

        void convert(ModelTensor tensor, MemorySegment data, NumberFormat to) throws IOException {
            NumberFormat from = tensor.format();
            long elements = tensor.elements();
            for (long start = 0; start < elements; start += (long) CHUNKS * CHUNK) {
                long first = start;
                int count = (int) Math.min((long) CHUNKS * CHUNK, elements - start);
                try {
                    IntStream.range(0, Math.ceilDiv(count, CHUNK)).parallel().forEach(chunk -> {
                        int offset = chunk * CHUNK;
                        float[] values = new float[Math.min(CHUNK, count - offset)];
                        from.decode(data, from.bytes(first + offset), values, 0, values.length);
                        NumberRange.check(values, to);
                        to.encode(values, 0, values.length, buffer, to.bytes(offset));
                    });
                } catch (IllegalArgumentException e) {
                    throw new ModelFormatException(
                            source,
                            "tensor " + Text.quote(tensor.name()) + " holds numbers that " + to
                                    + " cannot represent; choose F32",
                            e);
                }
                write(buffer.asSlice(0, to.bytes(count)));
            }
        }

        void copy(MemorySegment data) throws IOException {
            for (long start = 0; start < data.byteSize(); start += buffer.byteSize()) {
                write(data.asSlice(start, Math.min(buffer.byteSize(), data.byteSize() - start)));
            }
        }

        private void write(MemorySegment piece) throws IOException {
            writer.write(piece);
            done += piece.byteSize();
            progress.progress(done, total);
        }
    }
}
