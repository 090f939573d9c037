package bita.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The C kernels of tuning (src/main/c/training.c) on one instruction set. */
@SuppressWarnings("EnumOrdinal") // bita.h numbers the constants in the same order
final class NativeTraining implements TrainingKernels {
    private final int code;

    /** For an instruction set that {@link NativeKernels#supports} has confirmed. */
    NativeTraining(InstructionSet isa) {
        code = isa.ordinal();
    }

    @Override
    public void multiply(
            PackedMatrix weights,
            MemorySegment x,
            int rows,
            MemorySegment out,
            boolean add,
            MemorySegment scratch,
            int panelFrom,
            int panelTo) {
        try {
            Functions.FORWARD.invokeExact(
                    code,
                    weights.layout().ordinal(),
                    weights.data(),
                    weights.panelBytes(),
                    weights.rows(),
                    weights.columns(),
                    x,
                    rows,
                    out,
                    add ? 1 : 0,
                    scratch,
                    panelFrom,
                    panelTo);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    @Override
    public void multiplyBackward(
            PackedMatrix weights,
            MemorySegment dy,
            int rows,
            MemorySegment dx,
            boolean add,
            MemorySegment scratch,
            int blockFrom,
            int blockTo) {
        try {
            Functions.BACKWARD.invokeExact(
                    code,
                    weights.layout().ordinal(),
                    weights.data(),
                    weights.panelBytes(),
                    weights.rows(),
                    weights.columns(),
                    dy,
                    rows,
                    dx,
                    add ? 1 : 0,
                    scratch,
                    blockFrom,
                    blockTo);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    @Override
    public void addOuterProducts(
            MemorySegment left,
            int leftColumns,
            MemorySegment right,
            int rightColumns,
            int rows,
            MemorySegment out,
            int from,
            int to) {
        try {
            Functions.OUTER_ADD.invokeExact(code, left, leftColumns, right, rightColumns, rows, out, from, to);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    @Override
    public void rmsNormBackward(
            MemorySegment x,
            MemorySegment weight,
            float epsilon,
            MemorySegment dy,
            MemorySegment dx,
            int columns,
            int rowFrom,
            int rowTo) {
        try {
            Functions.RMS_NORM_BACKWARD.invokeExact(code, x, weight, epsilon, dy, dx, columns, rowFrom, rowTo);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    @Override
    public void layerNormBackward(
            MemorySegment x,
            MemorySegment weight,
            float epsilon,
            MemorySegment dy,
            MemorySegment dx,
            int columns,
            int rowFrom,
            int rowTo) {
        try {
            Functions.LAYER_NORM_BACKWARD.invokeExact(code, x, weight, epsilon, dy, dx, columns, rowFrom, rowTo);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    @Override
    public void activateGatedBackward(
            Activation activation, MemorySegment gate, MemorySegment up, MemorySegment d, long from, long to) {
        try {
            Functions.ACTIVATE_GATED_BACKWARD.invokeExact(code, activation.ordinal(), gate, up, d, from, to);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    @Override
    public void activateBackward(Activation activation, MemorySegment x, MemorySegment d, long from, long to) {
        try {
            Functions.ACTIVATE_BACKWARD.invokeExact(code, activation.ordinal(), x, d, from, to);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    @Override
    public void capBackward(MemorySegment capped, float cap, MemorySegment d, long from, long to) {
        try {
            Functions.CAP_BACKWARD.invokeExact(code, capped, cap, d, from, to);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    @Override
    public void turnCache(
            KvLayer layer,
            int headDim,
            int count,
            MemorySegment keyRows,
            MemorySegment valuePanels,
            int headFrom,
            int headTo) {
        try {
            Functions.TURN_CACHE.invokeExact(
                    code,
                    layer.keys(),
                    layer.values(),
                    layer.slots(),
                    headDim,
                    count,
                    keyRows,
                    valuePanels,
                    headFrom,
                    headTo);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    @Override
    public void attendBackward(MaskAttention a, MemorySegment scratch, int kvHead, int groupFrom, int groupTo) {
        try {
            Functions.ATTEND_BACKWARD.invokeExact(
                    code,
                    a.query(),
                    a.dOut(),
                    a.masks(),
                    a.shape().heads(),
                    a.shape().kvHeads(),
                    a.shape().headDim(),
                    a.shape().scale(),
                    a.shape().cap(),
                    a.shape().window(),
                    a.layer().keys(),
                    a.keyRows(),
                    a.valuePanels(),
                    a.layer().slots(),
                    a.prefix(),
                    a.maskKeys(),
                    a.maskValues(),
                    a.promptKeys(),
                    a.promptValues(),
                    a.prompts(),
                    a.dQuery(),
                    a.dMaskKeys(),
                    a.dMaskValues(),
                    a.dPromptKeys(),
                    a.dPromptValues(),
                    scratch,
                    kvHead,
                    groupFrom,
                    groupTo);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    @Override
    public float softmax(MemorySegment x, int count) {
        try {
            return (float) Functions.SOFTMAX.invokeExact(code, x, count);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    @Override
    public void combine(MemorySegment x, float a, MemorySegment y, float b, int count) {
        try {
            Functions.COMBINE.invokeExact(code, x, a, y, b, count);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    @Override
    public int countAbove(MemorySegment x, int count, float threshold) {
        try {
            return (int) Functions.COUNT_ABOVE.invokeExact(code, x, count, threshold);
        } catch (Throwable e) {
            throw DowncallHandles.unexpected(e);
        }
    }

    /** Handles in the order of the list in bita.h; initialized with the first call. */
    private static final class Functions {
        static final MethodHandle FORWARD = DowncallHandles.kernel("product_forward", "ipliipipipii");
        static final MethodHandle BACKWARD = DowncallHandles.kernel("product_backward", "ipliipipipii");
        static final MethodHandle OUTER_ADD = DowncallHandles.kernel("outer_add", "pipiipii");
        static final MethodHandle RMS_NORM_BACKWARD = DowncallHandles.kernel("rms_norm_backward", "ppfppiii");
        static final MethodHandle LAYER_NORM_BACKWARD = DowncallHandles.kernel("layer_norm_backward", "ppfppiii");
        static final MethodHandle ACTIVATE_GATED_BACKWARD = DowncallHandles.kernel("activate_gated_backward", "ipppll");
        static final MethodHandle ACTIVATE_BACKWARD = DowncallHandles.kernel("activate_backward", "ippll");
        static final MethodHandle CAP_BACKWARD = DowncallHandles.kernel("cap_backward", "pfpll");
        static final MethodHandle TURN_CACHE = DowncallHandles.kernel("turn_cache", "ppiiippii");
        static final MethodHandle ATTEND_BACKWARD =
                DowncallHandles.kernel("attend_backward", "ppiiiiffipppipppppippppppiii");
        static final MethodHandle SOFTMAX = DowncallHandles.kernel(JAVA_FLOAT, "softmax", "pi");
        static final MethodHandle COMBINE = DowncallHandles.kernel("combine", "pfpfi");
        static final MethodHandle COUNT_ABOVE = DowncallHandles.kernel(JAVA_INT, "count_above", "pif");
    }
}
