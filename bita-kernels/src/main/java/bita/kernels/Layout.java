package bita.kernels;

/**
 * How a weight matrix lies in memory after packing, one for all backends: panels of {@value #LANES} output rows, the
 * rows being the SIMD lanes. The panels of float layouts are (columns, 16). Those of block layouts hold the codes of
 * all blocks of {@value #BLOCK} columns, then, if any, the blocks' integer scales (blocks, 1 or 2, 16) and integer minima
 * likewise, then f16 scales and, if any, f16 minima: (blocks, 16), with integer ones (super-blocks of
 * {@value #SUPER_BLOCK} columns, 16). Codes lie in groups of four columns, one 32-bit word per lane, as integer dot product
 * instructions read them: 8-bit codes as (blocks, 8 groups, 16 lanes, 4); 4-bit codes as (blocks, 4 groups, 16 lanes, 4),
 * the low half of byte (g, l, i) being column 4g + i, the high half column 16 + 4g + i. Where codes are signed, they are
 * stored plus a constant.
 *
 * <p>A weight is scale * code, plus the minimum if there is one. With integers the scale is f16 scale * integer, the
 * minimum f16 minimum * integer; f32 holds either product exactly. Two integers per block belong to 16 columns each.
 */
public enum Layout {
    F32(4, 0, 0, 0, false),
    F16(2, 0, 0, 0, false),
    BF16(2, 0, 0, 0, false),
    /** 8-bit codes, -128..127. */
    Q8(0, 8, 128, 0, false),
    /** 8-bit codes, 0..31. */
    Q8_MIN(0, 8, 0, 0, true),
    /** 4-bit codes, -8..7. */
    Q4(0, 4, 8, 0, false),
    /** 4-bit codes, 0..15. */
    Q4_MIN(0, 4, 0, 0, true),
    /** 8-bit codes, -128..127, one integer per block. */
    K8(0, 8, 128, 1, false),
    /** 8-bit codes, 0..31, one integer per block. */
    K8_MIN(0, 8, 0, 1, true),
    /** 8-bit codes, -32..31, two integers per block. */
    K8_16(0, 8, 32, 2, false),
    /** 4-bit codes, 0..15, one integer per block. */
    K4_MIN(0, 4, 0, 1, true),
    /** 4-bit codes, 0..15, two integers per block. */
    K4_MIN16(0, 4, 0, 2, true);

    /** Output rows in a panel. */
    public static final int LANES = 16;
    /** Columns in a block. */
    public static final int BLOCK = 32;
    /** Columns that share f16 factors in layouts with integer ones. */
    public static final int SUPER_BLOCK = 256;

    static final int PANEL_ALIGNMENT = 64;

    private final int bytesPerWeight;
    private final int codeBits;
    private final int codeOffset;
    private final int integers;
    private final boolean minima;

    Layout(int bytesPerWeight, int codeBits, int codeOffset, int integers, boolean minima) {
        this.bytesPerWeight = bytesPerWeight;
        this.codeBits = codeBits;
        this.codeOffset = codeOffset;
        this.integers = integers;
        this.minima = minima;
    }

    /** Whether weights are codes in blocks, multiplied with activations that are quantized too. */
    public boolean quantized() {
        return codeBits > 0;
    }

    /** Bits of a code as stored; 0 for float layouts. */
    int codeBits() {
        return codeBits;
    }

    /** What is stored less this is the code. */
    int codeOffset() {
        return codeOffset;
    }

    /** Integer scales of a block: 0, 1 or 2. */
    int integers() {
        return integers;
    }

    /** Whether there are minima, as many as scales. */
    boolean hasMinima() {
        return minima;
    }

    /** Columns that share an f16 scale. */
    int scaleColumns() {
        return integers > 0 ? SUPER_BLOCK : BLOCK;
    }

    /** Bytes from one panel to the next. */
    public long panelBytes(long columns) {
        long bytes = quantized() ? minimaOffset(columns) + minimaBytes(columns) : columns * LANES * bytesPerWeight;
        return (bytes + PANEL_ALIGNMENT - 1) / PANEL_ALIGNMENT * PANEL_ALIGNMENT;
    }

    /** Offset of the integer scales of all blocks within a panel. */
    long integerScalesOffset(long columns) {
        return columns / BLOCK * LANES * BLOCK * codeBits / Byte.SIZE;
    }

    /** Offset of the integer minima of all blocks within a panel. */
    long integerMinimaOffset(long columns) {
        return integerScalesOffset(columns) + integerBytes(columns);
    }

    /** Offset of the f16 scales of all blocks within a panel. */
    long scalesOffset(long columns) {
        return integerMinimaOffset(columns) + (minima ? integerBytes(columns) : 0);
    }

    /** Offset of the f16 minima of all blocks within a panel. */
    long minimaOffset(long columns) {
        return scalesOffset(columns) + columns / scaleColumns() * LANES * Short.BYTES;
    }

    private long minimaBytes(long columns) {
        return minima ? columns / scaleColumns() * LANES * Short.BYTES : 0;
    }

    private long integerBytes(long columns) {
        return columns / BLOCK * integers * LANES;
    }
}
