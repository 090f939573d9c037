package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * A weight matrix (output rows, columns) packed for the kernels; see {@link Layout}. Immutable once packed.
 */
public final class PackedMatrix {
    private static final int LANES = Layout.LANES;
    private static final int BLOCK = Layout.BLOCK;
    private static final int HALF_BLOCK = BLOCK / 2;
    /** Turns four signed codes into four unsigned ones. */
    private static final int SIGN_BITS = 0x80808080;

    private final Layout layout;
    private final int rows;
    private final int columns;
    private final MemorySegment data;

    private PackedMatrix(Layout layout, int rows, int columns, MemorySegment data) {
        this.layout = layout;
        this.rows = rows;
        this.columns = columns;
        this.data = data;
    }

    /** Memory for a matrix stored in {@code format}; {@link #pack} fills it. */
    public static PackedMatrix allocate(SegmentAllocator memory, NumberFormat format, int rows, int columns) {
        if (rows < 1 || columns < 1 || columns % format.blockSize() != 0) {
            throw new IllegalArgumentException(
                    "a matrix of " + rows + " x " + columns + " cannot be stored as " + format);
        }
        return allocate(memory, layoutOf(format), rows, columns);
    }

    static PackedMatrix allocate(SegmentAllocator memory, Layout layout, int rows, int columns) {
        long bytes = Math.ceilDiv(rows, LANES) * layout.panelBytes(columns);
        return new PackedMatrix(layout, rows, columns, memory.allocate(bytes, Layout.PANEL_ALIGNMENT));
    }

    /**
     * Bytes that a matrix of this size takes.
     *
     * @param columns less than 2^56
     * @throws ArithmeticException if these are 2^63 or more
     */
    public static long bytes(NumberFormat format, long rows, long columns) {
        return Math.multiplyExact(Math.ceilDiv(rows, LANES), layoutOf(format).panelBytes(columns));
    }

    /** The layout that weights of a number format are packed to. */
    public static Layout layoutOf(NumberFormat format) {
        return switch (format) {
            case F32 -> Layout.F32;
            case F16 -> Layout.F16;
            case BF16 -> Layout.BF16;
            case Q8_0, Q5_0, IQ4_NL -> Layout.Q8;
            case Q4_0 -> Layout.Q4;
            case Q4_1 -> Layout.Q4_MIN;
            case Q5_1 -> Layout.Q8_MIN;
            case Q2_K, Q3_K -> Layout.K4_MIN16;
            case Q4_K -> Layout.K4_MIN;
            case Q5_K -> Layout.K8_MIN;
            case Q6_K -> Layout.K8_16;
            case IQ4_XS -> Layout.K8;
        };
    }

    public Layout layout() {
        return layout;
    }

    /** Output rows. */
    public int rows() {
        return rows;
    }

    /** Columns, the length of an activation row. */
    public int columns() {
        return columns;
    }

    /** Panels of 16 output rows. */
    public int panels() {
        return (rows + LANES - 1) / LANES;
    }

    /** Bytes of memory. */
    public long bytes() {
        return data.byteSize();
    }

    MemorySegment data() {
        return data;
    }

    long panelBytes() {
        return layout.panelBytes(columns);
    }

    /**
     * Packs a range of panels.
     *
     * @param source the whole matrix as stored in a file, (rows, columns) in {@code format}
     */
    public void pack(NumberFormat format, MemorySegment source, int panelFrom, int panelTo) {
        pack(format, source, RowMap.identity(rows), panelFrom, panelTo);
    }

    /**
     * Packs a range of panels with rows of another matrix.
     *
     * @param source the whole matrix as stored in a file, (map.storedRows, columns) in {@code format}
     * @param map    where each of this matrix's rows comes from
     * @throws IllegalArgumentException if source or map are of another size, or the format of another layout
     */
    public void pack(NumberFormat format, MemorySegment source, RowMap map, int panelFrom, int panelTo) {
        checkSource(format, source, map);
        long rowBytes = format.bytes(columns);
        StoredBlock block = new StoredBlock(format.blockSize());
        for (int row = panelFrom * LANES; row < Math.min(rows, panelTo * LANES); row++) {
            long from = map.source(row) * rowBytes;
            switch (format) {
                case F32 -> packFloats(source, from, row);
                case F16, BF16 -> packHalves(source, from, row);
                case Q8_0 -> packWords(source, from, row, format, SIGN_BITS);
                case Q4_0, Q4_1 -> packWords(source, from, row, format, 0);
                case Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS ->
                    packBlocks(source, from, row, format, block);
            }
        }
    }

