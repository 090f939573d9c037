package bita.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * The number formats weights are stored in: ggml's block layouts, little endian.
 *
 * <p>A row of numbers is a sequence of blocks of {@link #blockSize} consecutive elements, each stored in
 * {@link #blockBytes} bytes. The floating-point formats have blocks of one element. The quantized formats start each
 * block with an f16 scale {@code d} (and, for {@link #Q4_1}, an f16 minimum {@code m}), followed by the integer codes
 * {@code q} of its 32 elements; 4-bit codes of the first 16 elements lie in the low halves of the 16 code bytes, those
 * of the last 16 in the high halves.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c">ggml's reference quantizers</a>
 */
public enum NumberFormat {
    /** IEEE 754 binary32. */
    F32(1, 4) {
        @Override
        void decodeBlocks(MemorySegment source, long offset, float[] target, int targetOffset, int count) {
            MemorySegment.copy(source, FLOAT, offset, target, targetOffset, count);
        }

        @Override
        void encodeBlocks(float[] source, int sourceOffset, int count, MemorySegment target, long offset) {
            MemorySegment.copy(source, sourceOffset, target, FLOAT, offset, count);
        }
    },

    /** IEEE 754 binary16. Encoding rounds to nearest, ties to even; what is too large becomes infinite. */
    F16(1, 2) {
        @Override
        void decodeBlocks(MemorySegment source, long offset, float[] target, int targetOffset, int count) {
            for (int i = 0; i < count; i++) {
                target[targetOffset + i] = Float.float16ToFloat(source.get(SHORT, offset + 2L * i));
            }
        }

        @Override
        void encodeBlocks(float[] source, int sourceOffset, int count, MemorySegment target, long offset) {
            for (int i = 0; i < count; i++) {
                target.set(SHORT, offset + 2L * i, Float.floatToFloat16(source[sourceOffset + i]));
            }
        }
    },

    /** The upper 16 bits of binary32. Encoding rounds to nearest, ties to even; NaN stays NaN and becomes quiet. */
    BF16(1, 2) {
        @Override
        void decodeBlocks(MemorySegment source, long offset, float[] target, int targetOffset, int count) {
            for (int i = 0; i < count; i++) {
                target[targetOffset + i] = Float.intBitsToFloat(source.get(SHORT, offset + 2L * i) << 16);
            }
        }

        @Override
        void encodeBlocks(float[] source, int sourceOffset, int count, MemorySegment target, long offset) {
            for (int i = 0; i < count; i++) {
                target.set(SHORT, offset + 2L * i, floatToBfloat16(source[sourceOffset + i]));
            }
        }
    },

    /** 8-bit codes: {@code d * q}, q in -127..127, {@code d = max|x| / 127}. */
    Q8_0(32, 34) {
        @Override
        void decodeBlocks(MemorySegment source, long offset, float[] target, int targetOffset, int count) {
            long at = offset;
            for (int start = targetOffset; start < targetOffset + count; start += 32, at += 34) {
                float scale = Float.float16ToFloat(source.get(SHORT, at));
                for (int i = 0; i < 32; i++) {
                    target[start + i] = scale * source.get(ValueLayout.JAVA_BYTE, at + 2 + i);
                }
            }
        }

        @Override
        void encodeBlocks(float[] source, int sourceOffset, int count, MemorySegment target, long offset) {
            long at = offset;
            for (int start = sourceOffset; start < sourceOffset + count; start += 32, at += 34) {
                float largest = 0;
                for (int i = 0; i < 32; i++) {
                    largest = Math.max(largest, Math.abs(source[start + i]));
                }
                float scale = largest / 127;
                float inverse = inverse(scale);
                target.set(SHORT, at, finiteFloat16(scale));
                for (int i = 0; i < 32; i++) {
                    int code = roundHalfAwayFromZero(source[start + i] * inverse);
                    target.set(ValueLayout.JAVA_BYTE, at + 2 + i, (byte) Math.clamp(code, -127, 127));
                }
            }
        }
    },

    /** 4-bit codes: {@code d * (q - 8)}, q in 0..15; d is the element of the largest magnitude, divided by -8. */
    Q4_0(32, 18) {
        @Override
        void decodeBlocks(MemorySegment source, long offset, float[] target, int targetOffset, int count) {
            long at = offset;
            for (int start = targetOffset; start < targetOffset + count; start += 32, at += 18) {
                float scale = Float.float16ToFloat(source.get(SHORT, at));
                for (int i = 0; i < 16; i++) {
                    int codes = source.get(ValueLayout.JAVA_BYTE, at + 2 + i);
                    target[start + i] = scale * ((codes & 0xf) - 8);
                    target[start + i + 16] = scale * (((codes >> 4) & 0xf) - 8);
                }
            }
        }

        @Override
        void encodeBlocks(float[] source, int sourceOffset, int count, MemorySegment target, long offset) {
            long at = offset;
            for (int start = sourceOffset; start < sourceOffset + count; start += 32, at += 18) {
                float largest = 0;
                for (int i = 0; i < 32; i++) {
                    float value = source[start + i];
                    // NaN wins and stays, so that it is refused with the scale.
                    if (Math.abs(value) > Math.abs(largest) || Float.isNaN(value)) {
                        largest = value;
                    }
                }
                float scale = largest / -8;
                float inverse = inverse(scale);
                target.set(SHORT, at, finiteFloat16(scale));
                for (int i = 0; i < 16; i++) {
                    int low = code(source[start + i], inverse);
                    int high = code(source[start + i + 16], inverse);
                    target.set(ValueLayout.JAVA_BYTE, at + 2 + i, (byte) (low | (high << 4)));
                }
            }
        }

        private static int code(float value, float inverse) {
            return Math.clamp((int) (value * inverse + 8.5f), 0, 15);
        }
    },

    /** 4-bit codes with a minimum: {@code d * q + m}, q in 0..15, {@code d = (max - min) / 15}, {@code m = min}. */
    Q4_1(32, 20) {
        @Override
        void decodeBlocks(MemorySegment source, long offset, float[] target, int targetOffset, int count) {
            long at = offset;
            for (int start = targetOffset; start < targetOffset + count; start += 32, at += 20) {
                float scale = Float.float16ToFloat(source.get(SHORT, at));
                float minimum = Float.float16ToFloat(source.get(SHORT, at + 2));
                for (int i = 0; i < 16; i++) {
                    int codes = source.get(ValueLayout.JAVA_BYTE, at + 4 + i);
                    target[start + i] = scale * (codes & 0xf) + minimum;
                    target[start + i + 16] = scale * ((codes >> 4) & 0xf) + minimum;
                }
            }
        }

        @Override
        void encodeBlocks(float[] source, int sourceOffset, int count, MemorySegment target, long offset) {
            long at = offset;
            for (int start = sourceOffset; start < sourceOffset + count; start += 32, at += 20) {
                float minimum = source[start];
                float maximum = source[start];
                for (int i = 1; i < 32; i++) {
                    minimum = Math.min(minimum, source[start + i]);
                    maximum = Math.max(maximum, source[start + i]);
                }
                float scale = (maximum - minimum) / 15;
                float inverse = inverse(scale);
                target.set(SHORT, at, finiteFloat16(scale));
                target.set(SHORT, at + 2, finiteFloat16(minimum));
                for (int i = 0; i < 16; i++) {
                    int low = code(source[start + i], minimum, inverse);
                    int high = code(source[start + i + 16], minimum, inverse);
                    target.set(ValueLayout.JAVA_BYTE, at + 4 + i, (byte) (low | (high << 4)));
                }
            }
        }

        private static int code(float value, float minimum, float inverse) {
            return Math.clamp((int) ((value - minimum) * inverse + 0.5f), 0, 15);
        }
    };

    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final int blockSize;
    private final int blockBytes;

    NumberFormat(int blockSize, int blockBytes) {
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
    }

    /** Elements in a block: 1 or 32. */
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
        decodeBlocks(source, offset, target, targetOffset, count);
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
     */
    public void encode(float[] source, int sourceOffset, int count, MemorySegment target, long offset) {
        checkRanges(target, offset, source, sourceOffset, count);
        encodeBlocks(source, sourceOffset, count, target, offset);
    }

    abstract void decodeBlocks(MemorySegment source, long offset, float[] target, int targetOffset, int count);

    abstract void encodeBlocks(float[] source, int sourceOffset, int count, MemorySegment target, long offset);

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

    private static short floatToBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            // Truncation alone could leave an infinity; the quiet bit keeps it a NaN.
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }

    private static float inverse(float scale) {
        return scale == 0 ? 0 : 1 / scale;
    }

    private static short finiteFloat16(float value) {
        short bits = Float.floatToFloat16(value);
        if (!Float.isFinite(Float.float16ToFloat(bits))) {
            throw new IllegalArgumentException(
                    "a block to be quantized holds an element that is not finite or too large for an f16 scale");
        }
        return bits;
    }

    /** As C's roundf; the argument is small, so adding one half in f64 is exact. */
    private static int roundHalfAwayFromZero(float value) {
        return (int) (value + Math.copySign(0.5, value));
    }
}
