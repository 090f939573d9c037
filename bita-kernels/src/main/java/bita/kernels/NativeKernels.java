package bita.kernels;

import static bita.kernels.NativeFunction.NONE;
import static bita.kernels.NativeFunction.bits;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Optional;

/** The C kernels (src/main/c) on one instruction set, called through the foreign function API. */
@SuppressWarnings("EnumOrdinal") // bita.h numbers the constants in the same order
final class NativeKernels implements Kernels {
    private final InstructionSet isa;
    private final int code;

    private NativeKernels(InstructionSet isa) {
        this.isa = isa;
        this.code = isa.ordinal();
    }

    /** The kernels for an instruction set that {@link #supports} has confirmed. */
    static NativeKernels of(InstructionSet isa) {
        return new NativeKernels(isa);
    }

    /** Whether library, processor and operating system have the instruction set. Loads the library. */
    static boolean supports(InstructionSet isa) {
        return NativeFunction.SUPPORTS.call(isa.ordinal(), NONE, NONE, 0, 0, 0, 0, 0) == 1;
    }

    /** Why an instruction set that the processor has cannot be used; empty if it can be, or the processor lacks it. */
    @SuppressWarnings("restricted") // the library's own text, which ends with a zero
    static Optional<String> problem(InstructionSet isa) {
        long text = NativeFunction.PROBLEM.call(isa.ordinal(), NONE, NONE, 0, 0, 0, 0, 0);
        return text == 0
                ? Optional.empty()
                : Optional.of(MemorySegment.ofAddress(text)
                        .reinterpret(Long.MAX_VALUE)
                        .getString(0));
    }

    @Override
    public Backend backend() {
        return Backend.NATIVE;
    }

    @Override
    public InstructionSet instructionSet() {
        return isa;
    }

    @Override
    @SuppressWarnings("restricted") // the segment has the size that was asked for
    public SegmentAllocator weightMemory(Arena arena, long bytes) {
        long block = NativeFunction.RESERVE.call(code, NONE, NONE, bytes, 0, 0, 0, 0);
        if (block == 0) {
            return arena;
        }
        return SegmentAllocator.slicingAllocator(
                MemorySegment.ofAddress(block).reinterpret(bytes, arena, reserved -> release(reserved, bytes)));
    }

    private void release(MemorySegment block, long bytes) {
        long _ = NativeFunction.RELEASE.call(code, block, NONE, bytes, 0, 0, 0, 0);
    }

    @Override
    public void readAhead(MemorySegment file) {
        Kernels.super.readAhead(file);
        long _ = NativeFunction.READ_AHEAD.call(code, file, NONE, file.byteSize(), 0, 0, 0, 0);
    }

    @Override
    public void dropPages(MemorySegment file) {
        Kernels.super.dropPages(file);
        long _ = NativeFunction.DROP_PAGES.call(code, file, NONE, file.byteSize(), 0, 0, 0, 0);
    }

    @Override
    public void pack(
            NumberFormat format, MemorySegment source, RowMap map, PackedMatrix target, int panelFrom, int panelTo) {
        target.checkSource(format, source, map);
        long _ = NativeFunction.PACK.call(
                code,
                source,
                map.sources(),
                target.data(),
                NONE,
                format.ordinal(),
                format.bytes(target.columns()),
                target.rows(),
                target.columns(),
                target.panelBytes(),
                panelFrom,
                panelTo,
                0);
    }

    @Override
    public void rmsNorm(
            MemorySegment x,
            MemorySegment weight,
            float epsilon,
            MemorySegment out,
            int columns,
            int rowFrom,
            int rowTo) {
        long _ = NativeFunction.RMS_NORM.call(
                code, x, weight, out, NONE, bits(epsilon), columns, rowFrom, rowTo, 0, 0, 0, 0);
    }

