package bita.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.invoke.MethodHandle;
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
        try {
            return (int) Functions.SUPPORTS.invokeExact(isa.ordinal()) == 1;
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    /** Why an instruction set that the processor has cannot be used; empty if it can be, or the processor lacks it. */
    @SuppressWarnings("restricted") // the library's own text, which ends with a zero
    static Optional<String> problem(InstructionSet isa) {
        try {
            MemorySegment text = (MemorySegment) Functions.PROBLEM.invokeExact(isa.ordinal());
            return text.equals(MemorySegment.NULL)
                    ? Optional.empty()
                    : Optional.of(text.reinterpret(Long.MAX_VALUE).getString(0));
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
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
        try {
            MemorySegment block = (MemorySegment) Functions.RESERVE.invokeExact(bytes);
            if (block.equals(MemorySegment.NULL)) {
                return arena;
            }
            return SegmentAllocator.slicingAllocator(
                    block.reinterpret(bytes, arena, reserved -> release(reserved, bytes)));
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    private static void release(MemorySegment block, long bytes) {
        try {
            Functions.RELEASE.invokeExact(block, bytes);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void readAhead(MemorySegment file) {
        Kernels.super.readAhead(file);
        try {
            Functions.READ_AHEAD.invokeExact(file, file.byteSize());
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void dropPages(MemorySegment file) {
        Kernels.super.dropPages(file);
        try {
            Functions.DROP_PAGES.invokeExact(file, file.byteSize());
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void pack(
            NumberFormat format, MemorySegment source, RowMap map, PackedMatrix target, int panelFrom, int panelTo) {
        target.checkSource(format, source, map);
        try {
            Functions.PACK.invokeExact(
                    code,
                    format.ordinal(),
                    source,
                    format.bytes(target.columns()),
                    map.sources(),
                    target.rows(),
                    target.columns(),
                    target.data(),
                    target.panelBytes(),
                    panelFrom,
                    panelTo);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
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
        try {
            Functions.RMS_NORM.invokeExact(code, x, weight, epsilon, out, columns, rowFrom, rowTo);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
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
        try {
            SomeFamilies.LAYER_NORM.invokeExact(code, x, weight, bias, epsilon, out, columns, rowFrom, rowTo);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void quantize(Activations a, int rows, int rowFrom, int rowTo, int blockFrom, int blockTo) {
        try {
            Functions.QUANTIZE.invokeExact(
                    code,
                    a.values(),
                    a.codes(),
                    a.scales(),
                    a.sums(),
                    a.halfSums(),
                    a.scaledSums(),
                    a.columns(),
                    rows,
                    rowFrom,
                    rowTo,
                    blockFrom,
                    blockTo);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
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
        try {
            Functions.MULTIPLY.invokeExact(
                    code,
                    w.layout().ordinal(),
                    w.data(),
                    w.panelBytes(),
                    w.rows(),
                    w.columns(),
                    x.values(),
                    x.codes(),
                    x.scales(),
                    x.sums(),
                    x.halfSums(),
                    x.scaledSums(),
                    rows,
                    out,
                    outStride,
                    add ? 1 : 0,
                    panelFrom,
                    panelTo);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void addBias(MemorySegment out, long outStride, MemorySegment bias, int rows, int columnFrom, int columnTo) {
        try {
            SomeFamilies.ADD_BIAS.invokeExact(code, out, outStride, bias, rows, columnFrom, columnTo);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void add(MemorySegment x, MemorySegment y, long from, long to) {
        try {
            Functions.ADD.invokeExact(code, x, y, from, to);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void rotate(
            MemorySegment x, long stride, int headDim, MemorySegment rotary, int rows, int columnFrom, int columnTo) {
        try {
            Functions.ROTATE.invokeExact(code, x, stride, headDim, rotary, rows, columnFrom, columnTo);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
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
        try {
            Functions.STORE_KEYS.invokeExact(
                    code,
                    keys,
                    shape.kvHeads(),
                    shape.headDim(),
                    layer.keys(),
                    layer.slots(),
                    layer.format().ordinal(),
                    firstSlot,
                    rows,
                    columnFrom,
                    columnTo);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
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
        try {
            Functions.STORE_VALUES.invokeExact(
                    code,
                    values,
                    shape.kvHeads(),
                    shape.headDim(),
                    layer.values(),
                    layer.slots(),
                    layer.format().ordinal(),
                    firstSlot,
                    rows,
                    columnFrom,
                    columnTo);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void attend(Attention a, MemorySegment out, MemorySegment scratch, int itemFrom, int itemTo) {
        AttentionShape shape = a.shape();
        KvLayer layer = a.layer();
        PromptLayer prompt = a.prompt();
        Visibility visibility = a.visibility();
        try {
            Functions.ATTEND.invokeExact(
                    code,
                    a.query(),
                    a.rows(),
                    shape.heads(),
                    shape.kvHeads(),
                    shape.headDim(),
                    shape.scale(),
                    shape.cap(),
                    shape.window(),
                    layer.keys(),
                    layer.values(),
                    layer.slots(),
                    layer.format().ordinal(),
                    prompt.keys(),
                    prompt.values(),
                    prompt.prompts(),
                    visibility.prefix(),
                    visibility.pathStart(),
                    visibility.path(),
                    visibility.prompted(),
                    out,
                    scratch,
                    itemFrom,
                    itemTo);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void attendScores(Attention a, PositionSplit split, int part) {
        AttentionShape shape = a.shape();
        KvLayer layer = a.layer();
        PromptLayer prompt = a.prompt();
        Visibility visibility = a.visibility();
        try {
            SplitAttention.ATTEND_SCORES.invokeExact(
                    code,
                    a.query(),
                    a.rows(),
                    shape.heads(),
                    shape.kvHeads(),
                    shape.headDim(),
                    shape.scale(),
                    shape.cap(),
                    shape.window(),
                    layer.keys(),
                    layer.values(),
                    layer.slots(),
                    layer.format().ordinal(),
                    prompt.keys(),
                    prompt.values(),
                    prompt.prompts(),
                    visibility.prefix(),
                    visibility.pathStart(),
                    visibility.path(),
                    visibility.prompted(),
                    split.scores(),
                    split.scoresOf(1),
                    split.maxima(),
                    split.blocks(),
                    part,
                    split.parts());
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void attendBlocks(Attention a, PositionSplit split, MemorySegment scratch, int part) {
        AttentionShape shape = a.shape();
        KvLayer layer = a.layer();
        PromptLayer prompt = a.prompt();
        Visibility visibility = a.visibility();
        try {
            SplitAttention.ATTEND_BLOCKS.invokeExact(
                    code,
                    a.query(),
                    a.rows(),
                    shape.heads(),
                    shape.kvHeads(),
                    shape.headDim(),
                    shape.scale(),
                    shape.cap(),
                    shape.window(),
                    layer.keys(),
                    layer.values(),
                    layer.slots(),
                    layer.format().ordinal(),
                    prompt.keys(),
                    prompt.values(),
                    prompt.prompts(),
                    visibility.prefix(),
                    visibility.pathStart(),
                    visibility.path(),
                    visibility.prompted(),
                    split.scores(),
                    split.scoresOf(1),
                    split.maxima(),
                    split.blocks(),
                    split.partial(),
                    scratch,
                    part,
                    split.parts());
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void attendTotals(Attention a, PositionSplit split, MemorySegment out, int itemFrom, int itemTo) {
        AttentionShape shape = a.shape();
        KvLayer layer = a.layer();
        PromptLayer prompt = a.prompt();
        Visibility visibility = a.visibility();
        try {
            SplitAttention.ATTEND_TOTALS.invokeExact(
                    code,
                    a.query(),
                    a.rows(),
                    shape.heads(),
                    shape.kvHeads(),
                    shape.headDim(),
                    shape.scale(),
                    shape.cap(),
                    shape.window(),
                    layer.keys(),
                    layer.values(),
                    layer.slots(),
                    layer.format().ordinal(),
                    prompt.keys(),
                    prompt.values(),
                    prompt.prompts(),
                    visibility.prefix(),
                    visibility.pathStart(),
                    visibility.path(),
                    visibility.prompted(),
                    split.partial(),
                    split.blocks(),
                    out,
                    itemFrom,
                    itemTo);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void activateGated(Activation activation, MemorySegment gate, MemorySegment up, long from, long to) {
        try {
            Functions.ACTIVATE_GATED.invokeExact(code, activation.ordinal(), gate, up, from, to);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void activate(Activation activation, MemorySegment x, long from, long to) {
        try {
            SomeFamilies.ACTIVATE.invokeExact(code, activation.ordinal(), x, from, to);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void cap(MemorySegment x, float cap, long from, long to) {
        try {
            SomeFamilies.CAP.invokeExact(code, x, cap, from, to);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public int argmax(MemorySegment x, int count) {
        try {
            return (int) Functions.ARGMAX.invokeExact(code, x, count);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public boolean largest(MemorySegment x, int count, int most, MemorySegment indices, MemorySegment values) {
        try {
            return (int) Functions.LARGEST.invokeExact(code, x, count, most, indices, values) != 0;
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    @Override
    public void exponentials(MemorySegment x, int count, float maximum, float factor, MemorySegment out) {
        try {
            Functions.EXPONENTIALS.invokeExact(code, x, count, maximum, factor, out);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    /** Reads a segment from end to end and returns a value that depends on all of it. */
    long readSweep(MemorySegment memory) {
        try {
            return (long) Measurements.READ_SWEEP.invokeExact(code, memory, memory.byteSize());
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    /** Multiplies and adds codes as fast as the processor can, and returns how many. */
    long integerPeak(long rounds) {
        try {
            return (long) Measurements.INTEGER_PEAK.invokeExact(code, rounds);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    /** Multiplies and adds f32 numbers as fast as the processor can, and returns how many. */
    long floatPeak(long rounds) {
        try {
            return (long) Measurements.FLOAT_PEAK.invokeExact(code, rounds);
        } catch (Throwable e) {
            throw NativeFunctions.unexpected(e);
        }
    }

    private static final String ATTENTION = "piiiiffippiippipppp";

    /**
     * Handles in the order of the list in bita.h, what all need; initialized with the first call. Java takes some ten
     * milliseconds for the first handle of a signature, so that others are made where they are needed.
     */
    private static final class Functions {
        static final MethodHandle SUPPORTS =
                NativeFunctions.handle("supports", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        static final MethodHandle PROBLEM = NativeFunctions.handle("problem", FunctionDescriptor.of(ADDRESS, JAVA_INT));
        static final MethodHandle RESERVE =
                NativeFunctions.handle("reserve", FunctionDescriptor.of(ADDRESS, JAVA_LONG));
        static final MethodHandle RELEASE =
                NativeFunctions.handle("release", FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG));
        static final MethodHandle READ_AHEAD =
                NativeFunctions.handle("read_ahead", FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG));
        static final MethodHandle DROP_PAGES =
                NativeFunctions.handle("drop_pages", FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG));
        static final MethodHandle PACK = NativeFunctions.kernel("pack", "iplpiiplii");
        static final MethodHandle RMS_NORM = NativeFunctions.kernel("rms_norm", "ppfpiii");
        static final MethodHandle QUANTIZE = NativeFunctions.kernel("quantize", "ppppppiiiiii");
        static final MethodHandle MULTIPLY = NativeFunctions.kernel("multiply", "ipliippppppipliii");
        static final MethodHandle ADD = NativeFunctions.kernel("add", "ppll");
        static final MethodHandle ROTATE = NativeFunctions.kernel("rotate", "plipiii");
        static final MethodHandle STORE_KEYS = NativeFunctions.kernel("store_keys", "piipiiiiii");
        static final MethodHandle STORE_VALUES = NativeFunctions.kernel("store_values", "piipiiiiii");
        static final MethodHandle ATTEND = NativeFunctions.kernel("attend", ATTENTION + "ppii");
        static final MethodHandle ACTIVATE_GATED = NativeFunctions.kernel("activate_gated", "ippll");
        static final MethodHandle ARGMAX = NativeFunctions.kernel(JAVA_INT, "argmax", "pi");
        static final MethodHandle LARGEST = NativeFunctions.kernel(JAVA_INT, "largest", "piipp");
        static final MethodHandle EXPONENTIALS = NativeFunctions.kernel("exponentials", "piffp");
    }

    /** Attention of few rows, split by positions. */
    private static final class SplitAttention {
        static final MethodHandle ATTEND_SCORES = NativeFunctions.kernel("attend_scores", ATTENTION + "plpiii");
        static final MethodHandle ATTEND_BLOCKS = NativeFunctions.kernel("attend_blocks", ATTENTION + "plpippii");
        static final MethodHandle ATTEND_TOTALS = NativeFunctions.kernel("attend_totals", ATTENTION + "pipii");
    }

    /** What only some families of models need. */
    private static final class SomeFamilies {
        static final MethodHandle LAYER_NORM = NativeFunctions.kernel("layer_norm", "pppfpiii");
        static final MethodHandle ADD_BIAS = NativeFunctions.kernel("add_bias", "plpiii");
        static final MethodHandle ACTIVATE = NativeFunctions.kernel("activate", "ipll");
        static final MethodHandle CAP = NativeFunctions.kernel("soft_cap", "pfll");
    }

    /** What only measurements of the machine need. */
    private static final class Measurements {
        static final MethodHandle READ_SWEEP = NativeFunctions.kernel(JAVA_LONG, "read_sweep", "pl");
        static final MethodHandle INTEGER_PEAK = NativeFunctions.kernel(JAVA_LONG, "integer_peak", "l");
        static final MethodHandle FLOAT_PEAK = NativeFunctions.kernel(JAVA_LONG, "float_peak", "l");
    }
}
