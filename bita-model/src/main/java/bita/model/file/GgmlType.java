package bita.model.file;

import bita.kernels.NumberFormat;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The tensor types of ggml, with their ids in GGUF files and the sizes of their blocks.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/include/ggml.h">enum ggml_type</a>
 */
enum GgmlType {
    F32(0, NumberFormat.F32),
    F16(1, NumberFormat.F16),
    Q4_0(2, NumberFormat.Q4_0),
    Q4_1(3, NumberFormat.Q4_1),
    Q5_0(6, NumberFormat.Q5_0),
    Q5_1(7, NumberFormat.Q5_1),
    Q8_0(8, NumberFormat.Q8_0),
    Q8_1(9, 32, 36),
    Q2_K(10, NumberFormat.Q2_K),
    Q3_K(11, NumberFormat.Q3_K),
    Q4_K(12, NumberFormat.Q4_K),
    Q5_K(13, NumberFormat.Q5_K),
    Q6_K(14, NumberFormat.Q6_K),
    Q8_K(15, 256, 292),
    IQ2_XXS(16, 256, 66),
    IQ2_XS(17, 256, 74),
    IQ3_XXS(18, 256, 98),
    IQ1_S(19, 256, 50),
    IQ4_NL(20, NumberFormat.IQ4_NL),
    IQ3_S(21, 256, 110),
    IQ2_S(22, 256, 82),
    IQ4_XS(23, NumberFormat.IQ4_XS),
    I8(24, 1, 1),
    I16(25, 1, 2),
    I32(26, 1, 4),
    I64(27, 1, 8),
    F64(28, 1, 8),
    IQ1_M(29, 256, 56),
    BF16(30, NumberFormat.BF16),
    TQ1_0(34, 256, 54),
    TQ2_0(35, 256, 66),
    MXFP4(39, 32, 17),
    NVFP4(40, 64, 36),
    Q1_0(41, 128, 18);

    private static final Map<Integer, GgmlType> BY_ID = new HashMap<>();

    static {
        for (GgmlType type : values()) {
            BY_ID.put(type.id, type);
        }
    }

    private final int id;
    private final int blockSize;
    private final int blockBytes;
    private final @Nullable NumberFormat format;

    GgmlType(int id, NumberFormat format) {
        this.id = id;
        this.blockSize = format.blockSize();
        this.blockBytes = format.blockBytes();
        this.format = format;
    }

    GgmlType(int id, int blockSize, int blockBytes) {
        this.id = id;
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
        this.format = null;
    }

    static Optional<GgmlType> byId(int id) {
        return Optional.ofNullable(BY_ID.get(id));
    }

    static GgmlType of(NumberFormat format) {
        return valueOf(format.name()); // NumberFormat has ggml's names
    }

    int id() {
        return id;
    }

    /** Elements in a block. */
    int blockSize() {
        return blockSize;
    }

    /** Bytes of a stored block. */
    int blockBytes() {
        return blockBytes;
    }

    /** The number format, if the kernels know it. */
    Optional<NumberFormat> format() {
        return Optional.ofNullable(format);
    }
}
