package bita.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

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
            throw unexpected(e);
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
            throw unexpected(e);
        }
    }

    private static void release(MemorySegment block, long bytes) {
        try {
            Functions.RELEASE.invokeExact(block, bytes);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public void readAhead(MemorySegment file) {
        Kernels.super.readAhead(file);
        try {
            Functions.READ_AHEAD.invokeExact(file, file.byteSize());
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public void dropPages(MemorySegment file) {
        Kernels.super.dropPages(file);
        try {
            Functions.DROP_PAGES.invokeExact(file, file.byteSize());
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public void pack(NumberFormat format, MemorySegment source, PackedMatrix target, int panelFrom, int panelTo) {
        target.checkSource(format, source);
        try {
            Functions.PACK.invokeExact(
                    code,
                    target.layout().ordinal(),
                    source,
                    format.bytes(target.columns()),
                    target.rows(),
                    target.columns(),
                    target.data(),
                    target.panelBytes(),
                    panelFrom,
                    panelTo);
        } catch (Throwable e) {
            throw unexpected(e);
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
            throw unexpected(e);
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
                    a.scaledSums(),
                    a.columns(),
                    rows,
                    rowFrom,
                    rowTo,
                    blockFrom,
                    blockTo);
        } catch (Throwable e) {
            throw unexpected(e);
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
                    x.scaledSums(),
                    rows,
                    out,
                    outStride,
                    add ? 1 : 0,
                    panelFrom,
                    panelTo);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public void rotate(
            MemorySegment x, long stride, int headDim, MemorySegment rotary, int rows, int columnFrom, int columnTo) {
        try {
            Functions.ROTATE.invokeExact(code, x, stride, headDim, rotary, rows, columnFrom, columnTo);
        } catch (Throwable e) {
            throw unexpected(e);
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
            throw unexpected(e);
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
            throw unexpected(e);
        }
    }

    @Override
    public void attend(
            MemorySegment query,
            int rows,
            AttentionShape shape,
            KvLayer layer,
            PromptLayer prompt,
            Visibility visibility,
            MemorySegment out,
            MemorySegment scratch,
            int itemFrom,
            int itemTo) {
        try {
            Functions.ATTEND.invokeExact(
                    code,
                    query,
                    rows,
                    shape.heads(),
                    shape.kvHeads(),
                    shape.headDim(),
                    shape.scale(),
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
            throw unexpected(e);
        }
    }

    @Override
    public void swiglu(MemorySegment gate, MemorySegment up, long from, long to) {
        try {
            Functions.SWIGLU.invokeExact(code, gate, up, from, to);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public int argmax(MemorySegment x, int count) {
        try {
            return (int) Functions.ARGMAX.invokeExact(code, x, count);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public void exponentials(MemorySegment x, int count, float maximum, float factor, MemorySegment out) {
        try {
            Functions.EXPONENTIALS.invokeExact(code, x, count, maximum, factor, out);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Reads a segment from end to end and returns a value that depends on all of it. */
    long readSweep(MemorySegment memory) {
        try {
            return (long) Functions.READ_SWEEP.invokeExact(code, memory, memory.byteSize());
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Multiplies and adds codes as fast as the processor can, and returns how many. */
    long integerPeak(long rounds) {
        try {
            return (long) Functions.INTEGER_PEAK.invokeExact(code, rounds);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Multiplies and adds f32 numbers as fast as the processor can, and returns how many. */
    long floatPeak(long rounds) {
        try {
            return (long) Functions.FLOAT_PEAK.invokeExact(code, rounds);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** A downcall throws nothing of its own but errors of the virtual machine. */
    private static RuntimeException unexpected(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
    }

    /** Handles in the order of the list in bita.h; initialized with the first call. */
    private static final class Functions {
        private static final SymbolLookup LIBRARY = NativeLibrary.lookup();

        static final MethodHandle SUPPORTS = handle("bita_supports", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        static final MethodHandle RESERVE = handle("bita_reserve", FunctionDescriptor.of(ADDRESS, JAVA_LONG));
        static final MethodHandle RELEASE = handle("bita_release", FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG));
        static final MethodHandle READ_AHEAD = handle("bita_read_ahead", FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG));
        static final MethodHandle DROP_PAGES = handle("bita_drop_pages", FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG));
        static final MethodHandle PACK = kernel("pack", "ipliiplii");
        static final MethodHandle RMS_NORM = kernel("rms_norm", "ppfpiii");
        static final MethodHandle QUANTIZE = kernel("quantize", "pppppiiiiii");
        static final MethodHandle MULTIPLY = kernel("multiply", "ipliipppppipliii");
        static final MethodHandle ROTATE = kernel("rotate", "plipiii");
        static final MethodHandle STORE_KEYS = kernel("store_keys", "piipiiiiii");
        static final MethodHandle STORE_VALUES = kernel("store_values", "piipiiiiii");
        static final MethodHandle ATTEND = kernel("attend", "piiiifppiippippppppii");
        static final MethodHandle SWIGLU = kernel("swiglu", "ppll");
        static final MethodHandle ARGMAX =
                handle("bita_argmax", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
        static final MethodHandle EXPONENTIALS = kernel("exponentials", "piffp");
        static final MethodHandle READ_SWEEP =
                handle("bita_read_sweep", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
        static final MethodHandle INTEGER_PEAK =
                handle("bita_integer_peak", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG));
        static final MethodHandle FLOAT_PEAK =
                handle("bita_float_peak", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG));

        /** A kernel without result. Signature: p pointer, i int32, l int64, f float; the instruction set goes first. */
        private static MethodHandle kernel(String name, String signature) {
            MemoryLayout[] parameters = new MemoryLayout[signature.length() + 1];
            parameters[0] = JAVA_INT;
            for (int i = 0; i < signature.length(); i++) {
                parameters[i + 1] = switch (signature.charAt(i)) {
                    case 'p' -> ADDRESS;
                    case 'l' -> JAVA_LONG;
                    case 'f' -> JAVA_FLOAT;
                    default -> JAVA_INT;
                };
            }
            return handle("bita_" + name, FunctionDescriptor.ofVoid(parameters));
        }

        @SuppressWarnings("restricted") // descriptors agree with bita.h
        private static MethodHandle handle(String symbol, FunctionDescriptor descriptor) {
            return Linker.nativeLinker().downcallHandle(LIBRARY.findOrThrow(symbol), descriptor);
        }
    }
}
