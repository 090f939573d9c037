package bita.model;

/**
 * The two orders of a head's dimensions: in memory, and in GGUF files of the Llama family, the two numbers of a rotary pair lie
 * side by side; in Hugging Face's files, and in GGUF files of the other families, they lie half of the rotated dimensions apart.
 *
 * @param headDim numbers of a head
 * @param rotated how many of them, the first ones, are rotated
 */
public record RotaryOrder(int headDim, int rotated) {
    /** That of a model. */
    public static RotaryOrder of(ModelConfig config) {
        return new RotaryOrder(config.headDim(), config.positions().rotary().dimensions());
    }

    /**
     * From halves to pairs.
     *
     * @param halves (..., heads, headDim, width)
     */
    public float[] pairs(float[] halves, int width) {
        float[] pairs = new float[halves.length];
        for (int row = 0; row < halves.length / width; row++) {
            System.arraycopy(halves, half(row) * width, pairs, row * width, width);
        }
        return pairs;
    }

    /**
     * From pairs to halves.
     *
     * @param pairs (..., heads, headDim, width)
     */
    public float[] halves(float[] pairs, int width) {
        float[] halves = new float[pairs.length];
        for (int row = 0; row < pairs.length / width; row++) {
            System.arraycopy(pairs, row * width, halves, half(row) * width, width);
        }
        return halves;
    }

    /** Where the dimension that is {@code row} among pairs is among halves. */
    int half(int row) {
        int dimension = row % headDim;
        return dimension < rotated ? row - dimension + dimension / 2 + dimension % 2 * (rotated / 2) : row;
    }
}
