package bita.model.file;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** A tensor of a {@link SafetensorsFile}. */
public final class SafetensorsTensor {
    private final String name;
    private final String dtype;
    private final long[] shape;
    private final MemorySegment data;

    SafetensorsTensor(String name, String dtype, long[] shape, MemorySegment data) {
        this.name = name;
        this.dtype = dtype;
        this.shape = shape;
        this.data = data;
    }

    /** The name, unique in its file. */
    public String name() {
        return name;
    }

    /** The element type as the file names it, such as F32, F16 or BF16; it may be one that this library cannot decode. */
    public String dtype() {
        return dtype;
    }

    /** The size of each dimension, outermost first; a scalar has none. */
    public long[] shape() {
        return shape.clone();
    }

    /** The stored elements, read only and without a promised alignment; valid until the file is closed. */
    public MemorySegment data() {
        return data;
    }

    @Override
    public String toString() {
        return name + " " + dtype + " " + Arrays.toString(shape);
    }
}