    /**
     * Fills a range of panels with random weights of variance 1 / columns, for measurements of models that nobody has. The
     * same panel gets the same weights every time.
     */
    public void randomize(int panelFrom, int panelTo) {
        for (int panel = panelFrom; panel < panelTo; panel++) {
            RandomGenerator random = new SplittableRandom(panel);
            long base = panel * panelBytes();
            if (layout.quantized()) {
                int codes = switch (layout) {
                    case Q8_MIN, K8_MIN -> 32;
                    case K8_16 -> 64;
                    default -> 1 << layout.codeBits();
                };
                long free = codes < 256 && layout.codeBits() == Byte.SIZE ? 0x0101010101010101L * (codes - 1) : -1L;
                long integers = base + layout.integerScalesOffset(columns);
                randomize(random, base, integers, 0, free);
                data.asSlice(integers, base + layout.scalesOffset(columns) - integers)
                        .fill((byte) 1);
                // The variance of uniform codes is (number of codes)^2 / 12.
                float scale = (float) (Math.sqrt(12.0 / columns) / codes);
                long factors = (long) columns / layout.scaleColumns() * LANES;
                fill(base + layout.scalesOffset(columns), factors, scale);
                if (layout.hasMinima()) {
                    fill(base + layout.minimaOffset(columns), factors, -scale * codes / 2);
                }
            } else {
                // Random signs and mantissas, one exponent: magnitudes in [1, 2) / (1.5 sqrt(columns)), roughly.
                int exponent = Math.getExponent((float) (1 / (1.5 * Math.sqrt(columns))));
                long values = base + panelBytes();
                switch (layout) {
                    case F32 ->
                        randomize(
                                random,
                                base,
                                values,
                                0x0000000100000001L * ((exponent + 127) << 23),
                                0x807fffff807fffffL);
                    case F16 ->
                        randomize(
                                random,
                                base,
                                values,
                                0x0001000100010001L * ((exponent + 15) << 10),
                                0x83ff83ff83ff83ffL);
                    default ->
                        randomize(
                                random,
                                base,
                                values,
                                0x0001000100010001L * ((exponent + 127) << 7),
                                0x807f807f807f807fL);
                }
            }
        }
    }

    private void randomize(RandomGenerator random, long from, long to, long fixed, long free) {
        for (long at = from; at < to; at += Long.BYTES) {
            data.set(JAVA_LONG_UNALIGNED, at, (random.nextLong() & free) | fixed);
        }
    }

    private void fill(long offset, long count, float value) {
        short bits = Float.floatToFloat16(value);
        for (long i = 0; i < count; i++) {
            data.set(JAVA_SHORT, offset + i * Short.BYTES, bits);
        }
    }

    void checkSource(NumberFormat format, MemorySegment source, RowMap map) {
        if (map.rows() != rows) {
            throw new IllegalArgumentException("the map has " + map.rows() + " rows, the packed matrix " + rows);
        }
        if (layoutOf(format) != layout || source.byteSize() != format.bytes((long) map.storedRows() * columns)) {
            throw new IllegalArgumentException(
                    "the source does not hold " + map.storedRows() + " x " + columns + " as " + format);
        }
    }

    private long base(int row) {
        return row / LANES * panelBytes();
    }

    private void packFloats(MemorySegment source, long from, int row) {
        long to = base(row) + (long) row % LANES * Float.BYTES;
        for (int k = 0; k < columns; k++) {
            data.set(
                    JAVA_INT_UNALIGNED,
                    to + (long) k * LANES * Float.BYTES,
                    source.get(JAVA_INT_UNALIGNED, from + (long) k * Float.BYTES));
        }
    }

    private void packHalves(MemorySegment source, long from, int row) {
        long to = base(row) + (long) row % LANES * Short.BYTES;
        for (int k = 0; k < columns; k++) {
            data.set(
                    JAVA_SHORT,
                    to + (long) k * LANES * Short.BYTES,
                    source.get(JAVA_SHORT_UNALIGNED, from + (long) k * Short.BYTES));
        }
    }

    /** Blocks of f16 scale, f16 minimum if any, then the codes as 32-bit words in the order kept here. */
    private void packWords(MemorySegment source, long first, int row, NumberFormat format, int flip) {
        int words = wordsPerBlock();
        int header = layout.hasMinima() ? 2 * Short.BYTES : Short.BYTES;
        long from = first;
        for (int b = 0; b < columns / BLOCK; b++, from += format.blockBytes()) {
            putFactor(layout.scalesOffset(columns), row, b, source.get(JAVA_SHORT_UNALIGNED, from));
            if (layout.hasMinima()) {
                putFactor(layout.minimaOffset(columns), row, b, source.get(JAVA_SHORT_UNALIGNED, from + Short.BYTES));
            }
            for (int w = 0; w < words; w++) {
                putWord(
                        row,
                        b * words + w,
                        source.get(JAVA_INT_UNALIGNED, from + header + (long) w * Integer.BYTES) ^ flip);
            }
        }
    }

