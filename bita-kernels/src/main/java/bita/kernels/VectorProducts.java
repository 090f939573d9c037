package bita.kernels;

import static bita.kernels.VectorLanes.FLOATS;
import static bita.kernels.VectorLanes.INTS;
import static bita.kernels.VectorLanes.ORDER;
import static bita.kernels.VectorLanes.SHORTS;
import static bita.kernels.VectorLanes.WIDTH;
import static bita.kernels.VectorLanes.broadcast;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;

/**
 * One call of {@link Kernels#multiply} with the Vector API. A tile is a vector of output rows times four rows of
 * activations (or, for a single row and float weights, four panels): four independent sums hide the latency of the
 * fma, and what is unpacked of the weights serves four rows.
 *
 * <p>Codes are multiplied as 16-bit numbers. The 32-bit word of a lane holds the codes of four columns; its even and
 * its odd bytes make two pairs of 16-bit numbers, which meet the same pairs of activation codes in every lane. The
 * sums cannot overflow: 16 * 15 * 127 with 4-bit codes, 8 * 32 * 127 with those of 5 and 6 bits and 2 * 128 * 127 with 8-bit
 * codes before they are widened.
 */
final class VectorProducts {
    private static final int LANES = Layout.LANES;
    private static final int BLOCK = Layout.BLOCK;
    private static final int TILE = 4;
    private static final int GROUP = 4;
    private static final int GROUPS = BLOCK / GROUP;
    /** Bytes of a group's codes in all lanes. */
    private static final int GROUP_BYTES = LANES * Integer.BYTES;

    private final PackedMatrix weights;
    private final Layout layout;
    private final MemorySegment data;
    private final int columns;
    private final MemorySegment x;
    private final MemorySegment scales;
    private final MemorySegment sums;
    private final MemorySegment halfSums;
    private final MemorySegment scaledSums;
    private final MemorySegment out;
    private final long outStride;
    private final boolean add;
    private final int rows;
    /** Activation codes of columns 4g and 4g + 2, and of 4g + 1 and 4g + 3, as two 16-bit halves. */
    private final int[] evenCodes;

    private final int[] oddCodes;

    VectorProducts(
            PackedMatrix weights, Activations activations, int rows, MemorySegment out, long outStride, boolean add) {
        this.weights = weights;
        this.layout = weights.layout();
        this.data = weights.data();
        this.columns = weights.columns();
        this.x = activations.values();
        this.scales = activations.scales();
        this.sums = activations.sums();
        this.halfSums = activations.halfSums();
        this.scaledSums = activations.scaledSums();
        this.out = out;
        this.outStride = outStride;
        this.add = add;
        this.rows = rows;
        int groups = layout.quantized() ? rows * (columns / GROUP) : 0;
        evenCodes = new int[groups];
        oddCodes = new int[groups];
        for (int g = 0; g < groups; g++) {
            int codes = activations.codes().getAtIndex(JAVA_INT, g);
            evenCodes[g] = ((byte) codes & 0xffff) | ((byte) (codes >> 16) << 16);
            oddCodes[g] = ((byte) (codes >> 8) & 0xffff) | (codes >> 24 << 16);
        }
    }

    void multiply(int panelFrom, int panelTo) {
        for (int lane = 0; lane < LANES; lane += WIDTH) {
            int panel = panelFrom;
            if (rows == 1 && !layout.quantized()) {
                for (; panel + TILE <= panelTo; panel += TILE) {
                    panelTile(panel, lane);
                }
            }
            for (; panel < panelTo; panel++) {
                int row = 0;
                for (; row + TILE <= rows; row += TILE) {
                    if (layout.quantized()) {
                        quantizedTile(panel, lane, row);
                    } else {
                        rowTile(panel, lane, row);
                    }
                }
                for (; row < rows; row++) {
                    put(panel, lane, row, layout.quantized() ? quantizedRow(panel, lane, row) : row(panel, lane, row));
                }
            }
        }
    }

