package bita.model;

/**
 * The two orders of a head's dimensions: GGUF files of the Llama family hold the two numbers of a rotary pair side by side,
 * Hugging Face half a head apart.
 */
public final class RotaryOrder {
    private RotaryOrder() {}

    /**
     * From halves to pairs.
     *
     * @param halves (..., heads, headDim, width)
     */
    public static float[] pairs(float[] halves, int headDim, int width) {
        float[] pairs = new float[halves.length];
        for (int row = 0; row < halves.length / width; row++) {
            System.arraycopy(halves, half(row, headDim) * width, pairs, row * width, width);
        }
        return pairs;
    }

    /**
     * From pairs to halves.
     *
     * @param pairs (..., heads, headDim, width)
     */
    public static float[] halves(float[] pairs, int headDim, int width) {
        float[] halves = new float[pairs.length];
        for (int row = 0; row < pairs.length / width; row++) {
            System.arraycopy(pairs, row * width, halves, half(row, headDim) * width, width);
        }
        return halves;
    }

    /** Where the dimension that is {@code row} among pairs is among halves. */
    private static int half(int row, int headDim) {
        int dimension = row % headDim;
        return row - dimension + dimension / 2 + dimension % 2 * (headDim / 2);
    }
}
