package bita.kernels;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * The number formats weights are stored in: ggml's block layouts, little endian.
 *
 * <p>A row of numbers is a sequence of blocks of {@link #blockSize} consecutive elements, each stored in
 * {@link #blockBytes} bytes. The floating-point formats have blocks of one element, the quantized ones integer codes q
 * that share an f16 scale d and, in some of them, an f16 minimum m. In super-blocks of 256 elements every 16 or 32 of
 * them have an integer scale s, and an integer minimum n, besides.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c">ggml's reference quantizers</a>
 */
public enum NumberFormat {
    /** IEEE 754 binary32. */
    F32(1, 4),
    /** IEEE 754 binary16. Encoding rounds to nearest, ties to even; what is too large becomes infinite. */
    F16(1, 2),
    /** The upper 16 bits of binary32. Encoding rounds to nearest, ties to even; NaN stays NaN and becomes quiet. */
    BF16(1, 2),
    /** 8-bit codes: {@code d * q}, q in -127..127, {@code d = max|x| / 127}. */
    Q8_0(32, 34),
    /** 4-bit codes: {@code d * (q - 8)}, q in 0..15; d is the element of the largest magnitude, divided by -8. */
    Q4_0(32, 18),
    /** 4-bit codes with a minimum: {@code d * q + m}, q in 0..15, {@code d = (max - min) / 15}, {@code m = min}. */
    Q4_1(32, 20),
    /** 5-bit codes: {@code d * (q - 16)}, q in 0..31; d is the element of the largest magnitude, divided by -16. */
    Q5_0(32, 22),
    /** 5-bit codes with a minimum: {@code d * q + m}, q in 0..31, {@code d = (max - min) / 31}, {@code m = min}. */
    Q5_1(32, 24),
    /** 2-bit codes: {@code (d * s) * q - m * n}, s and n in 0..15 for 16 elements. Read only. */
    Q2_K(256, 84),
    /** 3-bit codes: {@code (d * (s - 32)) * (q - 4)}, s in 0..63 for 16 elements. Read only. */
    Q3_K(256, 110),
    /** 4-bit codes: {@code (d * s) * q - m * n}, s and n in 0..63 for 32 elements. Read only. */
    Q4_K(256, 144),
    /** 5-bit codes: {@code (d * s) * q - m * n}, s and n in 0..63 for 32 elements. Read only. */
    Q5_K(256, 176),
    /** 6-bit codes: {@code (d * s) * (q - 32)}, s in -128..127 for 16 elements. Read only. */
    Q6_K(256, 210),
    /** 4-bit codes that stand for 16 unevenly spaced numbers: {@code d * number(q)}. Read only. */
    IQ4_NL(32, 18),
    /** As IQ4_NL: {@code (d * (s - 32)) * number(q)}, s in 0..63 for 32 elements. Read only. */
    IQ4_XS(256, 136);

    private final int blockSize;
    private final int blockBytes;

    NumberFormat(int blockSize, int blockBytes) {
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
    }

    /** Elements in a block: 1, 32 or 256. */
    public int blockSize() {
        return blockSize;
    }

    /** Bytes of a stored block. */
    public int blockBytes() {
        return blockBytes;
    }

    /** Whether elements are stored as integer codes that share a scale. */
    public boolean quantized() {
        return blockSize > 1;
    }

    /** Whether elements are codes with a minimum beside the scale. */
    boolean hasMinima() {
        return switch (this) {
            case Q4_1, Q5_1, Q2_K, Q4_K, Q5_K -> true;
            default -> false;
        };
    }

    /** Whether {@link #encode} makes this format; all of them can be decoded. */
    public boolean writable() {
        return switch (this) {
            case F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 -> true;
            case Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS -> false;
        };
    }

    /**
     * Bytes of so many stored elements.
     *
     * @throws IllegalArgumentException if the number is negative or not a multiple of the block size, or if the result
     *     does not fit a long
     */
    public long bytes(long elements) {
        checkCount(elements);
        long blocks = elements / blockSize;
        if (blocks > Long.MAX_VALUE / blockBytes) {
            throw new IllegalArgumentException(
                    elements + " elements of " + this + " have more bytes than a long holds");
        }
        return blocks * blockBytes;
    }

    /**
     * Decodes stored elements, exactly as defined above: in f32, with each product and each sum rounded.
     *
     * @param source where the elements are stored
     * @param offset byte offset of the first element's block in the source
     * @param target receives the elements
     * @param targetOffset index of the first element in the target
     * @param count number of elements, a multiple of the block size
     * @throws IllegalArgumentException if count is negative or not a multiple of the block size
     * @throws IndexOutOfBoundsException if source or target is too short
     */
    public void decode(MemorySegment source, long offset, float[] target, int targetOffset, int count) {
        checkRanges(source, offset, target, targetOffset, count);
        switch (this) {
            case F32 -> FloatFormats.decodeF32(source, offset, target, targetOffset, count);
            case F16 -> FloatFormats.decodeF16(source, offset, target, targetOffset, count);
            case BF16 -> FloatFormats.decodeBf16(source, offset, target, targetOffset, count);
            default -> {
                StoredBlock block = new StoredBlock(blockSize);
                for (int i = 0; i < count; i += blockSize) {
                    read(source, offset + i / blockSize * (long) blockBytes, block);
                    block.decode(hasMinima(), blockSize, target, targetOffset + i);
                }
            }
        }
    }

    /** Takes a stored block of a quantized format apart. */
    void read(MemorySegment source, long offset, StoredBlock block) {
        switch (this) {
            case F32, F16, BF16 -> throw new IllegalStateException(this + " has no codes");
            case Q8_0 -> BlockFormats.readQ8(source, offset, block);
            case Q4_0 -> BlockFormats.readQ40(source, offset, block);
            case Q4_1 -> BlockFormats.readQ41(source, offset, block);
            case Q5_0 -> BlockFormats.readQ50(source, offset, block);
            case Q5_1 -> BlockFormats.readQ51(source, offset, block);
            case Q2_K -> SuperBlockFormats.readQ2K(source, offset, block);
            case Q3_K -> SuperBlockFormats.readQ3K(source, offset, block);
            case Q4_K -> SuperBlockFormats.readQ4K(source, offset, block);
            case Q5_K -> SuperBlockFormats.readQ5K(source, offset, block);
            case Q6_K -> SuperBlockFormats.readQ6K(source, offset, block);
            case IQ4_NL -> BlockFormats.readIq4Nl(source, offset, block);
            case IQ4_XS -> SuperBlockFormats.readIq4Xs(source, offset, block);
        }
    }

    /**
     * Encodes elements as ggml's reference quantizers do.
     *
     * @param source the elements
     * @param sourceOffset index of the first element in the source
     * @param count number of elements, a multiple of the block size
     * @param target receives the stored elements
     * @param offset byte offset of the first element's block in the target
     * @throws IllegalArgumentException if count is negative or not a multiple of the block size, or if a quantized
     *     format cannot hold an element because it is not finite or too large for an f16 scale
     * @throws IndexOutOfBoundsException if source or target is too short
     * @throws UnsupportedOperationException if the format is not {@link #writable}
     */
    public void encode(float[] source, int sourceOffset, int count, MemorySegment target, long offset) {
        if (!writable()) {
            throw new UnsupportedOperationException(
                    this + " can be read but not written; choose another format, for instance Q8_0");
        }
        checkRanges(target, offset, source, sourceOffset, count);
        switch (this) {
            case F32 -> FloatFormats.encodeF32(source, sourceOffset, count, target, offset);
            case F16 -> FloatFormats.encodeF16(source, sourceOffset, count, target, offset);
            case BF16 -> FloatFormats.encodeBf16(source, sourceOffset, count, target, offset);
            default -> {
                for (int i = 0; i < count; i += blockSize) {
                    encodeBlock(source, sourceOffset + i, target, offset + i / blockSize * (long) blockBytes);
                }
            }
        }
    }

    private void encodeBlock(float[] source, int start, MemorySegment target, long offset) {
        switch (this) {
            case Q8_0 -> BlockFormats.encodeQ8(source, start, target, offset);
            case Q4_0 -> BlockFormats.encodeQ40(source, start, target, offset);
            case Q4_1 -> BlockFormats.encodeQ41(source, start, target, offset);
            case Q5_0 -> BlockFormats.encodeQ50(source, start, target, offset);
            case Q5_1 -> BlockFormats.encodeQ51(source, start, target, offset);
            default -> throw new IllegalStateException(this + " has no encoder");
        }
    }

    private void checkRanges(MemorySegment stored, long offset, float[] elements, int elementOffset, int count) {
        Objects.checkFromIndexSize(offset, bytes(count), stored.byteSize());
        Objects.checkFromIndexSize(elementOffset, count, elements.length);
    }

    private void checkCount(long elements) {
        if (elements < 0 || elements % blockSize != 0) {
            throw new IllegalArgumentException(
                    this + " stores elements in blocks of " + blockSize + ", so it cannot store " + elements);
        }
    }
}