    @Override
    public void layerNorm(
            MemorySegment x,
            MemorySegment weight,
            MemorySegment bias,
            float epsilon,
            MemorySegment out,
            int columns,
            int rowFrom,
            int rowTo) {
        long _ = NativeFunction.LAYER_NORM.call(
                code, x, weight, bias, out, bits(epsilon), columns, rowFrom, rowTo, 0, 0, 0, 0);
    }

    @Override
    public void quantize(Activations a, int rows, int rowFrom, int rowTo, int blockFrom, int blockTo) {
        long _ = NativeFunction.QUANTIZE.call(
                code,
                a.values(),
                a.codes(),
                a.scales(),
                a.sums(),
                a.halfSums(),
                a.scaledSums(),
                NONE,
                NONE,
                NONE,
                NONE,
                NONE,
                NONE,
                NONE,
                a.columns(),
                rows,
                rowFrom,
                rowTo,
                blockFrom,
                blockTo,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0);
    }

    @Override
    public void multiply(
            PackedMatrix w,
            Activations x,
            int rows,
            MemorySegment out,
            long outStride,
            boolean add,
            int panelFrom,
            int panelTo) {
        long _ = NativeFunction.MULTIPLY.call(
                code,
                w.data(),
                x.values(),
                x.codes(),
                x.scales(),
                x.sums(),
                x.halfSums(),
                x.scaledSums(),
                out,
                NONE,
                NONE,
                NONE,
                NONE,
                NONE,
                w.layout().ordinal(),
                w.panelBytes(),
                w.rows(),
                w.columns(),
                rows,
                outStride,
                add ? 1 : 0,
                panelFrom,
                panelTo,
                0,
                0,
                0,
                0,
                0);
    }

    @Override
    public void addBias(MemorySegment out, long outStride, MemorySegment bias, int rows, int columnFrom, int columnTo) {
        long _ = NativeFunction.ADD_BIAS.call(code, out, bias, outStride, rows, columnFrom, columnTo, 0);
    }

    @Override
    public void add(MemorySegment x, MemorySegment y, long from, long to) {
        long _ = NativeFunction.ADD.call(code, x, y, from, to, 0, 0, 0);
    }

    @Override
    public void rotate(
            MemorySegment x, long stride, int headDim, MemorySegment rotary, int rows, int columnFrom, int columnTo) {
        long _ = NativeFunction.ROTATE.call(code, x, rotary, stride, headDim, rows, columnFrom, columnTo);
    }

    @Override
    public void storeKeys(
            MemorySegment keys,
            AttentionShape shape,
            KvLayer layer,
            int firstSlot,
            int rows,
            int columnFrom,
            int columnTo) {
        store(NativeFunction.STORE_KEYS, keys, layer.keys(), shape, layer, firstSlot, rows, columnFrom, columnTo);
    }

    @Override
    public void storeValues(
            MemorySegment values,
            AttentionShape shape,
            KvLayer layer,
            int firstSlot,
            int rows,
            int columnFrom,
            int columnTo) {
        store(NativeFunction.STORE_VALUES, values, layer.values(), shape, layer, firstSlot, rows, columnFrom, columnTo);
    }

    private void store(
            NativeFunction function,
            MemorySegment from,
            MemorySegment cache,
            AttentionShape shape,
            KvLayer layer,
            int firstSlot,
            int rows,
            int columnFrom,
            int columnTo) {
        long _ = function.call(
                code,
                from,
                cache,
                NONE,
                NONE,
                shape.kvHeads(),
                shape.headDim(),
                layer.slots(),
                layer.format().ordinal(),
                firstSlot,
                rows,
                columnFrom,
                columnTo);
    }

    @Override
    public void attend(Attention a, MemorySegment out, MemorySegment scratch, int itemFrom, int itemTo) {
        attend(NativeFunction.ATTEND, a, out, scratch, NONE, NONE, itemFrom, itemTo, 0, 0);
    }

    @Override
    public void attendScores(Attention a, PositionSplit split, int part) {
        attend(
                NativeFunction.ATTEND_SCORES,
                a,
                split.scores(),
                split.maxima(),
                NONE,
                NONE,
                split.scoresOf(1),
                split.blocks(),
                part,
                split.parts());
    }

