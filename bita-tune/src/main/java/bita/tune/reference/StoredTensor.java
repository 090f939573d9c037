package bita.tune.reference;

import java.io.IOException;

/** A tensor of floating-point numbers in a file, read piece by piece. */
interface StoredTensor {
    /** The name under which the file holds it. */
    String name();

    /** The size of each dimension, outermost first. */
    long[] shape();

    /**
     * Consecutive elements in f32.
     *
     * @param first index of the first one, counted over all dimensions, the last of which runs fastest
     * @throws bita.model.file.ModelFormatException if the elements are of another kind, or the file does not hold them
     * @throws IndexOutOfBoundsException if the tensor does not have so many elements
     */
    float[] floats(long first, int count) throws IOException;
}
