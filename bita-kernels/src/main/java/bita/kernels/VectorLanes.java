package bita.kernels;

import static jdk.incubator.vector.VectorOperators.B2I;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the Vector API lacks. The sixteen lanes of the kernels' definition are one, two or four vectors of
 * {@link #WIDTH} numbers, worked through one after the other.
 */
final class VectorLanes {
    static final VectorSpecies<Float> FLOATS = floats();
    static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
    static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, FLOATS.vectorShape());
    static final int WIDTH = FLOATS.length();
    static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    /** As many 16-bit numbers as the other vectors have lanes. */
    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

    /** As many 8-bit numbers, or the least that a vector has. */
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(Long.SIZE, FLOATS.vectorBitSize() / 4)));

    /** Adding it to a number within +-2^22 leaves the nearest integer, ties to even, in the low bits. */
    private static final float ROUNDER = 0x1.8p23f;

    private static final int EXPONENT_SHIFT = 23;
    private static final int EXPONENT_BIAS = 127;
    private static final int INFINITY_BITS = 0x7f800000;

    private VectorLanes() {}

    private static VectorSpecies<Float> floats() {
        int bits = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        return bits >= 512 ? FloatVector.SPECIES_512 : bits >= 256 ? FloatVector.SPECIES_256 : FloatVector.SPECIES_128;
    }

    /** f32 numbers at a byte offset. */
    static FloatVector load(MemorySegment source, long offset) {
        return FloatVector.fromMemorySegment(FLOATS, source, offset, ORDER);
    }

    /** f16 numbers at a byte offset. */
    static FloatVector loadF16(MemorySegment source, long offset) {
        IntVector half = loadShorts(source, offset);
        IntVector magnitude = half.and(0x7fff).lanewise(LSHL, 13);
        // A product with a power of two moves the exponent's bias and normalizes what is subnormal.
        IntVector bits = magnitude.reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
        VectorMask<Integer> notFinite = magnitude.compare(GE, 0x1f << EXPONENT_SHIFT);
        bits = bits.blend(bits.or(INFINITY_BITS), notFinite);
        return bits.or(half.and(0x8000).lanewise(LSHL, 16)).reinterpretAsFloats();
    }

    /** bf16 numbers at a byte offset. */
    static FloatVector loadBf16(MemorySegment source, long offset) {
        return loadShorts(source, offset).lanewise(LSHL, 16).reinterpretAsFloats();
    }

    /** Signed 8-bit numbers at a byte offset; reads eight bytes at least. */
    static IntVector loadBytes(MemorySegment source, long offset) {
        return ByteVector.fromMemorySegment(BYTES, source, offset, ORDER)
                .convertShape(B2I, INTS, 0)
                .reinterpretAsInts();
    }

    private static IntVector loadShorts(MemorySegment source, long offset) {
        return ShortVector.fromMemorySegment(HALVES, source, offset, ORDER)
                .convertShape(ZERO_EXTEND_S2I, INTS, 0)
                .reinterpretAsInts();
    }

    /** {@link ScalarMath#exp} of each number. */
    static FloatVector exp(FloatVector x) {
        FloatVector rounded = x.mul(ScalarMath.LOG2_E).add(ROUNDER);
        FloatVector n = rounded.sub(ROUNDER);
        FloatVector r = n.fma(broadcast(-ScalarMath.LN2_HIGH), x);
        r = n.fma(broadcast(-ScalarMath.LN2_LOW), r);
        FloatVector p = broadcast(1f / 720);
        p = p.fma(r, broadcast(1f / 120));
        p = p.fma(r, broadcast(1f / 24));
        p = p.fma(r, broadcast(1f / 6));
        p = p.fma(r, broadcast(0.5f));
        p = p.fma(r, broadcast(1f));
        p = p.fma(r, broadcast(1f));
        IntVector powerBits =
                rounded.reinterpretAsInts().lanewise(LSHL, EXPONENT_SHIFT).add(EXPONENT_BIAS << EXPONENT_SHIFT);
        FloatVector y = p.mul(powerBits.reinterpretAsFloats());
        y = y.blend(0f, x.compare(LT, ScalarMath.EXP_LOW));
        return y.blend(Float.POSITIVE_INFINITY, x.compare(GT, ScalarMath.EXP_HIGH));
    }

    /** {@link ScalarMath#tanh} of each number. */
    static FloatVector tanh(FloatVector x) {
        FloatVector square = x.mul(x);
        FloatVector p = broadcast(ScalarMath.TANH_COEFFICIENTS[0]);
        p = p.fma(square, broadcast(ScalarMath.TANH_COEFFICIENTS[1]));
        p = p.fma(square, broadcast(ScalarMath.TANH_COEFFICIENTS[2]));
        p = p.fma(square, broadcast(ScalarMath.TANH_COEFFICIENTS[3]));
        p = p.fma(square, broadcast(ScalarMath.TANH_COEFFICIENTS[4]));
        FloatVector near = p.mul(square).fma(x, x);
        FloatVector far = broadcast(1f).sub(broadcast(2f).div(exp(x.add(x)).add(1f)));
        return far.blend(near, square.compare(LT, ScalarMath.TANH_NEAR_SQUARE));
    }

    /** {@link ScalarMath#activate} of each number. */
    static FloatVector activate(Activation activation, FloatVector x) {
        return switch (activation) {
            case SILU -> x.div(exp(x.neg()).add(1f));
            case GELU_TANH -> {
                FloatVector factor = x.mul(x).fma(broadcast(ScalarMath.GELU_CUBIC), broadcast(ScalarMath.GELU_LINEAR));
                yield vanishing(x, x.div(exp(x.mul(factor)).add(1f)));
            }
            case GELU_ERF -> {
                FloatVector beyond = normalBeyond(x);
                FloatVector share = broadcast(1f).sub(beyond).blend(beyond, x.compare(LT, 0f));
                yield vanishing(x, x.mul(share));
            }
        };
    }

    private static FloatVector vanishing(FloatVector x, FloatVector y) {
        return y.blend(-0f, x.compare(EQ, Float.NEGATIVE_INFINITY));
    }

    private static FloatVector normalBeyond(FloatVector x) {
        FloatVector t = broadcast(1f).div(x.abs().fma(broadcast(ScalarMath.NORMAL_FACTOR), broadcast(1f)));
        FloatVector p = broadcast(ScalarMath.NORMAL_COEFFICIENTS[0]);
        p = p.fma(t, broadcast(ScalarMath.NORMAL_COEFFICIENTS[1]));
        p = p.fma(t, broadcast(ScalarMath.NORMAL_COEFFICIENTS[2]));
        p = p.fma(t, broadcast(ScalarMath.NORMAL_COEFFICIENTS[3]));
        p = p.fma(t, broadcast(ScalarMath.NORMAL_COEFFICIENTS[4]));
        return p.mul(t).mul(exp(x.mul(-0.5f).mul(x)));
    }

    static FloatVector broadcast(float x) {
        return FloatVector.broadcast(FLOATS, x);
    }
}