    @Override
    public void attendBlocks(Attention a, PositionSplit split, MemorySegment scratch, int part) {
        attend(
                NativeFunction.ATTEND_BLOCKS,
                a,
                split.scores(),
                split.maxima(),
                split.partial(),
                scratch,
                split.scoresOf(1),
                split.blocks(),
                part,
                split.parts());
    }

    @Override
    public void attendTotals(Attention a, PositionSplit split, MemorySegment out, int itemFrom, int itemTo) {
        attend(NativeFunction.ATTEND_TOTALS, a, split.partial(), out, NONE, NONE, split.blocks(), itemFrom, itemTo, 0);
    }

    /** What all kernels of attention are given, then the pointers and numbers of their own. */
    private void attend(
            NativeFunction function,
            Attention a,
            MemorySegment p0,
            MemorySegment p1,
            MemorySegment p2,
            MemorySegment p3,
            long n0,
            long n1,
            long n2,
            long n3) {
        AttentionShape shape = a.shape();
        KvLayer layer = a.layer();
        PromptLayer prompt = a.prompt();
        Visibility visibility = a.visibility();
        long _ = function.call(
                code,
                a.query(),
                layer.keys(),
                layer.values(),
                prompt.keys(),
                prompt.values(),
                visibility.prefix(),
                visibility.pathStart(),
                visibility.path(),
                visibility.prompted(),
                p0,
                p1,
                p2,
                p3,
                a.rows(),
                shape.heads(),
                shape.kvHeads(),
                shape.headDim(),
                bits(shape.scale()),
                bits(shape.cap()),
                shape.window(),
                layer.slots(),
                layer.format().ordinal(),
                prompt.prompts(),
                n0,
                n1,
                n2,
                n3);
    }

    @Override
    public void activateGated(Activation activation, MemorySegment gate, MemorySegment up, long from, long to) {
        long _ = NativeFunction.ACTIVATE_GATED.call(code, gate, up, activation.ordinal(), from, to, 0, 0);
    }

    @Override
    public void activate(Activation activation, MemorySegment x, long from, long to) {
        long _ = NativeFunction.ACTIVATE.call(code, x, NONE, activation.ordinal(), from, to, 0, 0);
    }

    @Override
    public void cap(MemorySegment x, float cap, long from, long to) {
        long _ = NativeFunction.SOFT_CAP.call(code, x, NONE, bits(cap), from, to, 0, 0);
    }

    @Override
    public int argmax(MemorySegment x, int count) {
        return (int) NativeFunction.ARGMAX.call(code, x, NONE, count, 0, 0, 0, 0);
    }

    @Override
    public boolean largest(MemorySegment x, int count, int most, MemorySegment indices, MemorySegment values) {
        return NativeFunction.LARGEST.call(code, x, indices, values, NONE, count, most, 0, 0, 0, 0, 0, 0) != 0;
    }

    @Override
    public float exponentialSum(MemorySegment x, int count, float maximum) {
        long bits = NativeFunction.EXPONENTIAL_SUM.call(code, x, NONE, count, bits(maximum), 0, 0, 0);
        return Float.intBitsToFloat((int) bits);
    }

    /** Reads a segment from end to end and returns a value that depends on all of it. */
    long readSweep(MemorySegment memory) {
        return NativeFunction.READ_SWEEP.call(code, memory, NONE, memory.byteSize(), 0, 0, 0, 0);
    }

    /** Multiplies and adds codes as fast as the processor can, and returns how many. */
    long integerPeak(long rounds) {
        return NativeFunction.INTEGER_PEAK.call(code, NONE, NONE, rounds, 0, 0, 0, 0);
    }

    /** Multiplies and adds f32 numbers as fast as the processor can, and returns how many. */
    long floatPeak(long rounds) {
        return NativeFunction.FLOAT_PEAK.call(code, NONE, NONE, rounds, 0, 0, 0, 0);
    }
}
