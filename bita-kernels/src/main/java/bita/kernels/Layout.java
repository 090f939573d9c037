package bita.kernels;

/**
 * How a weight matrix lies in memory after packing, one for all backends: panels of {@value #LANES} output rows, the
 * rows being the SIMD lanes. The panels of float layouts are (columns, 16). Those of block layouts hold the codes of
 * all blocks of {@value #BLOCK} columns, then the blocks' f16 scales (blocks, 16), then, if any, their f16 minima
 * (blocks, 16). Codes lie in groups of four columns, one 32-bit word per lane, as integer dot product instructions
 * read them: 8-bit codes as (blocks, 8 groups, 16 lanes, 4), stored plus 128; 4-bit codes as (blocks, 4 groups,
 * 16 lanes, 4), the low half of byte (g, l, i) being column 4g + i, the high half column 16 + 4g + i.
 */
public enum Layout {
    F32(4, 0, 0),
    F16(2, 0, 0),
    BF16(2, 0, 0),
    /** 8-bit codes c; weight = scale * c. */
    Q8(0, 32, 2),
    /** 4-bit codes c; weight = scale * (c - 8). */
    Q4(0, 16, 2),
    /** 4-bit codes c; weight = scale * c + minimum. */
    Q4_MIN(0, 16, 4);

    /** Output rows in a panel. */
    public static final int LANES = 16;
    /** Columns in a block. */
    public static final int BLOCK = 32;

    static final int PANEL_ALIGNMENT = 64;

    private final int bytesPerWeight;
    private final int codeBytesPerBlock;
    private final int factorBytesPerBlock;

    Layout(int bytesPerWeight, int codeBytesPerBlock, int factorBytesPerBlock) {
        this.bytesPerWeight = bytesPerWeight;
        this.codeBytesPerBlock = codeBytesPerBlock;
        this.factorBytesPerBlock = factorBytesPerBlock;
    }

    /** Whether weights are codes in blocks, multiplied with activations that are quantized too. */
    public boolean quantized() {
        return codeBytesPerBlock > 0;
    }

    /** Bytes from one panel to the next. */
    public long panelBytes(long columns) {
        long bytes = quantized()
                ? columns / BLOCK * LANES * (codeBytesPerBlock + factorBytesPerBlock)
                : columns * LANES * bytesPerWeight;
        return (bytes + PANEL_ALIGNMENT - 1) / PANEL_ALIGNMENT * PANEL_ALIGNMENT;
    }

    /** Offset of the scales of all blocks within a panel. */
    long scalesOffset(int columns) {
        return (long) (columns / BLOCK) * LANES * codeBytesPerBlock;
    }

    /** Offset of the minima of all blocks within a panel. */
    long minimaOffset(int columns) {
        return scalesOffset(columns) + (long) (columns / BLOCK) * LANES * Short.BYTES;
    }
}