    private void packBlocks(MemorySegment source, long first, int row, NumberFormat format, StoredBlock stored) {
        long from = first;
        for (int k = 0; k < columns; k += format.blockSize(), from += format.blockBytes()) {
            format.read(source, from, stored);
            if (format == NumberFormat.Q3_K) {
                stored.addMinima(4);
            }
            int factor = k / layout.scaleColumns();
            putFactor(layout.scalesOffset(columns), row, factor, stored.scale);
            if (layout.hasMinima()) {
                putFactor(layout.minimaOffset(columns), row, factor, stored.minimum);
            }
            for (int i = 0; i < format.blockSize(); i += BLOCK) {
                packBlock((k + i) / BLOCK, row, stored, i);
            }
        }
    }

    /** One block of 32 columns: codes and integers of a stored one from its element {@code first} on. */
    private void packBlock(int block, int row, StoredBlock stored, int first) {
        int words = wordsPerBlock();
        for (int w = 0; w < words; w++) {
            int word = 0;
            for (int i = 0; i < Integer.BYTES; i++) {
                int k = first + w * Integer.BYTES + i;
                int code = stored.codes[k] + layout.codeOffset();
                if (layout.codeBits() == 4) {
                    code |= (stored.codes[k + HALF_BLOCK] + layout.codeOffset()) << 4;
                }
                word |= code << (i * Byte.SIZE);
            }
            putWord(row, block * words + w, word);
        }
        int integers = layout.integers();
        for (int i = 0; i < integers; i++) {
            int part = (first + i * HALF_BLOCK) / StoredBlock.PART;
            long at = base(row) + ((long) block * integers + i) * LANES + row % LANES;
            data.set(JAVA_BYTE, at + layout.integerScalesOffset(columns), (byte) stored.scales[part]);
            if (layout.hasMinima()) {
                data.set(JAVA_BYTE, at + layout.integerMinimaOffset(columns), (byte) stored.minima[part]);
            }
        }
    }

    /** 32-bit words of a block's codes in one lane. */
    private int wordsPerBlock() {
        return BLOCK * layout.codeBits() / Integer.SIZE;
    }

    private void putWord(int row, int word, int codes) {
        data.set(JAVA_INT_UNALIGNED, base(row) + ((long) word * LANES + row % LANES) * Integer.BYTES, codes);
    }

    private void putFactor(long offset, int row, int index, short bits) {
        data.set(JAVA_SHORT, base(row) + offset + ((long) index * LANES + row % LANES) * Short.BYTES, bits);
    }

    /** The weight of a float layout. */
    float weight(int row, int k) {
        long index = (long) k * LANES + row % LANES;
        return switch (layout) {
            case F32 -> data.get(JAVA_FLOAT, base(row) + index * Float.BYTES);
            case F16 -> Float.float16ToFloat(data.get(JAVA_SHORT, base(row) + index * Short.BYTES));
            case BF16 -> Float.intBitsToFloat(data.get(JAVA_SHORT, base(row) + index * Short.BYTES) << 16);
            default -> throw new IllegalStateException(layout + " holds codes");
        };
    }

    /** The code of a block layout, as the integer that is multiplied. */
    int code(int row, int k) {
        int block = k / BLOCK;
        int i = k % BLOCK;
        boolean bytes = layout.codeBits() == Byte.SIZE;
        int within = bytes ? i : i % HALF_BLOCK;
        long word = (long) block * wordsPerBlock() + within / 4;
        int stored = data.get(JAVA_BYTE, base(row) + (word * LANES + row % LANES) * Integer.BYTES + within % 4) & 0xff;
        return (bytes ? stored : i < HALF_BLOCK ? stored & 0xf : stored >> 4) - layout.codeOffset();
    }

    /** The scale of a block layout, of a block or, where that has integer ones, of its super-block. */
    float scale(int row, int block) {
        return factor(layout.scalesOffset(columns), row, block);
    }

    /** The minimum, as the scale. */
    float minimum(int row, int block) {
        return factor(layout.minimaOffset(columns), row, block);
    }

    /** The integer scale that goes with a code; 1 where there is none. */
    int integerScale(int row, int k) {
        return integer(layout.integerScalesOffset(columns), row, k);
    }

    /** The integer minimum that goes with a code; 1 where there is none. */
    int integerMinimum(int row, int k) {
        return integer(layout.integerMinimaOffset(columns), row, k);
    }

    private float factor(long offset, int row, int block) {
        long index = (long) block * BLOCK / layout.scaleColumns();
        return Float.float16ToFloat(
                data.get(JAVA_SHORT, base(row) + offset + (index * LANES + row % LANES) * Short.BYTES));
    }

    private int integer(long offset, int row, int k) {
        int integers = layout.integers();
        if (integers == 0) {
            return 1;
        }
        long index = (long) k / (BLOCK / integers);
        return data.get(JAVA_BYTE, base(row) + offset + index * LANES + row % LANES);
    }
}