    private void put(int panel, int lane, int row, FloatVector sum) {
        int output = panel * LANES + lane;
        long to = (row * outStride + output) * Float.BYTES;
        int lanes = weights.rows() - output;
        if (lanes >= WIDTH) {
            (add ? VectorLanes.load(out, to).add(sum) : sum).intoMemorySegment(out, to, ORDER);
        } else if (lanes > 0) {
            VectorMask<Float> part = FLOATS.indexInRange(0, lanes);
            FloatVector before = FloatVector.fromMemorySegment(FLOATS, out, to, ORDER, part);
            (add ? before.add(sum) : sum).intoMemorySegment(out, to, ORDER, part);
        }
    }

    private FloatVector weights(long panel, int k, int lane) {
        long index = (long) k * LANES + lane;
        return switch (layout) {
            case F32 -> VectorLanes.load(data, panel + index * Float.BYTES);
            case F16 -> VectorLanes.loadF16(data, panel + index * Short.BYTES);
            case BF16 -> VectorLanes.loadBf16(data, panel + index * Short.BYTES);
            default -> throw new IllegalStateException(layout + " holds codes");
        };
    }

    private float x(long index) {
        return x.getAtIndex(JAVA_FLOAT, index);
    }

    private FloatVector row(int panel, int lane, int row) {
        long from = panel * weights.panelBytes();
        long at = (long) row * columns;
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int k = 0; k < columns; k++) {
            sum = weights(from, k, lane).fma(broadcast(x(at + k)), sum);
        }
        return sum;
    }

    private void rowTile(int panel, int lane, int row) {
        long from = panel * weights.panelBytes();
        long at0 = (long) row * columns;
        long at1 = at0 + columns;
        long at2 = at1 + columns;
        long at3 = at2 + columns;
        FloatVector sum0 = FloatVector.zero(FLOATS);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        for (int k = 0; k < columns; k++) {
            FloatVector w = weights(from, k, lane);
            sum0 = w.fma(broadcast(x(at0 + k)), sum0);
            sum1 = w.fma(broadcast(x(at1 + k)), sum1);
            sum2 = w.fma(broadcast(x(at2 + k)), sum2);
            sum3 = w.fma(broadcast(x(at3 + k)), sum3);
        }
        put(panel, lane, row, sum0);
        put(panel, lane, row + 1, sum1);
        put(panel, lane, row + 2, sum2);
        put(panel, lane, row + 3, sum3);
    }

    private void panelTile(int panel, int lane) {
        long from0 = panel * weights.panelBytes();
        long from1 = from0 + weights.panelBytes();
        long from2 = from1 + weights.panelBytes();
        long from3 = from2 + weights.panelBytes();
        FloatVector sum0 = FloatVector.zero(FLOATS);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        for (int k = 0; k < columns; k++) {
            FloatVector value = broadcast(x(k));
            sum0 = weights(from0, k, lane).fma(value, sum0);
            sum1 = weights(from1, k, lane).fma(value, sum1);
            sum2 = weights(from2, k, lane).fma(value, sum2);
            sum3 = weights(from3, k, lane).fma(value, sum3);
        }
        put(panel, lane, 0, sum0);
        put(panel + 1, lane, 0, sum1);
        put(panel + 2, lane, 0, sum2);
        put(panel + 3, lane, 0, sum3);
    }

    private FloatVector quantizedRow(int panel, int lane, int row) {
        long from = panel * weights.panelBytes();
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int b = 0; b < columns / BLOCK; b++) {
            sum = addBlock(sum, from, lane, row, b);
        }
        return sum;
    }

    private void quantizedTile(int panel, int lane, int row) {
        long from = panel * weights.panelBytes();
        FloatVector sum0 = FloatVector.zero(FLOATS);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        for (int b = 0; b < columns / BLOCK; b++) {
            sum0 = addBlock(sum0, from, lane, row, b);
            sum1 = addBlock(sum1, from, lane, row + 1, b);
            sum2 = addBlock(sum2, from, lane, row + 2, b);
            sum3 = addBlock(sum3, from, lane, row + 3, b);
        }
        put(panel, lane, row, sum0);
        put(panel, lane, row + 1, sum1);
        put(panel, lane, row + 2, sum2);
        put(panel, lane, row + 3, sum3);
    }

    private FloatVector addBlock(FloatVector sum, long panel, int lane, int row, int b) {
        int block = b * rows + row;
        int codes = block * GROUPS;
        long from = panel + ((long) b * layout.codeBits() * LANES + lane) * Integer.BYTES;
        float scale = scales.getAtIndex(JAVA_FLOAT, block);
        IntVector dot = switch (layout) {
            case Q8, K8 -> dot8(from, codes);
            case Q8_MIN, K8_MIN -> addHalves(half(from, codes, 0)).add(addHalves(upperHalf(from, codes, 0)));
            case Q4 -> dot4(from, codes).sub(8 * sums.getAtIndex(JAVA_INT, block));
            case Q4_MIN, K4_MIN -> dot4(from, codes);
            case K8_16 ->
                integers(layout.integerScalesOffset(columns), panel, lane, 2 * b)
                        .mul(addHalves(half(from, codes, layout.codeOffset())))
                        .add(integers(layout.integerScalesOffset(columns), panel, lane, 2 * b + 1)
                                .mul(addHalves(upperHalf(from, codes, layout.codeOffset()))));
            case K4_MIN16 ->
                integers(layout.integerScalesOffset(columns), panel, lane, 2 * b)
                        .mul(addHalves(nibbleHalf(from, codes, 0)))
                        .add(integers(layout.integerScalesOffset(columns), panel, lane, 2 * b + 1)
                                .mul(addHalves(nibbleHalf(from, codes, 4))));
            case F32, F16, BF16 -> throw new IllegalStateException(layout + " holds numbers");
        };
        FloatVector product = factors(layout.scalesOffset(columns), layout.integerScalesOffset(columns), panel, lane, b)
                .mul(scale);
        FloatVector result = toFloats(dot).fma(product, sum);
        if (!layout.hasMinima()) {
            return result;
        }
        FloatVector minimum =
                factors(layout.minimaOffset(columns), layout.integerMinimaOffset(columns), panel, lane, b);
        if (layout.integers() < 2) {
            return minimum.fma(broadcast(scaledSums.getAtIndex(JAVA_FLOAT, block)), result);
        }
        IntVector minima = integers(layout.integerMinimaOffset(columns), panel, lane, 2 * b)
                .mul(halfSums.getAtIndex(JAVA_SHORT, 2L * block))
                .add(integers(layout.integerMinimaOffset(columns), panel, lane, 2 * b + 1)
                        .mul(halfSums.getAtIndex(JAVA_SHORT, 2L * block + 1)));
        return toFloats(minima).fma(minimum.mul(scale), result);
    }

    /** f16 factors of a block, times its integers where it has one of them for each row. */
    private FloatVector factors(long offset, long integersOffset, long panel, int lane, int b) {
        long index = (long) b * BLOCK / layout.scaleColumns();
        FloatVector wide = VectorLanes.loadF16(data, panel + offset + (index * LANES + lane) * Short.BYTES);
        return layout.integers() == 1 ? wide.mul(toFloats(integers(integersOffset, panel, lane, b))) : wide;
    }

    /** The integers of one row of sixteen. */
    private IntVector integers(long offset, long panel, int lane, int row) {
        return VectorLanes.loadBytes(data, panel + offset + (long) row * LANES + lane);
    }

    private static FloatVector toFloats(IntVector dot) {
        return (FloatVector) dot.convert(I2F, 0);
    }

    private IntVector dot4(long from, int codes) {
        ShortVector sum = ShortVector.zero(SHORTS);
        sum = addGroup4(sum, from, codes);
        sum = addGroup4(sum, from + GROUP_BYTES, codes + 1);
        sum = addGroup4(sum, from + 2 * GROUP_BYTES, codes + 2);
        sum = addGroup4(sum, from + 3 * GROUP_BYTES, codes + 3);
        return addHalves(sum);
    }

    private ShortVector addGroup4(ShortVector sum, long from, int codes) {
        IntVector words = words(from);
        int upper = codes + GROUPS / 2;
        return sum.add(nibbles(words).mul(codes(evenCodes, codes)))
                .add(nibbles(words.lanewise(LSHR, 8)).mul(codes(oddCodes, codes)))
                .add(nibbles(words.lanewise(LSHR, 4)).mul(codes(evenCodes, upper)))
                .add(nibbles(words.lanewise(LSHR, 12)).mul(codes(oddCodes, upper)));
    }

    /** The sums of products of one half's 4-bit codes, which lie in the low or the high halves of the bytes. */
    private ShortVector nibbleHalf(long from, int codes, int shift) {
        ShortVector sum = ShortVector.zero(SHORTS);
        for (int g = 0; g < GROUPS / 2; g++) {
            IntVector words = words(from + (long) g * GROUP_BYTES);
            int group = codes + g + (shift > 0 ? GROUPS / 2 : 0);
            sum = sum.add(nibbles(words.lanewise(LSHR, shift)).mul(codes(evenCodes, group)))
                    .add(nibbles(words.lanewise(LSHR, shift + 8)).mul(codes(oddCodes, group)));
        }
        return sum;
    }

    /** The sums of products of the first half's codes, which are bytes less {@code offset} and of six bits at most. */
    private ShortVector half(long from, int codes, int offset) {
        ShortVector sum = ShortVector.zero(SHORTS);
        for (int g = 0; g < GROUPS / 2; g++) {
            IntVector words = words(from + (long) g * GROUP_BYTES);
            ShortVector even = words.and(0x00ff00ff).reinterpretAsShorts().sub((short) offset);
            ShortVector odd = words.lanewise(LSHR, 8)
                    .and(0x00ff00ff)
                    .reinterpretAsShorts()
                    .sub((short) offset);
            sum = sum.add(even.mul(codes(evenCodes, codes + g))).add(odd.mul(codes(oddCodes, codes + g)));
        }
        return sum;
    }

    private ShortVector upperHalf(long from, int codes, int offset) {
        return half(from + GROUPS / 2 * GROUP_BYTES, codes + GROUPS / 2, offset);
    }

    private IntVector dot8(long from, int codes) {
        IntVector sum = group8(from, codes);
        for (int g = 1; g < GROUPS; g++) {
            sum = sum.add(group8(from + (long) g * GROUP_BYTES, codes + g));
        }
        return sum;
    }

    private IntVector group8(long from, int codes) {
        ShortVector bytes = words(from).lanewise(XOR, 0x80808080).reinterpretAsShorts();
        ShortVector even = bytes.lanewise(LSHL, 8).lanewise(ASHR, 8);
        ShortVector odd = bytes.lanewise(ASHR, 8);
        return addHalves(even.mul(codes(evenCodes, codes)).add(odd.mul(codes(oddCodes, codes))));
    }

    private IntVector words(long from) {
        return IntVector.fromMemorySegment(INTS, data, from, ORDER);
    }

    private static ShortVector nibbles(IntVector words) {
        return words.and(0x000f000f).reinterpretAsShorts();
    }

    private static ShortVector codes(int[] pairs, int group) {
        return IntVector.broadcast(INTS, pairs[group]).reinterpretAsShorts();
    }

    /** The sums of the two 16-bit numbers of each lane. */
    private static IntVector addHalves(ShortVector pairs) {
        IntVector words = pairs.reinterpretAsInts();
        return words.lanewise(LSHL, 16).lanewise(ASHR, 16).add(words.lanewise(ASHR, 16));
    }
}
