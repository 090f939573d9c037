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
            case Q8_0 -> Layout.Q8;
            case Q4_0 -> Layout.Q4;
            case Q4_1 -> Layout.Q4_MIN;
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
        checkSource(format, source);
        for (int panel = panelFrom; panel < panelTo; panel++) {
            for (int row = panel * LANES; row < Math.min(rows, (panel + 1) * LANES); row++) {
                switch (layout) {
                    case F32 -> packFloats(source, panel, row);
                    case F16, BF16 -> packHalves(source, panel, row);
                    case Q8 -> packBlocks(source, panel, row, format, 8, SIGN_BITS);
                    case Q4, Q4_MIN -> packBlocks(source, panel, row, format, 4, 0);
                }
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
                randomize(random, base, base + layout.scalesOffset(columns), 0, -1L);
                // The variance of uniform codes is (number of codes)^2 / 12.
                int codes = layout == Layout.Q8 ? 256 : 16;
                float scale = (float) (Math.sqrt(12.0 / columns) / codes);
                long factors = (long) columns / BLOCK * LANES;
                fill(base + layout.scalesOffset(columns), factors, scale);
                if (layout == Layout.Q4_MIN) {
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

    void checkSource(NumberFormat format, MemorySegment source) {
        if (layoutOf(format) != layout || source.byteSize() != format.bytes((long) rows * columns)) {
            throw new IllegalArgumentException("the source does not hold " + rows + " x " + columns + " as " + format);
        }
    }

    private void packFloats(MemorySegment source, int panel, int row) {
        long to = panel * panelBytes() + (row % LANES) * (long) Float.BYTES;
        long from = (long) row * columns * Float.BYTES;
        for (int k = 0; k < columns; k++) {
            data.set(
                    JAVA_INT_UNALIGNED,
                    to + (long) k * LANES * Float.BYTES,
                    source.get(JAVA_INT_UNALIGNED, from + (long) k * Float.BYTES));
        }
    }

    private void packHalves(MemorySegment source, int panel, int row) {
        long to = panel * panelBytes() + (row % LANES) * (long) Short.BYTES;
        long from = (long) row * columns * Short.BYTES;
        for (int k = 0; k < columns; k++) {
            data.set(
                    JAVA_SHORT,
                    to + (long) k * LANES * Short.BYTES,
                    source.get(JAVA_SHORT_UNALIGNED, from + (long) k * Short.BYTES));
        }
    }

    /** The files' blocks hold f16 scale, f16 minimum if any, then the codes as 32-bit words in the order kept here. */
    private void packBlocks(MemorySegment source, int panel, int row, NumberFormat format, int words, int flip) {
        int blocks = columns / BLOCK;
        int lane = row % LANES;
        long base = panel * panelBytes();
        long scales = base + layout.scalesOffset(columns);
        long minima = base + layout.minimaOffset(columns);
        boolean hasMinimum = layout == Layout.Q4_MIN;
        int header = hasMinimum ? 2 * Short.BYTES : Short.BYTES;
        long from = (long) row * blocks * format.blockBytes();
        for (int b = 0; b < blocks; b++, from += format.blockBytes()) {
            long factor = ((long) b * LANES + lane) * Short.BYTES;
            data.set(JAVA_SHORT, scales + factor, source.get(JAVA_SHORT_UNALIGNED, from));
            if (hasMinimum) {
                data.set(JAVA_SHORT, minima + factor, source.get(JAVA_SHORT_UNALIGNED, from + Short.BYTES));
            }
            for (int w = 0; w < words; w++) {
                int word = source.get(JAVA_INT_UNALIGNED, from + header + (long) w * Integer.BYTES);
                long to = base + (((long) b * words + w) * LANES + lane) * Integer.BYTES;
                data.set(JAVA_INT_UNALIGNED, to, word ^ flip);
            }
        }
    }

    /** The weight of a float layout. */
    float weight(int row, int k) {
        long base = row / LANES * panelBytes();
        long index = (long) k * LANES + row % LANES;
        return switch (layout) {
            case F32 -> data.get(JAVA_FLOAT, base + index * Float.BYTES);
            case F16 -> Float.float16ToFloat(data.get(JAVA_SHORT, base + index * Short.BYTES));
            case BF16 -> Float.intBitsToFloat(data.get(JAVA_SHORT, base + index * Short.BYTES) << 16);
            case Q8, Q4, Q4_MIN -> throw new IllegalStateException(layout + " holds codes");
        };
    }

    /** The code of a block layout, as the integer that is multiplied. */
    int code(int row, int k) {
        long base = row / LANES * panelBytes();
        int lane = row % LANES;
        int block = k / BLOCK;
        int i = k % BLOCK;
        if (layout == Layout.Q8) {
            long at = base + (((long) block * 8 + i / 4) * LANES + lane) * 4 + i % 4;
            return (data.get(JAVA_BYTE, at) & 0xff) - 128;
        }
        int half = i % 16;
        long at = base + (((long) block * 4 + half / 4) * LANES + lane) * 4 + half % 4;
        int code = (data.get(JAVA_BYTE, at) >> (i < 16 ? 0 : 4)) & 0xf;
        return layout == Layout.Q4 ? code - 8 : code;
    }

    float scale(int row, int block) {
        return factor(layout.scalesOffset(columns), row, block);
    }

    float minimum(int row, int block) {
        return factor(layout.minimaOffset(columns), row, block);
    }

    private float factor(long offset, int row, int block) {
        long at = row / LANES * panelBytes() + offset + ((long) block * LANES + row % LANES) * Short.BYTES;
        return Float.float16ToFloat(data.get(JAVA_SHORT, at));
    }
}
